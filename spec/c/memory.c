/* Ending a tree when memory runs out. */
#include "check.h"

/* A sanitizer's realloc cannot be replaced. */
#ifndef __SANITIZE_ADDRESS__
#ifdef __has_feature
#define IS_SANITIZED __has_feature(address_sanitizer)
#else
#define IS_SANITIZED 0
#endif
#else
#define IS_SANITIZED 1
#endif

#if !IS_SANITIZED

extern void *__libc_realloc(void *memory, size_t size);

static bool is_out;

/* In place of libc's. */
void *realloc(void *memory, size_t size)
{
	if (!is_out)
		return __libc_realloc(memory, size);
	errno = ENOMEM;
	return NULL;
}

static char state_of(pid_t pid)
{
	char path[64], text[512] = "";
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	(void)!fread(text, 1, sizeof text - 1, file);
	(void)fclose(file);
	return strrchr(text, ')') ? strrchr(text, ')')[2] : 0;
}

static pid_t read_child(struct nsh_process *process)
{
	struct nsh_stream *stream = nsh_process_stream(process, 1);
	pid_t pid = 0;
	const char *line;
	size_t size;

	while (!pid || pid == nsh_process_pid(process)) {
		int ret = nsh_stream_read(stream, '\n', 0, &line, &size);

		if (ret == 0)
			(void)nsh_poll(nsh_stream_fd(stream), POLLIN, 5);
		else if (ret != 1)
			break;
		else if (memchr(line, '=', size))
			pid = atoi((char *)memchr(line, '=', size) + 1);
	}
	return pid;
}

/* The child is not found by any sweep, so it lives: but it is not stopped. */
static void child_that_cannot_be_noted(void)
{
	struct nsh_command *cmd = PROBE("--print-pids", "--fork", "--pause", "--end",
					"--pause");
	struct nsh_failure failure = { .code = NSH_OK };
	struct nsh_process *process;
	pid_t child;

	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	nsh_command_set_stdio(cmd, 2, NSH_STDIO_NULL);
	process = start(cmd);
	child = read_child(process);
	is_out = true;
	EQUAL(nsh_process_abort(process, &failure), -1);
	is_out = false;
	EQUAL(failure.code, NSH_IO);
	EQUAL(failure.stage, NSH_STAGE_ABORT);
	EQUAL(failure.errnum, ENOMEM);
	/* It may be runnable still: on its way to pause(2). */
	CHECK(state_of(child) == 'S' || state_of(child) == 'R');
	(void)kill(child, SIGKILL);
	CHECK(goes(child));
	nsh_process_free(process);
}

#endif

static const struct check checks[] = {
#if !IS_SANITIZED
	{ "a child that cannot be recorded is not stopped, and is reported",
	  child_that_cannot_be_noted },
#endif
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return check_main(checks, argc, argv);
}
