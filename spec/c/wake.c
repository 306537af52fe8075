/* Wake-up channels, for hosts that can wait for their own sockets only. */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "check.h"

/* ---- channels ---------------------------------------------------------- */

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

struct waiter {
	int socket, channel;
};

static struct waiter new_waiter(void)
{
	struct waiter waiter = { .socket = connect_to(nsh_wake_path()) };

	CHECK(waiter.socket >= 0);
	waiter.channel = nsh_wake_accept();
	CHECK(waiter.channel >= 0);
	return waiter;
}

/* True if a byte arrives within the milliseconds. */
static bool is_woken(const struct waiter *waiter, int milliseconds)
{
	struct pollfd poll_fd = { .fd = waiter->socket, .events = POLLIN };
	char byte = 0;

	if (poll(&poll_fd, 1, milliseconds) != 1)
		return false;
	return read(waiter->socket, &byte, 1) == 1;
}

static bool is_gone(int channel)
{
	return nsh_wake_arm(channel, -1, 0, -1) < 0 && errno == EBADF;
}

/* Our end is closed by the helper thread: its descriptors must be gone too. */
static void end_waiter(struct waiter *waiter)
{
	(void)close(waiter->socket);
	for (int i = 0; i < 2000 && !is_gone(waiter->channel); i++)
		(void)usleep(1000);
	CHECK(is_gone(waiter->channel));
}

static void wakes_once(void)
{
	struct waiter waiter = new_waiter();
	int ends[2];

	CHECK(nsh_pipe(ends) == 0);
	EQUAL(nsh_wake_arm(waiter.channel, ends[0], NSH_READABLE, -1), 0);
	CHECK(!is_woken(&waiter, 20));
	EQUAL(write(ends[1], "x", 1), 1);
	CHECK(is_woken(&waiter, 5000));
	CHECK(!is_woken(&waiter, 20));
	EQUAL(nsh_wake_arm(waiter.channel, ends[0], NSH_READABLE, -1), 0);
	CHECK(is_woken(&waiter, 5000));
	EQUAL(nsh_wake_arm(waiter.channel, ends[1], NSH_WRITABLE, -1), 0);
	CHECK(is_woken(&waiter, 5000));
	nsh_fd_close(ends[0]);
	nsh_fd_close(ends[1]);
	end_waiter(&waiter);
}

static void wakes_by_the_clock(void)
{
	struct waiter late = new_waiter(), soon = new_waiter(), never = new_waiter();
	double start = nsh_now();

	EQUAL(nsh_wake_arm(never.channel, -1, 0, 1e300), 0);
	EQUAL(nsh_wake_arm(late.channel, -1, 0, 0.1), 0);
	EQUAL(nsh_wake_arm(soon.channel, -1, 0, 0.02), 0);
	CHECK(is_woken(&soon, 5000));
	CHECK(nsh_now() - start >= 0.02);
	CHECK(is_woken(&late, 5000));
	CHECK(nsh_now() - start >= 0.1);
	EQUAL(nsh_wake_arm(soon.channel, -1, 0, 0), 0);
	CHECK(is_woken(&soon, 5000));
	CHECK(!is_woken(&never, 0));
	end_waiter(&late);
	end_waiter(&soon);
	end_waiter(&never);
}

static void can_be_disarmed(void)
{
	struct waiter waiter = new_waiter();
	int ends[2];

	CHECK(nsh_pipe(ends) == 0);
	EQUAL(nsh_wake_arm(waiter.channel, ends[0], NSH_READABLE, 0.05), 0);
	nsh_wake_disarm(waiter.channel);
	EQUAL(write(ends[1], "x", 1), 1);
	CHECK(!is_woken(&waiter, 100));
	nsh_fd_close(ends[0]);
	nsh_fd_close(ends[1]);
	end_waiter(&waiter);
}

/* With a duplicate in the channel the writer would not get EPIPE. */
static void keeps_nothing_open(void)
{
	struct waiter waiter = new_waiter();
	int ends[2];

	CHECK(nsh_pipe(ends) == 0);
	EQUAL(nsh_wake_arm(waiter.channel, ends[0], NSH_READABLE, -1), 0);
	nsh_fd_close(ends[0]);
	(void)signal(SIGPIPE, SIG_IGN);
	EQUAL(write(ends[1], "x", 1), -1);
	EQUAL(errno, EPIPE);
	(void)signal(SIGPIPE, SIG_DFL);
	EQUAL(nsh_wake_arm(waiter.channel, ends[0], NSH_READABLE, -1), -1);
	EQUAL(errno, EBADF);
	nsh_fd_close(ends[1]);
	end_waiter(&waiter);
}

