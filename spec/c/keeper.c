/* Programs that the host does not look after: the keeper serves them and enforces
   their deadlines, and no function of noshell is called meanwhile. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "check.h"

/* A sanitizer may have its own thread. */
static int others;

static int count_threads(void)
{
	struct stat tasks;

	return stat("/proc/self/task", &tasks) == 0
		? (int)tasks.st_nlink - 2 - others : -1;
}

/* Within 10 s. */
static bool reaches_one_thread(void)
{
	for (int i = 0; i < 10000 && count_threads() > 1; i++)
		(void)usleep(1000);
	return count_threads() == 1;
}

/* Reaped, unlike goes. */
static bool is_reaped(pid_t pid)
{
	for (int i = 0; i < 10000; i++) {
		if (kill(pid, 0) < 0 && errno == ESRCH)
			return true;
		(void)usleep(1000);
	}
	return false;
}

/* A pipe whose end 5 the program and its children have: at its end all are gone. */
struct tie {
	int end;
};

static struct tie tie(struct nsh_command *cmd)
{
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	nsh_command_pass_fd(cmd, ends[1], 5, true);
	return (struct tie){ ends[0] };
}

/* Reads the next byte; 0 at the end; -1 if neither comes within 10 s. */
static int next_byte(const struct tie *tie)
{
	struct pollfd in = { .fd = tie->end, .events = POLLIN };
	char byte;

	if (poll(&in, 1, 10000) != 1)
		return -1;
	return read(tie->end, &byte, 1) == 1 ? byte : 0;
}

static void untie(struct tie *tie)
{
	EQUAL(next_byte(tie), 0);
	(void)close(tie->end);
}

/* A program that runs until *ret_go is closed. */
static struct nsh_command *until_closed(int *ret_go)
{
	struct nsh_command *cmd = PROBE("--block-on", "6");
	int go[2];

	CHECK(pipe2(go, O_CLOEXEC) == 0);
	nsh_command_pass_fd(cmd, go[0], 6, true);
	*ret_go = go[1];
	return cmd;
}

/* ---- orphans ----------------------------------------------------------- */

static void orphans_write_to_their_end(void)
{
	static char input[300000];
	struct nsh_command *cmd = PROBE("--in", "--out", "1000000", "--err", "1000000",
					"--write", "5", "x");
	struct tie to = tie(cmd);
	struct nsh_process *process;
	pid_t pid;

	nsh_command_set_input_buffer(cmd, input, sizeof input);
	nsh_command_set_stdio(cmd, 2, NSH_STDIO_PIPE);
	process = start(cmd);
	pid = nsh_process_pid(process);
	nsh_process_forget(process);
	EQUAL(next_byte(&to), 'x');
	untie(&to);
	CHECK(is_reaped(pid));
	CHECK(reaches_one_thread());
}

static void orphans_keep_their_deadline(void)
{
	struct nsh_command *cmd = PROBE("--fork", "--pause", "--end", "--pause");
	struct tie to = tie(cmd);
	struct nsh_process *process;
	pid_t pid;

	nsh_command_set_timeout(cmd, 0.05, 0.05);
	process = start(cmd);
	pid = nsh_process_pid(process);
	nsh_process_forget(process);
	untie(&to);
	CHECK(is_reaped(pid));
}

static void orphans_are_ended_to_the_end(void)
{
	struct nsh_command *cmd = PROBE("--ignore", "TERM", "--write", "5", "x",
					"--pause");
	struct tie to = tie(cmd);
	struct nsh_process *process = start(cmd);
	pid_t pid = nsh_process_pid(process);

	EQUAL(next_byte(&to), 'x');
	nsh_process_terminate(process, 0.05);
	nsh_process_forget(process);
	untie(&to);
	CHECK(is_reaped(pid));
}

