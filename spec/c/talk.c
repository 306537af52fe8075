/* Exchanges with a program: handshakes, data, exec in place. */
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "check.h"

/* ---- handshakes -------------------------------------------------------- */

static struct nsh_command *asking(void)
{
	struct nsh_command *cmd = PROBE("--say", "done");

	nsh_command_require_handshake(cmd);
	return cmd;
}

static void handshake_as_meant(void)
{
	struct nsh_process *process = start(asking());
	struct nsh_failure failure;

	if (!process)
		return;
	EQUAL(nsh_process_handshake_notify(process, &failure), -1);
	EQUAL(failure.code, NSH_INVALID);
	EQUAL(nsh_process_wait(process, 1, &failure), -1);
	EQUAL(failure.code, NSH_INVALID);
	EQUAL(nsh_process_handshake_wait(process, 5, &failure), 1);
	EQUAL(nsh_process_handshake_wait(process, 5, &failure), 1);
	EQUAL(nsh_process_handshake_notify(process, &failure), 0);
	EQUAL(nsh_process_handshake_notify(process, &failure), -1);
	EQUAL(failure.code, NSH_INVALID);
	EQUAL(nsh_process_handshake_wait(process, 5, &failure), -1);
	EQUAL(failure.code, NSH_INVALID);
	EQUAL(nsh_process_wait(process, 5, &failure), 1);
	EQUAL(nsh_process_result(process)->output_size[1], 5);
	nsh_process_free(process);
}

static void handshake_never_required(void)
{
	struct nsh_process *process = start(PROBE("--exit", "0"));
	struct nsh_failure failure;

	EQUAL(nsh_process_handshake_wait(process, 1, &failure), -1);
	EQUAL(failure.code, NSH_INVALID);
	EQUAL(nsh_process_handshake_notify(process, &failure), -1);
	EQUAL(failure.code, NSH_INVALID);
	nsh_process_free(process);
}

static int sleep_on(void *data, char *message, size_t size)
{
	(void)data;
	(void)message;
	(void)size;
	return usleep(100000);
}

static void handshake_times_out(void)
{
	struct nsh_command *cmd = asking();
	struct nsh_process *process;

	nsh_command_set_pre_exec_hook(cmd, sleep_on, NULL);
	process = start(cmd);
	EQUAL(nsh_process_handshake_wait(process, 0.01, NULL), 0);
	EQUAL(nsh_process_handshake_wait(process, 5, NULL), 1);
	EQUAL(nsh_process_handshake_notify(process, NULL), 0);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	EQUAL(nsh_process_result(process)->exit_code, 0);
	nsh_process_free(process);
}

/* The command is freed by start(): the failure must not speak of its bytes. */
static void expect_stage(struct nsh_command *cmd, bool notify,
			 enum nsh_stage stage, const char *subject)
{
	struct nsh_process *process = start(cmd);
	struct nsh_failure failure = { .code = NSH_OK };
	int ret = nsh_process_handshake_wait(process, 5, &failure);

	free(strdup("some other text in the place of the command's"));
	EQUAL(ret, notify ? 1 : -1);
	if (notify)
		EQUAL(nsh_process_handshake_notify(process, &failure), -1);
	EQUAL(failure.stage, stage);
	CHECK(strcmp(failure.subject, subject) == 0);
	nsh_process_free(process);
}

static void handshake_of_the_dead(void)
{
	struct nsh_command *cmd = asking();

	nsh_command_set_working_directory(cmd, "/none/such");
	expect_stage(cmd, false, NSH_STAGE_WORKING_DIRECTORY, "/none/such");
	cmd = asking();
	nsh_command_set_stdio_path(cmd, 1, "/none/such", false);
	expect_stage(cmd, false, NSH_STAGE_STDOUT, "/none/such");
	cmd = asking();
	nsh_command_set_pid_file(cmd, "/none/such");
	expect_stage(cmd, false, NSH_STAGE_PID_FILE, "/none/such");
	cmd = nsh_command_new("/none/such");
	nsh_command_require_handshake(cmd);
	expect_stage(cmd, true, NSH_STAGE_EXEC, "/none/such");
	cmd = asking();
	nsh_command_set_limit(cmd, "nofile", 1, UINT64_MAX - 1);
	expect_stage(cmd, false, NSH_STAGE_LIMIT, "nofile");
}

