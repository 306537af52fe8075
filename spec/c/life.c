/* The life of processes: ending trees, forgetting, forks of the host. */
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "check.h"

/* ---- trees ------------------------------------------------------------- */

enum { MOST = 256 };

/* Reads the pids that a probe writes, one per line, until there are `count`. */
static size_t read_pids(struct nsh_process *process, pid_t *pids, size_t count)
{
	struct nsh_stream *stream = nsh_process_stream(process, 1);
	size_t got = 0, size;
	const char *line;

	while (got < count) {
		int ret = nsh_stream_read(stream, '\n', 0, &line, &size);

		if (ret == 0)
			(void)nsh_poll(nsh_stream_fd(stream), POLLIN, 5);
		else if (ret != 1)
			break;
		else if (memchr(line, '=', size))
			pids[got++] = atoi((char *)memchr(line, '=', size) + 1);
	}
	return got;
}

static void end_tree(struct nsh_command *cmd, size_t count, double grace)
{
	struct nsh_process *process;
	pid_t pids[MOST];

	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	nsh_command_set_stdio(cmd, 2, NSH_STDIO_NULL);
	process = start(cmd);
	if (!process)
		return;
	EQUAL(read_pids(process, pids, count), count);
	if (grace < 0)
		(void)nsh_process_abort(process, NULL);
	else
		nsh_process_terminate(process, grace);
	EQUAL(nsh_process_wait(process, 10, NULL), 1);
	for (size_t i = 0; i < count; i++)
		CHECK(goes(pids[i]));
	nsh_process_free(process);
}

static void tree_of_children(void)
{
	end_tree(PROBE("--print-pids", "--fork", "--fork", "--pause", "--end",
		       "--pause", "--end", "--fork", "--pause", "--end", "--pause"),
		 4, -1);
}

static void tree_that_left_the_session(void)
{
	end_tree(PROBE("--print-pids", "--fork", "--setsid", "--fork", "--setsid",
		       "--pause", "--end", "--pause", "--end", "--pause"), 3, -1);
}

static void tree_that_ignores_term(void)
{
	end_tree(PROBE("--ignore", "TERM", "--print-pids", "--fork", "--pause",
		       "--end", "--pause"), 2, 0.05);
}

/* poll(2) fails with EINTR also if it does not wait: the member has not gone. */
static void tree_in_a_storm(void)
{
	struct nsh_command *cmd = PROBE("--fork", "--ignore", "TERM", "--print-pids",
					"--pause", "--end", "--pause");
	struct nsh_process *process;
	pid_t child;

	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	process = start(cmd);
	if (!process)
		return;
	EQUAL(read_pids(process, &child, 1), 1);
	nsh_process_terminate(process, 0.3);
	start_storm(20);
	while (nsh_process_pump(process, NULL) == 0)
		;
	start_storm(0);
	CHECK(goes(child));
	nsh_process_free(process);
}

static void tree_that_is_stopped(void)
{
	end_tree(PROBE("--print-pids", "--fork", "--kill", "STOP", "--pause",
		       "--end", "--kill", "STOP", "--pause"), 2, 5);
}

static void tree_of_a_session(void)
{
	struct nsh_command *cmd = PROBE("--print-pids", "--fork", "--fork",
					"--pause", "--end", "--end", "--wait",
					"--pause");

	nsh_command_new_session(cmd);
	end_tree(cmd, 2, -1);
}

/* Processes of that name that are no zombies. */
static int count_alive(const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int count = 0;

	while (proc && (entry = readdir(proc))) {
		char path[300], text[512] = "", *found;
		FILE *file;

		(void)snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		file = atoi(entry->d_name) > 0 ? fopen(path, "re") : NULL;
		if (!file)
			continue;
		(void)!fread(text, 1, sizeof text - 1, file);
		(void)fclose(file);
		found = strstr(text, name);
		count += found && found[strlen(name)] != 'Z';
	}
	if (proc)
		(void)closedir(proc);
	return count;
}

/* Its children die of TERM while it makes more of them. */
static void tree_that_forks_on(void)
{
	struct nsh_command *cmd = nsh_command_new_args("/proc/self/exe", "bomb",
						       NULL);
	struct nsh_process *process;

	nsh_command_set_stdio(cmd, 1, NSH_STDIO_NULL);
	process = start(cmd);
	if (!process)
		return;
	(void)usleep(100000);
	(void)nsh_process_abort(process, NULL);
	nsh_process_free(process);
	for (int i = 0; i < 20 && count_alive("(noshell-bomb) ") > 0; i++)
		(void)usleep(1000);
	EQUAL(count_alive("(noshell-bomb) "), 0);
}