/* The number of a descriptor that was closed while armed means another file. */
static void waits_for_a_number_again(void)
{
	struct waiter first = new_waiter(), second = new_waiter();
	int ends[2], again[2];

	CHECK(nsh_pipe(ends) == 0);
	EQUAL(nsh_wake_arm(first.channel, ends[0], NSH_READABLE, -1), 0);
	nsh_fd_close(ends[0]);
	nsh_fd_close(ends[1]);
	CHECK(nsh_pipe(again) == 0);
	EQUAL(again[0], ends[0]);
	EQUAL(nsh_wake_arm(second.channel, again[0], NSH_READABLE, -1), 0);
	nsh_wake_disarm(first.channel);
	EQUAL(write(again[1], "x", 1), 1);
	CHECK(is_woken(&second, 5000));
	CHECK(!is_woken(&first, 0));
	nsh_fd_close(again[0]);
	nsh_fd_close(again[1]);
	end_waiter(&first);
	end_waiter(&second);
}

/* ... or the socket of another channel, whose end must be seen. */
static void leaves_the_socket_of_another(void)
{
	struct waiter first = new_waiter(), second;
	int ends[2];

	CHECK(nsh_pipe(ends) == 0);
	EQUAL(nsh_wake_arm(first.channel, ends[1], NSH_READABLE, -1), 0);
	nsh_fd_close(ends[1]);
	nsh_fd_close(ends[0]);
	second = new_waiter();
	EQUAL(second.socket, ends[0]);
	CHECK(fcntl(ends[1], F_GETFD) >= 0);
	nsh_wake_disarm(first.channel);
	EQUAL(nsh_wake_arm(first.channel, ends[1], NSH_READABLE, -1), -1);
	EQUAL(errno, EBADF);
	end_waiter(&second);
	end_waiter(&first);
}

static int ended[2];

static void note_end(void *object)
{
	EQUAL(write(ended[1], object, 1), 1);
}

static char next_ended(void)
{
	char name = 0;

	EQUAL(read(ended[0], &name, 1), 1);
	return name;
}

static void ends_what_it_owns(void)
{
	struct waiter waiter = new_waiter(), other = new_waiter();
	char a[] = "a", b[] = "b", c[] = "c";

	CHECK(nsh_pipe(ended) == 0);
	EQUAL(nsh_wake_entrust(waiter.channel, a, note_end), 0);
	EQUAL(nsh_wake_entrust(waiter.channel, b, note_end), 0);
	EQUAL(nsh_wake_entrust(other.channel, c, note_end), 0);
	CHECK(nsh_wake_take_back(waiter.channel, a));
	CHECK(!nsh_wake_take_back(waiter.channel, a));
	CHECK(!nsh_wake_take_back(waiter.channel, c));
	end_waiter(&waiter);
	EQUAL(next_ended(), 'b');
	CHECK(!nsh_wake_take_back(waiter.channel, b));
	end_waiter(&other);
	EQUAL(next_ended(), 'c');
	nsh_fd_close(ended[0]);
	nsh_fd_close(ended[1]);
}

static void end_process(void *process)
{
	nsh_process_end_later(process);
}

static void ends_a_process(void)
{
	struct waiter waiter = new_waiter();
	struct nsh_process *process = start(PROBE("--ignore", "TERM", "--pause"));
	pid_t pid = nsh_process_pid(process);

	EQUAL(nsh_wake_entrust(waiter.channel, process, end_process), 0);
	CHECK(lives(pid));
	end_waiter(&waiter);
	for (int i = 0; i < 10000 && lives(pid); i++)
		(void)usleep(1000);
	CHECK(!lives(pid));
}

/* Whether or not the helper thread has noticed that the channel has ended. */
/* poll(2) fails with EINTR also if it does not wait. */
static void is_open_in_a_storm(void)
{
	struct waiter waiter = new_waiter();
	int closed = 0;

	start_storm(20);
	for (int i = 0; i < 300000; i++)
		closed += !nsh_wake_is_open(waiter.channel);
	start_storm(0);
	EQUAL(closed, 0);
	end_waiter(&waiter);
}