static void handshake_abandoned(void)
{
	for (int i = 0; i < 50; i++) {
		struct nsh_command *cmd = asking();
		struct nsh_process *process;

		if (i % 2)
			nsh_command_daemonize(cmd);
		if (i % 2)
			nsh_command_set_stdio(cmd, 1, NSH_STDIO_NULL);
		process = start(cmd);
		if (i % 3)
			EQUAL(nsh_process_handshake_wait(process, 5, NULL), 1);
		if (i % 5 == 0)
			nsh_process_forget(process);
		else
			nsh_process_free(process);
		/* Its stack and record must not be those of the next one. */
		EQUAL(run(PROBE("--exit", "0")), 0);
	}
}

/* The program writes into a pipe if it is executed. */
static void handshake_without_parent(void)
{
	int ends[2], ready[2];
	char byte;
	pid_t parent;

	CHECK(pipe2(ends, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0);
	parent = fork();
	if (parent == 0) {
		struct nsh_command *cmd = PROBE("--write", "5", "x");

		nsh_command_require_handshake(cmd);
		nsh_command_pass_fd(cmd, ends[1], 5, false);
		EQUAL(nsh_process_handshake_wait(start(cmd), 5, NULL), 1);
		(void)!write(ready[1], "r", 1);
		for (;;)
			(void)pause();
	}
	(void)close(ends[1]);
	EQUAL(read(ready[0], &byte, 1), 1);
	(void)kill(parent, SIGKILL);
	(void)waitpid(parent, NULL, 0);
	EQUAL(read(ends[0], &byte, 1), 0);
	(void)close(ends[0]);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

/* ---- data -------------------------------------------------------------- */

static void data_in_all_directions(void)
{
	enum { SIZE = 128 << 10 };
	static char secret[SIZE];
	/* The probe reads in another order than we write. */
	struct nsh_command *cmd = PROBE("--out", "3000000", "--read", "5", "999999",
					"--err", "3000000", "--read", "3", "999999",
					"--in", "--out", "1000", "--read", "4", "999999");
	struct nsh_process *process = NULL;

	for (int i = 0; i < 3; i++)
		EQUAL(nsh_command_send_buffer(cmd, secret, SIZE), 3 + i);
	nsh_command_set_input_buffer(cmd, secret, SIZE);
	CHECK(nsh_command_run(cmd, &process, NULL) == 0);
	if (process) {
		EQUAL(nsh_process_result(process)->output_size[1], 3001036);
		EQUAL(nsh_process_result(process)->output_size[2], 3000000);
	}
	nsh_process_free(process);
	nsh_command_free(cmd);
}

static void data_through_cat(void)
{
	enum { SIZE = 100 << 20 };
	char *input = malloc(SIZE);
	struct nsh_command *cmd = PROBE("--cat");
	struct nsh_process *process = NULL;

	for (size_t i = 0; input && i < SIZE; i++)
		input[i] = (char)(i * 2654435761U >> 24);
	nsh_command_set_input_buffer(cmd, input, SIZE);
	nsh_command_set_max_output(cmd, SIZE_MAX);
	CHECK(nsh_command_run(cmd, &process, NULL) == 0);
	if (process) {
		EQUAL(nsh_process_result(process)->output_size[1], SIZE);
		CHECK(memcmp(nsh_process_result(process)->output[1], input, SIZE) == 0);
	}
	nsh_process_free(process);
	nsh_command_free(cmd);
	free(input);
}

static void unread_input(void)
{
	struct nsh_command *cmd = PROBE("--close", "0", "--sleep", "20");
	static char input[1 << 20];

	(void)signal(SIGPIPE, SIG_DFL);
	nsh_command_set_input_buffer(cmd, input, sizeof input);
	CHECK(nsh_command_send_buffer(cmd, input, sizeof input) == 3);
	CHECK(nsh_command_run(cmd, NULL, NULL) == 0);
	nsh_command_free(cmd);
}

static void output_without_end(void)
{
	static const size_t caps[] = { 0, 1, 65536, 1000000 };

	for (int i = 0; i < 4; i++) {
		struct nsh_command *cmd = PROBE("--out", "99999999999");
		struct nsh_process *process = NULL;
		struct nsh_failure failure;

		nsh_command_set_max_output(cmd, caps[i]);
		EQUAL(nsh_command_run(cmd, &process, &failure), -1);
		EQUAL(failure.code, NSH_OUTPUT_LIMIT);
		EQUAL(nsh_process_result(process)->output_size[1], caps[i]);
		CHECK(nsh_process_result(process)->output_limited);
		EQUAL(nsh_process_result(process)->limited_stream, 1);
		CHECK(strcmp(failure.subject, "stdout") == 0);
		nsh_process_free(process);
		nsh_command_free(cmd);
	}
}

static void output_of_exactly_the_cap(void)
{
	struct nsh_command *cmd = PROBE("--out", "65536");

	nsh_command_set_max_output(cmd, 65536);
	CHECK(nsh_command_run(cmd, NULL, NULL) == 0);
	nsh_command_free(cmd);
}

static void storm_of_signals(void)
{
	start_storm(200);
	for (int i = 0; i < 20; i++) {
		struct nsh_process *process;

		data_in_all_directions();
		handshake_as_meant();
		process = start(PROBE("--ignore", "TERM", "--pause"));
		(void)nsh_process_abort(process, NULL);
		CHECK(nsh_process_result(process)->signal != 0);
		nsh_process_free(process);
	}
	start_storm(0);
}

/* ---- exec in place ----------------------------------------------------- */

static volatile sig_atomic_t handled;

static void count(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void *nap(void *nothing)
{
	for (;;)
		(void)pause();
	return nothing;
}

/* Everything is as before, and pending signals are delivered to the previous
   handlers. */
static void exec_that_fails(void)
{
	struct nsh_command *cmd = nsh_command_new("/none/such");
	char before[PATH_MAX], after[PATH_MAX];
	struct nsh_failure failure;
	struct stat stdout_before, stdout_after;
	pthread_t thread;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)signal(SIGUSR1, count);
	(void)signal(SIGHUP, SIG_IGN);
	(void)umask(027);
	(void)getcwd(before, sizeof before);
	(void)fstat(1, &stdout_before);
	(void)pthread_create(&thread, NULL, nap, NULL);
	nsh_command_set_stdio(cmd, 1, NSH_STDIO_NULL);
	nsh_command_set_stdio(cmd, 2, NSH_STDIO_STDOUT);
	nsh_command_pass_fd(cmd, fd, 9, false);
	nsh_command_pass_fd(cmd, 0, 3, false);
	nsh_command_set_input_buffer(cmd, "abc", 3);
	nsh_command_set_working_directory(cmd, "/");
	nsh_command_set_umask(cmd, 0);
	start_storm(200);
	for (int i = 0; i < 200; i++) {
		(void)kill(getpid(), SIGUSR1);
		EQUAL(nsh_command_exec(cmd, &failure), -1);
		EQUAL(failure.stage, NSH_STAGE_EXEC);
		EQUAL(failure.errnum, ENOENT);
	}
	start_storm(0);
	(void)getcwd(after, sizeof after);
	(void)fstat(1, &stdout_after);
	CHECK(strcmp(before, after) == 0 && stdout_before.st_ino == stdout_after.st_ino);
	EQUAL(umask(022), 027);
	CHECK(handled > 0 && signal(SIGHUP, SIG_DFL) == SIG_IGN);
	CHECK(fcntl(9, F_GETFD) < 0);
	/* pthread_cancel works by a signal of libc's own. */
	CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0);
	(void)close(fd);
	nsh_command_free(cmd);
}

static void exec_that_succeeds(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct nsh_command *cmd = PROBE("--exit", "9");

		(void)nsh_command_exec(cmd, NULL);
		_exit(1);
	}
	(void)waitpid(pid, &status, 0);
	EQUAL(WEXITSTATUS(status), 9);
}