/* None is left to wait for it, nor for the keeper itself. */
static void orphans_are_served_without_descriptors(void)
{
	struct nsh_command *cmd = PROBE("--block-on", "6", "--out", "1000000", "--write",
					"5", "x");
	struct tie to = tie(cmd);
	struct nsh_process *process;
	static const struct rlimit few = { 100, 100 };
	int go[2], all[100], count = 0;

	CHECK(pipe2(go, O_CLOEXEC) == 0);
	nsh_command_pass_fd(cmd, go[0], 6, true);
	process = start(cmd);
	(void)setrlimit(RLIMIT_NOFILE, &few);
	while (count < 100 && (all[count] = open("/dev/null", O_RDONLY)) >= 0)
		count++;
	CHECK(count < 100);
	nsh_process_forget(process);
	(void)close(go[1]);
	EQUAL(next_byte(&to), 'x');
	untie(&to);
	while (count > 0)
		(void)close(all[--count]);
}

/* ---- deadlines --------------------------------------------------------- */

static struct nsh_process *start_timed(struct nsh_command *cmd, double seconds)
{
	nsh_command_set_timeout(cmd, seconds, 0.05);
	return start(cmd);
}

static void expect_timeout(struct nsh_process *process)
{
	struct nsh_failure failure = { .code = NSH_OK };

	EQUAL(nsh_process_wait(process, 10, NULL), 1);
	EQUAL(nsh_process_result(process)->timed_out, 1);
	EQUAL(nsh_process_check(process, &failure), -1);
	EQUAL(failure.code, NSH_TIMEOUT);
	nsh_process_free(process);
}

static void deadlines_hold(void)
{
	struct nsh_command *cmd = PROBE("--ignore", "TERM", "--fork", "--pause", "--end",
					"--pause");
	struct tie to = tie(cmd);
	struct nsh_process *process = start_timed(cmd, 0.05);

	untie(&to);
	expect_timeout(process);
	CHECK(reaches_one_thread());
}

/* The owner looks once, and never again. */
static void deadlines_hold_after_a_look(void)
{
	struct nsh_command *cmd = PROBE("--pause");
	struct tie to = tie(cmd);
	struct nsh_process *process = start_timed(cmd, 0.05);

	EQUAL(nsh_process_pump(process, NULL), 0);
	CHECK(nsh_process_pollfd(process) >= 0);
	EQUAL(nsh_process_wait(process, 0, NULL), 0);
	untie(&to);
	expect_timeout(process);
}

static void deadlines_hold_from_leave_on(void)
{
	struct nsh_command *cmd = PROBE("--pause");
	struct tie to = tie(cmd);
	struct nsh_process *process = NULL;

	nsh_command_set_timeout(cmd, 0.05, 0.05);
	EQUAL(nsh_command_start_attended(cmd, &process, NULL), 0);
	nsh_command_free(cmd);
	nsh_process_leave(process, -1, 0);
	untie(&to);
	expect_timeout(process);
}

static void the_limit_of_leave_holds(void)
{
	struct nsh_command *cmd = PROBE("--ignore", "TERM", "--pause");
	struct tie to = tie(cmd);
	struct nsh_process *process = start(cmd);

	nsh_process_leave(process, 0.05, 0.05);
	untie(&to);
	expect_timeout(process);
}

/* The other one's deadline is later, so this one's has passed when it ends. */
static void who_ends_in_time_has_not_timed_out(void)
{
	struct nsh_process *process = start_timed(PROBE("--out", "1000"), 0.3);
	struct nsh_command *cmd = PROBE("--pause");
	struct tie to = tie(cmd);
	struct nsh_process *other = start_timed(cmd, 0.4);

	untie(&to);
	EQUAL(nsh_process_pump(process, NULL), 1);
	EQUAL(nsh_process_result(process)->timed_out, 0);
	EQUAL(nsh_process_check(process, NULL), 0);
	EQUAL(nsh_process_result(process)->output_size[1], 1000);
	nsh_process_free(process);
	expect_timeout(other);
}