static void owns_nothing_when_gone(void)
{
	for (int i = 0; i < 200; i++) {
		struct waiter waiter = new_waiter();

		(void)close(waiter.socket);
		EQUAL(nsh_wake_entrust(waiter.channel, &waiter, note_end), -1);
		EQUAL(errno, EBADF);
	}
}

/* The number of a channel that has ended does not wake a later one in its place. */
static void numbers_are_not_reused(void)
{
	struct waiter first = new_waiter(), second;
	int old = first.channel;

	end_waiter(&first);
	second = new_waiter();
	CHECK(second.channel != old);
	EQUAL(nsh_wake_arm(second.channel, -1, 0, 0.02), 0);
	nsh_wake_disarm(old);
	CHECK(is_woken(&second, 5000));
	EQUAL(nsh_wake_arm(old, -1, 0, 0), -1);
	CHECK(!is_woken(&second, 20));
	end_waiter(&second);
}

static void limit_descriptors(rlim_t count)
{
	struct rlimit limit;

	EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = count ? count : limit.rlim_max;
	EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* One that could not be taken is not the next one's. */
static void takes_its_own_connection(void)
{
	struct waiter before = new_waiter(), after;
	int lost = connect_to(nsh_wake_path());

	CHECK(lost >= 0);
	limit_descriptors(3);
	EQUAL(nsh_wake_accept(), -1);
	EQUAL(errno, EMFILE);
	limit_descriptors(0);
	after = new_waiter();
	EQUAL(nsh_wake_arm(after.channel, -1, 0, 0), 0);
	CHECK(is_woken(&after, 5000));
	EQUAL(nsh_wake_arm(before.channel, -1, 0, 0), 0);
	CHECK(is_woken(&before, 5000));
	(void)close(lost);
	end_waiter(&before);
	end_waiter(&after);
}

static void serves_a_thousand(void)
{
	struct waiter *waiters = calloc(1000, sizeof *waiters);
	int ends[2], woken = 0;

	CHECK(nsh_pipe(ends) == 0);
	for (int i = 0; i < 1000; i++) {
		waiters[i] = new_waiter();
		(void)nsh_wake_arm(waiters[i].channel, ends[0], NSH_READABLE, -1);
	}
	EQUAL(write(ends[1], "x", 1), 1);
	for (int i = 0; i < 1000; i++)
		woken += is_woken(&waiters[i], 5000);
	EQUAL(woken, 1000);
	for (int i = 0; i < 1000; i++)
		end_waiter(&waiters[i]);
	free(waiters);
	nsh_fd_close(ends[0]);
	nsh_fd_close(ends[1]);
}

/* ---- the listener ------------------------------------------------------ */

static int status_of(pid_t child)
{
	int status = -1;

	(void)waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Returns the epoll descriptor; there is only one if nothing runs. */
static int find_epoll(void)
{
	for (int fd = 3; fd < 64; fd++) {
		char name[32], target[64] = "";

		(void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		if (readlink(name, target, sizeof target - 1) > 0
		    && strcmp(target, "anon_inode:[eventpoll]") == 0)
			return fd;
	}
	return -1;
}

static int count_threads(void)
{
	struct stat task;

	return stat("/proc/self/task", &task) < 0 ? -1 : (int)task.st_nlink - 2;
}

/* It does not try to restore lost descriptors again and again. */
static void starts_over_when_closed(void)
{
	struct waiter waiter = new_waiter();

	EQUAL(count_threads(), 2);
	EQUAL(close(find_epoll()), 0);
	(void)close(waiter.socket);
	for (int i = 0; i < 2000 && count_threads() > 1; i++)
		(void)usleep(1000);
	EQUAL(count_threads(), 1);
	CHECK(is_gone(waiter.channel));
	waiter = new_waiter();
	EQUAL(nsh_wake_arm(waiter.channel, -1, 0, 0), 0);
	CHECK(is_woken(&waiter, 5000));
	end_waiter(&waiter);
	exit(wrong);   /* what the first one had is left open */
}

static void has_no_name(void)
{
	struct sockaddr_un address;
	socklen_t size = sizeof address;
	struct waiter waiter = new_waiter();

	CHECK(strncmp(nsh_wake_path(), "/proc/self/fd/", 14) == 0);
	EQUAL(getpeername(waiter.socket, (struct sockaddr *)&address, &size), 0);
	CHECK(address.sun_path[0] == '/');
	EQUAL(access(address.sun_path, F_OK), -1);
	*strrchr(address.sun_path, '/') = 0;
	EQUAL(access(address.sun_path, F_OK), -1);
	end_waiter(&waiter);
}

/* Another process finds it below our number in /proc, and is turned away. */
static void turns_strangers_away(void)
{
	struct waiter waiter;
	char path[64], byte;
	pid_t child;

	(void)snprintf(path, sizeof path, "/proc/%d%s", (int)getpid(),
		       nsh_wake_path() + strlen("/proc/self"));
	child = fork();
	if (child == 0) {
		int fd = connect_to(path);

		_exit(fd < 0 ? 1 : read(fd, &byte, 1) != 0);
	}
	(void)usleep(50000);
	waiter = new_waiter();
	EQUAL(status_of(child), 0);
	EQUAL(nsh_wake_arm(waiter.channel, -1, 0, 0), 0);
	CHECK(is_woken(&waiter, 5000));
	EQUAL(nsh_wake_accept(), -1);
	EQUAL(errno, EAGAIN);
	end_waiter(&waiter);
}

UNUSED static void try_all(void)
{
	struct waiter waiter = new_waiter();

	EQUAL(nsh_wake_arm(waiter.channel, -1, 0, 0), 0);
	CHECK(is_woken(&waiter, 5000));
	end_waiter(&waiter);
	_exit(wrong);
}

/* In a child, which makes its own listener. */
UNUSED static void needs_no_tmpdir(void)
{
	pid_t child = fork();

	if (child == 0) {
		(void)!setuid(65534);
		(void)umask(0777);
		(void)setenv("TMPDIR", "/no/such/directory", 1);
		try_all();
	}
	EQUAL(status_of(child), 0);
}

UNUSED static void is_new_after_a_fork(void)
{
	struct waiter waiter = new_waiter();
	pid_t child;

	EQUAL(nsh_wake_arm(waiter.channel, -1, 0, 0.1), 0);
	child = fork();
	if (child == 0) {
		struct waiter own = new_waiter();

		CHECK(is_gone(waiter.channel));
		end_waiter(&own);
		try_all();
	}
	EQUAL(status_of(child), 0);
	CHECK(is_woken(&waiter, 5000));
	end_waiter(&waiter);
}

static const struct check checks[] = {
	{ "a channel is woken once, when its descriptor is ready", wakes_once },
	{ "a channel is woken by the clock", wakes_by_the_clock },
	{ "a channel can be disarmed", can_be_disarmed },
	{ "a channel does not keep descriptors open that its caller closes", keeps_nothing_open },
	{ "a channel waits for a number that meant another file", waits_for_a_number_again },
	{ "a channel does not affect another's socket that has its number",
	  leaves_the_socket_of_another },
	{ "a closed channel ends the objects that it owns", ends_what_it_owns },
	{ "a closed channel ends a process", ends_a_process },
	{ "a channel is open in a storm of signals", is_open_in_a_storm },
	{ "a closed channel takes no object over", owns_nothing_when_gone },
	{ "a channel's number is not used again", numbers_are_not_reused },
	{ "a connection that could not be taken belongs to no channel", takes_its_own_connection },
	{ "a thousand channels wait for one pipe", serves_a_thousand },
	{ "the helper thread ends if its descriptors were closed",
	  starts_over_when_closed },
	{ "the listener has no name in the file system", has_no_name },
	{ "the listener rejects other processes", turns_strangers_away },
#if CAN_HAVE_THREADS_AFTER_FORK
	{ "the listener needs neither TMPDIR nor a umask", needs_no_tmpdir },
	{ "channels are new after a fork", is_new_after_a_fork },
#endif
	{ NULL, NULL },
};

/* Objects that are made once and kept are no leak. */
int main(int argc, char **argv)
{
	if (argc > 1)
		CHECK(nsh_wake_path());
	return check_main(checks, argc, argv);
}