static void read_past_the_deadline(void)
{
	struct nsh_command *cmd = PROBE("--out", "1000000000", "--pause");
	struct nsh_process *process;
	struct nsh_stream *stream;
	const char *data;
	size_t size = 0;
	int ret;

	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	nsh_command_set_max_output(cmd, SIZE_MAX);
	nsh_command_set_timeout(cmd, 0.05, 0.01);
	process = start(cmd);
	stream = nsh_process_stream(process, 1);
	while ((ret = nsh_stream_read(stream, 255, 0, &data, &size)) == 0) {
		(void)nsh_process_pump(process, NULL);
		(void)nsh_poll(nsh_stream_fd(stream), POLLIN, 0.01);
	}
	EQUAL(ret, 1);
	CHECK(size < 1000000000);
	nsh_process_free(process);
}

static void read_a_long_record(void)
{
	struct nsh_command *cmd = PROBE("--out", "900000", "--pause");
	struct nsh_process *process;
	struct nsh_stream *stream;
	const char *data;
	size_t size;
	int ret;

	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	nsh_command_set_max_output(cmd, 100000);
	process = start(cmd);
	stream = nsh_process_stream(process, 1);
	while ((ret = nsh_stream_read(stream, 255, 0, &data, &size)) == 0)
		(void)nsh_poll(nsh_stream_fd(stream), POLLIN, 5);
	EQUAL(ret, -1);
	EQUAL(errno, EMSGSIZE);
	/* Bytes that were searched for one separator are searched again for another. */
	EQUAL(nsh_stream_read(stream, 100, 0, &data, &size), 1);
	EQUAL(size, 101);
	EQUAL(nsh_stream_read(stream, -1, 90000, &data, &size), 1);
	EQUAL(size, 90000);
	nsh_process_free(process);
}

