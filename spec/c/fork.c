/* A host that forks with noshell's objects at hand.  Its child is a daemon: it
   closes everything, opens its own files, and has noshell free what it copied.
   None of its files may be gone or be another file then. */
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "check.h"

enum { FIRST = 3, LAST = 200 };

static bool is_raw;

static pid_t fork_host(void)
{
	return is_raw ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
}

/* ---- the child's files ------------------------------------------------- */

static ino_t own_file;

static ino_t file_behind(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static void open_own_files(void)
{
	int fd;

	for (int i = FIRST; i <= LAST; i++)
		(void)close(i);
	fd = memfd_create("own", 0);
	EQUAL(fd, FIRST);
	for (int i = FIRST + 1; i <= LAST; i++)
		EQUAL(fcntl(fd, F_DUPFD, FIRST), i);
	own_file = file_behind(fd);
}

static void check_own_files(void)
{
	int lost = 0;

	for (int i = FIRST; i <= LAST; i++)
		lost += file_behind(i) != own_file;
	EQUAL(lost, 0);
}

/* As a daemon's child does; its program gets the numbers above ours. */
static void be_a_daemon(void (*act)(void *), void *data)
{
	(void)alarm(20);
	open_own_files();
	act(data);
	check_own_files();
	EQUAL(run(PROBE("--exit", "0")), 0);
	check_own_files();
	_exit(wrong);
}

static void expect_daemon(void (*act)(void *), void *data)
{
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork_host();
	if (pid == 0)
		be_a_daemon(act, data);
	(void)waitpid(pid, &status, 0);
	EQUAL(status, 0);
}

/* ---- what the host has ------------------------------------------------- */

struct program {
	struct nsh_process *process;
	int end;                /* it runs until this is closed */
};

/* Captured output, and a pipe for the rest. */
static struct program start_program(double timeout, bool asks)
{
	struct nsh_command *cmd = PROBE("--block-on", "300", "--say", "done");
	struct program program;
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	nsh_command_pass_fd(cmd, ends[0], 300, true);
	nsh_command_set_stdio(cmd, 0, NSH_STDIO_PIPE);
	nsh_command_set_stdio(cmd, 2, NSH_STDIO_PIPE);
	if (timeout > 0)
		nsh_command_set_timeout(cmd, timeout, 0.1);
	if (asks)
		nsh_command_require_handshake(cmd);
	program.process = start(cmd);
	program.end = ends[1];
	return program;
}

static void finish_program(struct program *program)
{
	(void)close(program->end);
	EQUAL(nsh_process_wait(program->process, 5, NULL), 1);
	EQUAL(nsh_process_result(program->process)->exit_code, 0);
	EQUAL(nsh_process_result(program->process)->output_size[1], 5);
	nsh_process_free(program->process);
}

/* ---- processes --------------------------------------------------------- */

static void free_process(void *data)
{
	struct nsh_process *process = data;
	struct nsh_stream *stream = nsh_process_stream(process, 0);

	EQUAL(nsh_process_pidfd(process), -1);
	EQUAL(nsh_process_pollfd(process), -1);
	EQUAL(nsh_stream_fd(stream), -1);
	(void)nsh_process_abort(process, NULL);
	nsh_stream_close(stream);
	nsh_process_free(process);
}

static void forget_process(void *data)
{
	nsh_process_forget(data);
}

static void daemon_frees_processes(void)
{
	struct program program = start_program(0, false);
	short events;

	CHECK(nsh_process_pollfd(program.process) >= 0);
	CHECK(nsh_stream_pollfd(nsh_process_stream(program.process, 2), &events) >= 0);
	expect_daemon(free_process, program.process);
	expect_daemon(forget_process, program.process);
	finish_program(&program);
}

/* The tree's members are held while it is being ended. */
static void daemon_frees_one_that_is_ended(void)
{
	struct nsh_command *cmd = PROBE("--ignore", "TERM", "--print-pids", "--fork",
					"--pause", "--end", "--pause");
	struct nsh_process *process;
	char out[2];
	int fd;

	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	process = start(cmd);
	fd = nsh_stream_fd(nsh_process_stream(process, 1));
	CHECK(nsh_poll(fd, NSH_READABLE, 5) == 1 && read(fd, out, 1) == 1);
	nsh_process_terminate(process, 60);
	expect_daemon(forget_process, process);
	nsh_process_free(process);
}

static void daemon_frees_one_in_its_handshake(void)
{
	struct program program = start_program(0, true);

	EQUAL(nsh_process_handshake_wait(program.process, 5, NULL), 1);
	expect_daemon(forget_process, program.process);
	EQUAL(nsh_process_handshake_notify(program.process, NULL), 0);
	finish_program(&program);
}

static void daemon_frees_a_daemon_in_its_handshake(void)
{
	struct nsh_command *cmd = PROBE("--exit", "0");
	struct nsh_process *process;

	nsh_command_daemonize(cmd);
	nsh_command_require_handshake(cmd);
	process = start(cmd);
	EQUAL(nsh_process_handshake_wait(process, 5, NULL), 1);
	expect_daemon(forget_process, process);
	EQUAL(nsh_process_handshake_notify(process, NULL), 0);
	nsh_process_free(process);
}

/* The keeper has it at the fork. */
static void daemon_frees_one_with_a_deadline(void)
{
	struct program program = start_program(60, false);

	expect_daemon(free_process, program.process);
	finish_program(&program);
}

static void free_command(void *cmd)
{
	nsh_command_free(cmd);
}

static void daemon_frees_commands_and_sets(void)
{
	struct nsh_command *cmd = PROBE("--exit", "0");
	struct nsh_pollset *set = nsh_pollset_new();
	struct nsh_watch watch;
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	nsh_command_pass_fd(cmd, ends[0], 5, true);
	watch = (struct nsh_watch){ ends[1], NSH_WRITABLE };
	EQUAL(nsh_pollset_watch(set, &watch, 1), 0);
	expect_daemon(free_command, cmd);
	expect_daemon((void (*)(void *))nsh_pollset_free, set);
	nsh_command_free(cmd);
	nsh_pollset_free(set);
	(void)close(ends[1]);
}

/* ---- what noshell keeps for itself ------------------------------------- */

static void forget_another(void *data)
{
	struct nsh_process *process;

	EQUAL(nsh_reap(), 0);
	process = start(PROBE("--exit", "0"));
	nsh_process_forget(process);
	for (int i = 0; i < 2000 && nsh_reap() > 0; i++)
		(void)usleep(1000);
	(void)data;
}

static void daemon_forgets_processes(void)
{
	struct program program = start_program(0, false);

	nsh_process_forget(program.process);
	expect_daemon(forget_another, NULL);
	EQUAL(nsh_reap(), 1);
	(void)close(program.end);
}

static struct nsh_start *start_aside(void)
{
	struct nsh_start *ret_start = NULL;
	struct nsh_command *cmd = PROBE("--exit", "0");

	EQUAL(nsh_command_start_aside(cmd, true, &ret_start, NULL), 0);
	nsh_command_free(cmd);
	return ret_start;
}

static void finish_start(struct nsh_start *it)
{
	struct nsh_process *process = NULL;

	CHECK(nsh_poll(nsh_start_fd(it), NSH_READABLE, 5) == 1);
	EQUAL(nsh_start_finish(it, 5, &process, NULL), 1);
	nsh_start_free(it);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	nsh_process_free(process);
}

static void free_start(void *data)
{
	struct nsh_start *parents = data;
	struct nsh_process *process = NULL;

	EQUAL(nsh_start_fd(parents), -1);
	if (nsh_start_finish(parents, 0, &process, NULL) == 1)
		nsh_process_free(process);
	nsh_start_free(parents);
	if (CAN_HAVE_THREADS_AFTER_FORK)
		finish_start(start_aside());
}

static void daemon_starts_aside(void)
{
	struct nsh_start *it = start_aside();

	CHECK(nsh_poll(nsh_start_fd(it), NSH_READABLE, 5) == 1);
	expect_daemon(free_start, it);
	finish_start(it);
	/* The thread keeps its descriptor. */
	exit(wrong);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	return fd;
}

static void use_channels(void *data)
{
	int parents = *(int *)data;
	int fd;

	EQUAL(nsh_wake_arm(parents, -1, 0, 0), -1);
	nsh_wake_disarm(parents);
	fd = connect_to(nsh_wake_path());
	CHECK(nsh_wake_accept() >= 0);
	EQUAL(nsh_wake_arm(parents, -1, 0, 0), -1);
	(void)close(fd);
}

/* The host's own descriptors stay as they are: the thread is never ended. */
static void daemon_has_wake_up_channels(void)
{
	int fd = connect_to(nsh_wake_path());
	int channel = nsh_wake_accept();

	CHECK(channel >= 0);
	EQUAL(nsh_wake_arm(channel, fd, NSH_READABLE, 60), 0);
	expect_daemon(use_channels, &channel);
	exit(wrong);
}

/* ---- at the fork ------------------------------------------------------- */

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Descriptors that noshell has given away are the caller's, in a child as well. */
static void only_our_own_are_closed_at_once(void)
{
	struct program program = start_program(0, false);
	int pidfd = nsh_process_pidfd(program.process);
	int taken = nsh_stream_take_fd(nsh_process_stream(program.process, 2));
	int ends[2], status = -1;
	pid_t pid;

	EQUAL(nsh_pipe(ends), 0);
	pid = fork_host();
	if (pid == 0) {
		EQUAL(is_open(pidfd), is_raw);
		CHECK(is_open(taken) && is_open(ends[0]) && is_open(ends[1]));
		CHECK(is_open(program.end));
		_exit(wrong);
	}
	(void)waitpid(pid, &status, 0);
	EQUAL(status, 0);
	(void)close(taken);
	(void)close(ends[0]);
	(void)close(ends[1]);
	finish_program(&program);
}

static void fork_again(void *nothing)
{
	int status = -1;
	pid_t pid = fork();

	(void)nothing;
	if (pid == 0) {
		check_own_files();
		_exit(wrong);
	}
	(void)waitpid(pid, &status, 0);
	EQUAL(status, 0);
}

/* The second process must not close descriptors registered in the first one. */
static void daemon_forks_again(void)
{
	struct program program = start_program(0, false);

	expect_daemon(fork_again, NULL);
	finish_program(&program);
}

/* In each namespace the first process is 1. */
static void same_pid_is_another_process(void)
{
	int flags = CLONE_NEWPID | SIGCHLD, status = -1;
	pid_t pid = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);

	if (pid == 0) {
		struct program program = start_program(0, false);

		EQUAL(getpid(), 1);
		pid = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
		if (pid == 0) {
			EQUAL(getpid(), 1);
			be_a_daemon(free_process, program.process);
		}
		(void)waitpid(pid, &status, 0);
		EQUAL(status, 0);
		_exit(wrong);
	}
	if (pid < 0)
		return;
	(void)waitpid(pid, &status, 0);
	EQUAL(status, 0);
}