/* 200 at a time at most, each with a short life. */
static void be_bomb(void)
{
	(void)prctl(PR_SET_NAME, "noshell-bomb");
	(void)signal(SIGTERM, SIG_IGN);
	(void)alarm(20);
	for (int alive = 0;;) {
		pid_t pid = alive < 100 ? fork() : -1;

		if (pid == 0) {
			(void)fork();
			(void)usleep(3000);
			_exit(0);
		}
		alive += pid > 0;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			alive--;
	}
}

/* A probe that leaves a grandchild, which keeps its stdout until the returned
   descriptor is closed. */
static struct nsh_process *start_keeper(int *ret_fd, double timeout)
{
	struct nsh_command *cmd = PROBE("--say", "early", "--fork", "--block-on",
					"5", "--end");
	struct nsh_process *process;
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	nsh_command_pass_fd(cmd, ends[0], 5, true);
	if (timeout > 0)
		nsh_command_set_timeout(cmd, timeout, 0.1);
	process = start(cmd);
	*ret_fd = ends[1];
	return process;
}

/* A stranger with that number, and a child of it. */
static bool make_stranger(pid_t pid, pid_t *ret_child)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t child;
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	args.set_tid = (uintptr_t)&pid;
	args.set_tid_size = 1;
	if (syscall(SYS_clone3, &args, sizeof args) == 0) {
		(void)setpgid(0, 0);
		child = fork();
		if (child > 0)
			(void)!write(ends[1], &child, sizeof child);
		for (;;)
			(void)pause();
	}
	(void)close(ends[1]);
	child = read(ends[0], ret_child, sizeof child) == sizeof child;
	(void)close(ends[0]);
	return child;
}

static void stranger_with_the_number(void)
{
	int fd;
	struct nsh_process *process = start_keeper(&fd, 0);
	pid_t pid, child;

	if (!process)
		return;
	pid = nsh_process_pid(process);
	while (lives(pid) || kill(pid, 0) == 0)
		(void)nsh_process_wait(process, 0.01, NULL);
	if (make_stranger(pid, &child)) {
		(void)nsh_process_abort(process, NULL);
		CHECK(lives(pid) && lives(child));
		(void)kill(child, SIGKILL);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	} else {
		(void)printf("no stranger: clone3 with set_tid needs root\n");
	}
	(void)close(fd);
	nsh_process_free(process);
}

/* Its status is not collected when its tree is ended. */
static void stranger_with_the_number_of_one_reaped(bool has_group)
{
	struct nsh_command *cmd = PROBE("--exit", "0");
	struct nsh_process *process;
	pid_t pid, child;

	if (has_group)
		nsh_command_new_process_group(cmd);
	process = start(cmd);
	if (!process)
		return;
	pid = nsh_process_pid(process);
	EQUAL(waitpid(pid, NULL, 0), pid);
	if (make_stranger(pid, &child)) {
		EQUAL(nsh_process_abort(process, NULL), 0);
		CHECK(lives(pid) && lives(child));
		(void)kill(child, SIGKILL);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	} else {
		(void)printf("no stranger: clone3 with set_tid needs root\n");
	}
	nsh_process_free(process);
}

static void stranger_after_a_foreign_reaper(void)
{
	stranger_with_the_number_of_one_reaped(false);
	stranger_with_the_number_of_one_reaped(true);
}

/* ---- grandchildren that keep a pipe ------------------------------------ */

static void pipe_kept_by_a_grandchild(void)
{
	struct nsh_command *cmd = PROBE("--say", "early", "--fork", "--sleep",
					"300", "--say", "late", "--end");
	struct nsh_process *process = start(cmd);
	const struct nsh_result *result;

	if (!process)
		return;
	EQUAL(nsh_process_wait(process, 0.1, NULL), 0);
	EQUAL(nsh_process_wait(process, -1, NULL), 1);
	result = nsh_process_result(process);
	CHECK(result->output_size[1] == 11 && !result->output_incomplete);
	nsh_process_free(process);
}

static void pipe_kept_past_the_deadline(void)
{
	int fd;
	struct nsh_process *process = start_keeper(&fd, 0.2);
	const struct nsh_result *result;

	if (!process)
		return;
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	result = nsh_process_result(process);
	CHECK(result->output_incomplete && result->timed_out);
	EQUAL(result->output_size[1], 6);
	EQUAL(result->code, NSH_TIMEOUT);
	EQUAL(result->exit_code, 0);
	nsh_process_free(process);
	(void)close(fd);
}

/* ---- waiting ----------------------------------------------------------- */

static void waiting_twice(void)
{
	struct nsh_process *process = start(PROBE("--exit", "3"));

	if (!process)
		return;
	for (int i = 0; i < 3; i++) {
		EQUAL(nsh_process_wait(process, -1, NULL), 1);
		EQUAL(nsh_process_result(process)->exit_code, 3);
	}
	EQUAL(nsh_process_kill(process, SIGTERM), -1);
	EQUAL(errno, ESRCH);
	nsh_process_terminate(process, 0);
	(void)nsh_process_abort(process, NULL);
	EQUAL(nsh_process_result(process)->exit_code, 3);
	EQUAL(nsh_process_pidfd(process), -1);
	nsh_process_free(process);
}