static void take_what_was_read(void)
{
	struct nsh_command *cmd = PROBE("--out", "200");
	struct nsh_process *process;
	struct nsh_stream *stream;
	const char *data;
	size_t size;

	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	process = start(cmd);
	stream = nsh_process_stream(process, 1);
	CHECK(!nsh_stream_take_record(stream, "\n", 1, &data, &size));
	while (nsh_stream_read(stream, 0, 0, &data, &size) == 0)
		(void)nsh_poll(nsh_stream_fd(stream), POLLIN, 5);
	CHECK(nsh_stream_take_record(stream, "\n", 1, &data, &size));
	EQUAL(size, '\n');
	CHECK(nsh_stream_take_record(stream, "\x0d\x0e", 2, &data, &size));
	EQUAL(size, 4);
	CHECK(!nsh_stream_take_record(stream, "\x0d", 1, &data, &size));
	nsh_stream_unread(stream, 2);
	CHECK(nsh_stream_take_record(stream, "\x0d", 1, &data, &size));
	EQUAL(size, 1);
	EQUAL(nsh_stream_read(stream, -1, 1, &data, &size), 1);
	EQUAL(*data, 14);
	nsh_process_free(process);
}

static void enlarge_a_busy_pipe(void)
{
	struct nsh_command *cmd = PROBE("--out", "9000000", "--pause");
	struct nsh_process *process;
	struct nsh_stream *stream;
	const char *data;
	int fd, count;
	size_t size;

	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	process = start(cmd);
	stream = nsh_process_stream(process, 1);
	fd = nsh_stream_fd(stream);
	EQUAL(fcntl(fd, F_GETPIPE_SZ), 65536);
	for (int i = 0; i < 100 && fcntl(fd, F_GETPIPE_SZ) == 65536; i++) {
		do
			EQUAL(ioctl(fd, FIONREAD, &count), 0);
		while (count < 40000 && nsh_poll(-1, 0, 0.001) == 0);
		EQUAL(nsh_stream_read(stream, -1, 40000, &data, &size), 1);
	}
	/* Refused if the user has too much memory in pipes. */
	CHECK(fcntl(fd, F_GETPIPE_SZ) == 1 << 20
	      || fcntl(fd, F_SETPIPE_SZ, 1 << 20) < 0);
	nsh_process_free(process);
}

