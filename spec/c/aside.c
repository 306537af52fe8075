/* Pending starts: starts in another thread, for a host that must not block. */
#include <sched.h>
#include <sys/syscall.h>

#include "check.h"
#include "kill_on.h"

UNUSED static int status_of(pid_t child)
{
	int status = -1;

	(void)waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct nsh_start *begin(struct nsh_command *take_cmd, bool to_end)
{
	struct nsh_start *start_of = NULL;

	CHECK(nsh_command_can_start_aside(take_cmd));
	EQUAL(nsh_command_start_aside(take_cmd, to_end, &start_of, NULL), 0);
	nsh_command_free(take_cmd);
	return start_of;
}

static struct nsh_start *start_aside(struct nsh_command *take_cmd)
{
	return begin(take_cmd, false);
}

static bool is_readable(const struct nsh_start *it, double seconds)
{
	return nsh_poll(nsh_start_fd(it), NSH_READABLE, seconds) == 1;
}

static void starts_aside(void)
{
	struct nsh_start *starts[50];

	for (int i = 0; i < 50; i++) {
		char code[4];

		(void)snprintf(code, sizeof code, "%d", i);
		starts[i] = start_aside(PROBE("--say", code, "--exit", code));
	}
	for (int i = 0; i < 50; i++) {
		struct nsh_process *process = NULL;

		CHECK(is_readable(starts[i], 5));
		EQUAL(nsh_start_finish(starts[i], 0, &process, NULL), 1);
		nsh_start_free(starts[i]);
		EQUAL(nsh_process_wait(process, 5, NULL), 1);
		EQUAL(nsh_process_result(process)->exit_code, i);
		EQUAL(nsh_process_result(process)->output_size[1], i < 10 ? 2 : 3);
		nsh_process_free(process);
	}
}

static void fails_aside(void)
{
	struct nsh_command *cmd = PROBE("--exit", "0");
	struct nsh_process *process = NULL;
	struct nsh_failure failure;
	struct nsh_start *it;

	nsh_command_set_working_directory(cmd, "/no/such/directory");
	it = start_aside(cmd);
	EQUAL(nsh_start_finish(it, 5, &process, &failure), -1);
	EQUAL(failure.stage, NSH_STAGE_WORKING_DIRECTORY);
	EQUAL(failure.errnum, ENOENT);
	nsh_start_free(it);
}

/* It is readable only if there is work to do; the start alone is none. */
static void tells_of_the_process(void)
{
	struct nsh_start *it = begin(PROBE("--pause"), true);
	struct nsh_process *process = NULL;

	EQUAL(nsh_start_finish(it, 5, &process, NULL), 1);
	CHECK(!is_readable(it, 0.1));
	EQUAL(sched_getscheduler(nsh_process_pid(process)), SCHED_OTHER);
	EQUAL(nsh_process_kill(process, SIGKILL), 0);
	CHECK(is_readable(it, 5));
	nsh_start_free(it);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	nsh_process_free(process);
}

static void tells_of_output(void)
{
	struct nsh_start *it = begin(PROBE("--say", "x", "--pause"), true);
	struct nsh_process *process = NULL;

	CHECK(is_readable(it, 5));
	EQUAL(nsh_start_finish(it, 0, &process, NULL), 1);
	nsh_start_free(it);
	EQUAL(nsh_process_wait(process, 0, NULL), 0);
	nsh_process_free(process);
}

static void tells_of_failures_at_once(void)
{
	struct nsh_command *cmd = PROBE("--exit", "0");
	struct nsh_process *process = NULL;
	struct nsh_start *it;

	nsh_command_set_working_directory(cmd, "/no/such/directory");
	nsh_command_set_timeout(cmd, 7, 2);
	it = begin(cmd, true);
	CHECK(nsh_start_timeout(it) == 7);
	CHECK(is_readable(it, 5));
	EQUAL(nsh_start_finish(it, 0, &process, NULL), -1);
	nsh_start_free(it);
	it = start_aside(PROBE("--exit", "0"));
	CHECK(nsh_start_timeout(it) < 0);
	CHECK(is_readable(it, 5));
	nsh_start_free(it);
}

/* Nothing is left of it, whether its turn had come or not. */
static void abandons_a_start(void)
{
	for (int i = 0; i < 20; i++)
		nsh_start_free(start_aside(PROBE("--exit", "3")));
	for (int i = 0; i < 20; i++) {
		struct nsh_start *it = start_aside(PROBE("--exit", "3"));

		CHECK(is_readable(it, 5));
		nsh_start_free(it);
	}
}

static int pass(void *data, char *message, size_t size)
{
	(void)data;
	(void)message;
	(void)size;
	return 0;
}

static void knows_what_it_cannot(void)
{
	struct nsh_command *hooked = PROBE("--exit", "0");
	struct nsh_command *giving = PROBE("--exit", "0");
	struct nsh_command *closed = PROBE("--exit", "0");
	struct nsh_start *start_of = NULL;
	struct nsh_failure failure;

	nsh_command_set_pre_exec_hook(hooked, pass, NULL);
	nsh_command_pass_fd(giving, fcntl(2, F_DUPFD_CLOEXEC, 3), 7, true);
	nsh_command_set_stdio_fd(closed, 1, 1000);
	CHECK(!nsh_command_can_start_aside(hooked));
	CHECK(!nsh_command_can_start_aside(giving));
	CHECK(!nsh_command_can_start_aside(NULL));
	EQUAL(nsh_command_start_aside(closed, false, &start_of, &failure), -1);
	EQUAL(failure.stage, NSH_STAGE_STDOUT);
	EQUAL(failure.errnum, EBADF);
	nsh_command_free(hooked);
	nsh_command_free(giving);
	nsh_command_free(closed);
}

/* The caller closes the descriptors at once, and reads the end of what the program
 * writes although the start has not been freed. */
static void starts_with_descriptors(void)
{
	struct nsh_command *cmd = PROBE("--cat", "--to-fd", "7", "--say", "passed");
	struct nsh_process *process = NULL;
	struct nsh_start *it;
	int input[2], output[2];
	char text[32] = "";

	EQUAL(nsh_pipe(input), 0);
	EQUAL(nsh_pipe(output), 0);
	nsh_command_set_stdio_fd(cmd, 0, input[0]);
	nsh_command_set_stdio_fd(cmd, 1, output[1]);
	nsh_command_set_stdio(cmd, 2, NSH_STDIO_INHERIT);
	nsh_command_pass_fd(cmd, output[1], 7, false);
	it = start_aside(cmd);
	nsh_fd_close(input[0]);
	nsh_fd_close(output[1]);
	EQUAL(write(input[1], "standard ", 9), 9);
	nsh_fd_close(input[1]);
	CHECK(is_readable(it, 5));
	for (ssize_t size = 0, count = 1; count > 0; size += count)
		count = read(output[0], text + size, sizeof text - (size_t)size);
	CHECK(strcmp(text, "standard passed\n") == 0);
	EQUAL(nsh_start_finish(it, 0, &process, NULL), 1);
	nsh_start_free(it);
	nsh_process_free(process);
	nsh_fd_close(output[0]);
}

UNUSED static void starts_aside_after_a_fork(void)
{
	struct nsh_start *it = start_aside(PROBE("--exit", "0"));
	struct nsh_process *process = NULL;
	pid_t child = fork();

	if (child == 0) {
		nsh_start_free(it);
		starts_aside();
		_exit(wrong);
	}
	EQUAL(status_of(child), 0);
	EQUAL(nsh_start_finish(it, 5, &process, NULL), 1);
	nsh_start_free(it);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	nsh_process_free(process);
}

/* Starting in another thread needs no other system calls than starting does. */
UNUSED static void survives_a_filter(void)
{
	pid_t child = fork();

	if (child == 0) {
		EQUAL(kill_on(SYS_sched_setscheduler), 0);
		starts_aside();
		_exit(wrong);
	}
	EQUAL(status_of(child), 0);
}

static const struct check checks[] = {
	{ "programs start in another thread", starts_aside },
	{ "a start in another thread reports its failure", fails_aside },
	{ "a start to the end is readable when the process must be pumped",
	  tells_of_the_process },
	{ "a start to the end is readable for output", tells_of_output },
	{ "a start to the end reports a failure at once", tells_of_failures_at_once },
	{ "a start in another thread can be abandoned", abandons_a_start },
	{ "commands that cannot start in another thread are rejected", knows_what_it_cannot },
	{ "a start has its own descriptors, and closes them", starts_with_descriptors },
#if CAN_HAVE_THREADS_AFTER_FORK
	{ "another thread starts programs after a fork", starts_aside_after_a_fork },
	{ "another thread survives a filter that kills", survives_a_filter },
#endif
	{ NULL, NULL },
};

/* Objects made at the first start are kept. */
static void make(void)
{
	struct nsh_start *it = start_aside(PROBE("--exit", "0"));
	struct nsh_process *process = NULL;

	EQUAL(nsh_start_finish(it, 5, &process, NULL), 1);
	nsh_start_free(it);
	nsh_process_free(process);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		make();
	return check_main(checks, argc, argv);
}