static void daemon_freed_at_once(void)
{
	struct nsh_command *cmd = PROBE("--pause");
	struct nsh_process *process;
	pid_t pid;

	nsh_command_daemonize(cmd);
	process = start(cmd);
	if (!process)
		return;
	pid = nsh_process_pid(process);
	(void)nsh_process_abort(process, NULL);
	nsh_process_free(process);
	(void)usleep(50000);
	CHECK(lives(pid));
	(void)kill(pid, SIGKILL);
	CHECK(goes(pid));
}

/* ---- secrets ----------------------------------------------------------- */

#ifndef __SANITIZE_ADDRESS__    /* whose shadow is all of our memory, and more */

enum { SECRET_SIZE = 48 };
static unsigned char masked[SECRET_SIZE];   /* the secret, each bit turned over */

static bool is_secret(const unsigned char *at)
{
	for (int i = 0; i < SECRET_SIZE; i++)
		if ((at[i] ^ 0xff) != masked[i])
			return false;
	return true;
}

/* Counts copies of the secret in our heap, stacks and other writable memory. */
static int count_secrets(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	int count = 0;

	while (maps && fgets(line, sizeof line, maps)) {
		unsigned long first, end;

		if (sscanf(line, "%lx-%lx rw", &first, &end) != 2
		    || !strstr(line, " rw") || strstr(line, "/dev/"))
			continue;
		for (; first + SECRET_SIZE <= end; first++)
			count += is_secret((const unsigned char *)first);
	}
	if (maps)
		(void)fclose(maps);
	return count;
}

/* Calls fn with the secret, of which no other copy is left then. */
static void with_secret(void (*fn)(struct nsh_command *, const void *),
			struct nsh_command *cmd)
{
	unsigned char plain[SECRET_SIZE];

	for (int i = 0; i < SECRET_SIZE; i++)
		plain[i] = masked[i] ^ 0xff;
	fn(cmd, plain);
	explicit_bzero(plain, sizeof plain);
}

static void send_it(struct nsh_command *cmd, const void *secret)
{
	EQUAL(nsh_command_send_buffer(cmd, secret, SECRET_SIZE), 3);
}

static void input_it(struct nsh_command *cmd, const void *secret)
{
	nsh_command_set_input_buffer(cmd, secret, SECRET_SIZE);
}

static void secrets_are_wiped(void)
{
	void (*const ways[])(struct nsh_command *, const void *) = { send_it, input_it };

	for (int i = 0; i < SECRET_SIZE; i++)
		masked[i] = (unsigned char)(i * 37 + getpid());
	EQUAL(count_secrets(), 0);
	for (int i = 0; i < 2; i++) {
		struct nsh_command *cmd = PROBE("--block-on", i == 0 ? "3" : "0");
		struct nsh_process *process;

		nsh_command_set_stdio(cmd, 1, NSH_STDIO_NULL);
		with_secret(ways[i], cmd);
		CHECK(count_secrets() > 0);
		EQUAL(nsh_command_start(cmd, &process, NULL), 0);
		EQUAL(nsh_process_wait(process, 5, NULL), 1);
		nsh_process_free(process);
		nsh_command_free(cmd);
		EQUAL(count_secrets(), 0);
	}
}

#endif

static const struct check checks[] = {
	{ "a tree of children ends", tree_of_children },
	{ "a tree that left the session ends", tree_that_left_the_session },
	{ "a tree that ignores TERM ends", tree_that_ignores_term },
	{ "a tree that ignores TERM ends in a storm of signals", tree_in_a_storm },
	{ "a stopped tree ends by TERM", tree_that_is_stopped },
	{ "a session ends with its orphans", tree_of_a_session },
	{ "a tree that forks on ends", tree_that_forks_on },
	{ "another process with the root's number is not signalled", stranger_with_the_number },
	{ "another process with the number of a root that the host reaped is not signalled",
	  stranger_after_a_foreign_reaper },
	{ "a grandchild keeps the pipe open", pipe_kept_by_a_grandchild },
	{ "a deadline ends the reading from a grandchild", pipe_kept_past_the_deadline },
	{ "waiting again returns the same result, and signals no process", waiting_twice },
	{ "a daemon outlives its object", daemon_freed_at_once },
#ifndef __SANITIZE_ADDRESS__
	{ "sent bytes are wiped from memory", secrets_are_wiped },
#endif
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "bomb") == 0)
		be_bomb();
	return check_main(checks, argc, argv);
}