/* ---- a hook, in a fork of our own -------------------------------------- */

static int free_in_hook(void *process, char *message, size_t size)
{
	(void)message;
	(void)size;
	nsh_process_free(process);
	return 0;
}

/* Its program reads what another one wrote; and has a descriptor whose number
   is one of ours, which the hook's finalizers may not close. */
static void hook_keeps_what_its_program_needs(void)
{
	struct nsh_command *cmd = PROBE("--say", "hello"), *hooked;
	struct program other = start_program(0, false);
	struct nsh_process *process, *writer;
	char number[16];
	int ends[2], pidfd = nsh_process_pidfd(other.process);

	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	writer = start(cmd);
	EQUAL(nsh_process_wait(writer, 5, NULL), 1);
	(void)snprintf(number, sizeof number, "%d", pidfd);
	hooked = PROBE("--cat", "--write", number, "x");
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	nsh_command_pass_fd(hooked, ends[1], pidfd, true);
	nsh_command_set_stdio_fd(hooked, 0, nsh_stream_fd(nsh_process_stream(writer, 1)));
	nsh_command_set_pre_exec_hook(hooked, free_in_hook, other.process);
	process = start(hooked);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	EQUAL(nsh_process_result(process)->exit_code, 0);
	EQUAL((long)nsh_process_result(process)->output_size[1], 6);
	CHECK(memcmp(nsh_process_result(process)->output[1], "hello\n", 6) == 0);
	nsh_process_free(process);
	nsh_process_free(writer);
	EQUAL(read(ends[0], number, 1), 1);
	(void)close(ends[0]);
	finish_program(&other);
}