static void who_leaves_its_pipe_behind_has(void)
{
	struct nsh_command *cmd = PROBE("--fork", "--pause", "--end", "--exit", "0");
	struct tie to = tie(cmd);
	struct nsh_process *process;

	nsh_command_new_process_group(cmd);
	process = start_timed(cmd, 0.1);
	untie(&to);
	expect_timeout(process);
}

static void deadlines_hold_in_a_handshake(void)
{
	struct nsh_command *cmd = PROBE("--exit", "0");
	struct nsh_process *process;
	pid_t pid;

	nsh_command_require_handshake(cmd);
	process = start_timed(cmd, 0.05);
	pid = nsh_process_pid(process);
	CHECK(goes(pid));
	EQUAL(nsh_process_handshake_wait(process, 5, NULL), 0);
	CHECK(nsh_process_timeout(process) == 0);
	expect_timeout(process);
}

/* ---- the thread -------------------------------------------------------- */

static void who_waits_needs_no_thread(void)
{
	struct nsh_command *cmd = PROBE("--exit", "0");
	struct nsh_process *process = NULL;

	nsh_command_set_timeout(cmd, 60, 1);
	EQUAL(nsh_command_run(cmd, NULL, NULL), 0);
	EQUAL(nsh_command_start_attended(cmd, &process, NULL), 0);
	EQUAL(nsh_process_wait(process, -1, NULL), 1);
	nsh_process_free(process);
	EQUAL(nsh_command_start(cmd, &process, NULL), 0);
	EQUAL(count_threads(), 2);
	EQUAL(nsh_process_wait(process, -1, NULL), 1);
	nsh_process_free(process);
	CHECK(reaches_one_thread());
	nsh_command_free(cmd);
	process = start(PROBE("--exit", "0"));
	EQUAL(count_threads(), 1);
	nsh_process_free(process);
}

enum { THREADS = 6 };

/* The owner looks while the keeper ends it. */
static void *race_for_deadlines(void *nothing)
{
	for (int i = 0; i < 40; i++) {
		struct nsh_process *process = start_timed(PROBE("--pause"),
							  0.001 * (i % 10 + 1));

		for (int n = 0; n < i % 5; n++) {
			(void)usleep(1000 * (useconds_t)(i % 7 + 15));
			(void)nsh_process_pump(process, NULL);
			(void)nsh_process_pollfd(process);
			(void)nsh_process_timeout(process);
		}
		if (i % 3 == 0)
			nsh_process_forget(process);
		else
			expect_timeout(process);
		(void)nsh_reap();
	}
	return nothing;
}

static void owners_race_with_the_keeper(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, race_for_deadlines, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
}

/* libc has every thread of the process take part in it. */
static void the_host_can_change_its_user(void)
{
	int go;

	(void)alarm(10);
	nsh_process_forget(start(until_closed(&go)));
	EQUAL(count_threads(), 2);
	EQUAL(setresuid((uid_t)-1, getuid(), (uid_t)-1), 0);
	exit(wrong);
}

/* The host closes everything, and its own event loop reuses the numbers: each one is
 * a set with a descriptor that is ready. */
static void it_leaves_the_sets_of_the_host_alone(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int go, last, ready;

	nsh_process_forget(start(until_closed(&go)));
	EQUAL(count_threads(), 2);
	last = fcntl(go, F_DUPFD, 3);
	for (int fd = 3; fd <= last; fd++)
		(void)close(fd);
	for (int fd = 3; fd <= last; fd++)
		EQUAL(epoll_create1(EPOLL_CLOEXEC), fd);
	ready = eventfd(1, EFD_CLOEXEC);
	event.data.u64 = 7;
	for (int fd = 3; fd <= last; fd++)
		CHECK(epoll_ctl(fd, EPOLL_CTL_ADD, ready, &event) == 0);
	EQUAL(nsh_reap(), 0);
	EQUAL(run(PROBE("--exit", "0")), 0);
	for (int fd = 3; fd <= last; fd++) {
		event.data.u64 = 0;
		EQUAL(epoll_wait(fd, &event, 1, 0), 1);
		EQUAL(event.data.u64, 7);
	}
	exit(wrong);
}