/* ---- terminals --------------------------------------------------------- */

static struct nsh_command *on_terminal(const char *script)
{
	struct nsh_command *cmd = nsh_command_new_args("sh", "-c", script, NULL);

	nsh_command_set_pty(cmd, 7, 70, false);
	return cmd;
}

static void talk_on_a_terminal(void)
{
	struct nsh_process *process = start(on_terminal("read -r x; stty size"));
	struct nsh_stream *terminal = nsh_process_stream(process, NSH_PTY);
	const char *data;
	size_t size;

	CHECK(terminal != NULL);
	EQUAL(nsh_process_resize(process, 0, 1), -1);
	EQUAL(errno, EINVAL);
	EQUAL(nsh_process_resize(process, 8, 80), 0);
	EQUAL(nsh_stream_write(terminal, "\n", 1), 1);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	EQUAL(nsh_stream_read(terminal, '\n', 0, &data, &size), 1);
	EQUAL(memcmp(data, "8 80\r\n", 6), 0);
	EQUAL(nsh_stream_read(terminal, '\n', 0, &data, &size), 2);
	EQUAL(nsh_stream_write(terminal, "x", 1), -1);
	EQUAL(errno, EPIPE);
	EQUAL(nsh_process_resize(process, 8, 80), -1);
	EQUAL(errno, ENOTTY);
	nsh_process_free(process);
}

static void capture_a_terminal(void)
{
	struct nsh_command *cmd = on_terminal("stty size; echo x >&2");
	struct nsh_process *process;

	EQUAL(nsh_command_run(cmd, &process, NULL), 0);
	CHECK(!nsh_process_stream(process, NSH_PTY));
	EQUAL(nsh_process_result(process)->output_size[1], 9);
	CHECK(!nsh_process_result(process)->has_output[2]);
	nsh_process_free(process);
	nsh_command_free(cmd);
}

/* ---- targets and pipes -------------------------------------------------- */