/* ---- a fork in the middle of a start ------------------------------------ */

static int leased = -1;
static pid_t worker;

/* The start waits in open(2) until the lease ends. */
static void *fork_during_start(void *nothing)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGIO);
	EQUAL(sigwaitinfo(&set, NULL), SIGIO);
	worker = fork_host();
	if (worker == 0) {
		(void)alarm(60);
		(void)pause();
		_exit(0);
	}
	EQUAL(fcntl(leased, F_SETLEASE, F_UNLCK), 0);
	return nothing;
}

static void lease(char *path)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGIO);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	leased = mkostemp(path, O_CLOEXEC);
	EQUAL(fcntl(leased, F_SETLEASE, F_WRLCK), 0);
}

/* A worker holds all descriptors of the start until it is killed. */
static void start_ends_before_the_worker(void)
{
	struct nsh_command *cmd = PROBE("--exit", "0");
	char path[] = "/tmp/noshell-lease-XXXXXX";
	struct nsh_process *process;
	pthread_t thread;

	(void)alarm(20);
	lease(path);
	EQUAL(pthread_create(&thread, NULL, fork_during_start, NULL), 0);
	nsh_command_clear_caps(cmd);
	nsh_command_set_stdio_path(cmd, 0, path, false);
	nsh_command_set_stdio(cmd, 1, NSH_STDIO_NULL);
	nsh_command_set_stdio(cmd, 2, NSH_STDIO_NULL);
	process = start(cmd);
	EQUAL(pthread_join(thread, NULL), 0);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	nsh_process_free(process);
	EQUAL(kill(worker, SIGKILL), 0);
	EQUAL(waitpid(worker, NULL, 0), worker);
	(void)close(leased);
	(void)unlink(path);
}