/* The closed files stay open under other numbers, so that the thread wakes up. */
static void it_ends_without_its_descriptors(void)
{
	struct nsh_process *process;
	int go, ours;

	nsh_process_forget(start(until_closed(&go)));
	ours = fcntl(go, F_DUPFD, 500);
	EQUAL(count_threads(), 2);
	for (int fd = 3; fd < 100; fd++) {
		(void)fcntl(fd, F_DUPFD, 200);
		(void)close(fd);
	}
	/* The program's end wakes the thread. */
	for (int fd = 200; fd < ours + 1; fd++)
		if (fcntl(fd, F_GETFL) == O_WRONLY)
			(void)close(fd);
	CHECK(reaches_one_thread());
	process = start(PROBE("--exit", "0"));
	CHECK(goes(nsh_process_pid(process)));
	nsh_process_free(process);
	exit(wrong);
}

/* ---- after a fork of the host ------------------------------------------ */

static void hold_deadline(void)
{
	struct nsh_command *cmd = PROBE("--pause");
	struct tie to = tie(cmd);
	struct nsh_process *process = start_timed(cmd, 0.05);

	untie(&to);
	expect_timeout(process);
	orphans_write_to_their_end();
	_exit(wrong);
}

/* The keeper has an orphan and a deadline, neither of which is the child's. */
UNUSED static void it_starts_over_in_a_fork(void)
{
	int go[2], status = -1;
	struct nsh_process *process = start_timed(until_closed(&go[0]), 60);

	nsh_process_forget(start(until_closed(&go[1])));
	EQUAL(count_threads(), 2);
	for (int i = 0; i < 20; i++) {
		pid_t pid = i % 2 ? fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

		if (pid == 0)
			hold_deadline();
		(void)waitpid(pid, &status, 0);
		EQUAL(status, 0);
	}
	nsh_process_free(process);
	exit(wrong);
}

static const struct check checks[] = {
	{ "orphans write to their end", orphans_write_to_their_end },
	{ "orphans keep their deadline", orphans_keep_their_deadline },
	{ "the escalation of an orphan is completed", orphans_are_ended_to_the_end },
	{ "orphans are served without descriptors", orphans_are_served_without_descriptors },
	{ "deadlines are enforced", deadlines_hold },
	{ "deadlines are enforced after a look", deadlines_hold_after_a_look },
	{ "deadlines are enforced after leave", deadlines_hold_from_leave_on },
	{ "the limit of leave is enforced", the_limit_of_leave_holds },
	{ "a program that ends in time has not timed out", who_ends_in_time_has_not_timed_out },
	{ "a program whose descendant holds the pipe has timed out", who_leaves_its_pipe_behind_has },
	{ "deadlines are enforced in a handshake", deadlines_hold_in_a_handshake },
	{ "a wait needs no thread", who_waits_needs_no_thread },
	{ "owners race with the keeper", owners_race_with_the_keeper },
	{ "the host can change its user", the_host_can_change_its_user },
	{ "it does not change the host's own sets", it_leaves_the_sets_of_the_host_alone },
	{ "it ends without its descriptors", it_ends_without_its_descriptors },
#if CAN_HAVE_THREADS_AFTER_FORK
	{ "it starts over in a fork", it_starts_over_in_a_fork },
#endif
	{ NULL, NULL }
};

static void *no_work(void *nothing)
{
	return nothing;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	/* A sanitizer starts its own beside the first. */
	if (pthread_create(&thread, NULL, no_work, NULL) == 0)
		(void)pthread_join(thread, NULL);
	for (int i = 0; i < 100 && count_threads() > 1; i++)
		(void)usleep(1000);
	others = count_threads() - 1;
	return check_main(checks, argc, argv);
}