static void copy_to_targets(void)
{
	char text[] = "/tmp/noshell-spec-XXXXXX", buffer[16] = "";
	int fd = mkstemp(text), pipe_ends[2];
	struct nsh_command *cmd = nsh_command_new_args("echo", "both", NULL);
	struct nsh_process *process;
	struct nsh_failure failure;

	CHECK(fd >= 0 && pipe(pipe_ends) == 0);
	nsh_command_set_stdio_list(cmd, 1, true, false);
	nsh_command_add_target_file(cmd, 1, text, NSH_FILE_APPEND, 0600);
	nsh_command_add_target_fd(cmd, 1, pipe_ends[1]);
	EQUAL(nsh_command_stdio(cmd, 1), NSH_STDIO_LIST);
	EQUAL(nsh_command_run(cmd, &process, NULL), 0);
	EQUAL(nsh_process_result(process)->output_size[1], 5);
	EQUAL(read(fd, buffer, sizeof buffer), 5);
	EQUAL(read(pipe_ends[0], buffer, sizeof buffer), 5);
	EQUAL(fcntl(pipe_ends[1], F_GETFL) & O_NONBLOCK, 0);
	CHECK(strcmp(buffer, "both\n") == 0);
	CHECK(!nsh_process_behind(process));
	nsh_process_free(process);

	nsh_command_set_stdio_file(cmd, 1, text, NSH_FILE_EXCLUSIVE, 0600);
	EQUAL(nsh_command_run(cmd, NULL, &failure), -1);
	EQUAL(failure.stage, NSH_STAGE_STDOUT);
	EQUAL(failure.errnum, EEXIST);
	(void)unlink(text);
	nsh_command_free(cmd);
	close(fd);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void talk_through_pipes(void)
{
	struct nsh_command *cmd = nsh_command_new_args("sh", "-c", "cat <&9 >&3", NULL);
	struct nsh_stream *from, *to;
	struct nsh_process *process;
	const char *data;
	size_t size = 0;
	int ret;

	nsh_command_add_pipe(cmd, 3, true);
	nsh_command_add_pipe(cmd, 9, false);
	process = start(cmd);
	if (!process)
		return;
	from = nsh_process_stream(process, NSH_PIPES);
	to = nsh_process_stream(process, NSH_PIPES + 1);
	CHECK(from && to && !nsh_process_stream(process, NSH_PIPES + 2));
	EQUAL(nsh_stream_target(to), 9);
	CHECK(nsh_stream_writes(to) && !nsh_stream_writes(from));
	EQUAL(nsh_stream_write(to, "line\n", 5), 5);
	nsh_stream_close(to);
	while ((ret = nsh_stream_read(from, '\n', 0, &data, &size)) == 0)
		(void)nsh_stream_poll(from, -1, -1);
	EQUAL(ret, 1);
	EQUAL(size, 5);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	nsh_process_free(process);
}

static void run_without_a_terminal(void)
{
	struct nsh_command *cmd = nsh_command_new_args("sh", "-c", "kill -STOP $$", NULL);
	struct nsh_process *process;

	nsh_command_set_foreground(cmd);
	process = start(cmd);
	if (!process)
		return;
	while (nsh_process_stopped_by(process) == 0)
		(void)usleep(1000);
	EQUAL(nsh_process_stopped_by(process), SIGSTOP);
	EQUAL(nsh_process_kill_group(process, SIGCONT), 0);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	EQUAL(nsh_process_result(process)->exit_code, 0);
	nsh_process_free(process);
}

static const struct check checks[] = {
	{ "a handshake has a fixed order", handshake_as_meant },
	{ "a handshake must be required", handshake_never_required },
	{ "a handshake can time out", handshake_times_out },
	{ "a child that died before its handshake is reported with the reason", handshake_of_the_dead },
	{ "a handshake can be abandoned", handshake_abandoned },
	{ "a handshake without a parent executes nothing", handshake_without_parent },
	{ "data moves in all directions at once", data_in_all_directions },
	{ "100 MB go through a program", data_through_cat },
	{ "unread input is no failure", unread_input },
	{ "endless output is limited", output_without_end },
	{ "output of exactly the cap is a success", output_of_exactly_the_cap },
	{ "a storm of signals has no effect", storm_of_signals },
	{ "a failed exec restores everything", exec_that_fails },
	{ "a successful exec replaces this process", exec_that_succeeds },
	{ "a read ends with the timeout", read_past_the_deadline },
	{ "a record is no longer than max_output", read_a_long_record },
	{ "a record that was read already is taken", take_what_was_read },
	{ "a pipe that is full each time is enlarged", enlarge_a_busy_pipe },
	{ "a program on a terminal is read and written", talk_on_a_terminal },
	{ "run captures the output of a terminal", capture_a_terminal },
	{ "output is copied to several targets", copy_to_targets },
	{ "a program is read and written through more pipes", talk_through_pipes },
	{ "a program that is stopped is noticed", run_without_a_terminal },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return check_main(checks, argc, argv);
}