static const struct check checks[] = {
	{ "a start ends although a fork holds its descriptors",
	  start_ends_before_the_worker },
	{ "a daemon frees processes", daemon_frees_processes },
	{ "a daemon frees one that is being ended", daemon_frees_one_that_is_ended },
	{ "a daemon frees one in its handshake", daemon_frees_one_in_its_handshake },
	{ "a daemon frees a daemon in its handshake", daemon_frees_a_daemon_in_its_handshake },
	{ "a daemon frees one with a deadline", daemon_frees_one_with_a_deadline },
	{ "a daemon frees commands and pollsets", daemon_frees_commands_and_sets },
	{ "a daemon forgets processes", daemon_forgets_processes },
	{ "a daemon starts in another thread", daemon_starts_aside },
	{ "a daemon has wake-up channels", daemon_has_wake_up_channels },
	{ "only our own descriptors are closed at the fork", only_our_own_are_closed_at_once },
	{ "a daemon forks again", daemon_forks_again },
	{ "a process with the same pid is recognized as another", same_pid_is_another_process },
	{ "a hook keeps the descriptors of its program", hook_keeps_what_its_program_needs },
	{ NULL, NULL }
};

int main(int argc, char **argv)
{
	const char *raw = getenv("RAW_CLONE");

	is_raw = raw && *raw && CAN_HAVE_THREADS_AFTER_FORK;
	return check_main(checks, argc, argv);
}
