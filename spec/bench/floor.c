/* floor: the minimum cost of starting a program (clone(VM | VFORK), execve and
   waitid), and of moving its data. resident.h has the protocol. The bench
   measures the difference. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "resident.h"

extern char **environ;

enum { STACK = 16384, CHUNK = 65536, MANY = 1000 };

struct start {
	const char *const *argv;
	int in, out;            /* become 0 and 1; -1: as they are */
};

static int in_child(void *data)
{
	const struct start *start = data;

	if (start->in >= 0)
		(void)dup2(start->in, 0);
	if (start->out >= 0)
		(void)dup2(start->out, 1);
	execve(start->argv[0], (char *const *)start->argv, environ);
	_exit(127);
}

static pid_t start(const char *const *argv, int in, int out)
{
	static char stack[STACK] __attribute__((aligned(16)));
	struct start words = { argv, in, out };

	return clone(in_child, stack + sizeof stack,
		     CLONE_VM | CLONE_VFORK | SIGCHLD, &words);
}

static int end(pid_t pid)
{
	siginfo_t info;

	if (pid < 0 || waitid(P_PID, (id_t)pid, &info, WEXITED) < 0)
		return -1;
	return info.si_code == CLD_EXITED && info.si_status == 0 ? 0 : -1;
}

static int run(const struct programs *programs, long count)
{
	const char *argv[] = { programs->tiny, NULL };

	while (count-- > 0)
		if (end(start(argv, -1, -1)) < 0)
			return -1;
	return 0;
}

/* ---- data -------------------------------------------------------------- */

static char chunk[CHUNK];

static int drain(int fd)
{
	ssize_t got;

	while ((got = read(fd, chunk, sizeof chunk)) > 0)
		;
	return got == 0 ? 0 : -1;
}

/* Reads everything into a buffer that doubles. */
static int keep(int fd)
{
	size_t size = 0, room = CHUNK;
	char *bytes = malloc(room);
	ssize_t got = -1;

	while (bytes && (got = read(fd, bytes + size, room - size)) > 0) {
		size += (size_t)got;
		if (size < room)
			continue;
		room *= 2;
		bytes = realloc(bytes, room);
	}
	free(bytes);
	return got == 0 ? 0 : -1;
}

/* `count` bytes read and thrown away, or kept. */
static int transfer(const struct programs *programs, long count, int (*take)(int fd))
{
	char number[24];
	const char *argv[] = { programs->probe, "--out", number, NULL };
	int pipe_ends[2], ret;
	pid_t pid;

	snprintf(number, sizeof number, "%ld", count);
	if (pipe2(pipe_ends, O_CLOEXEC) < 0)
		return -1;
	pid = start(argv, -1, pipe_ends[1]);
	close(pipe_ends[1]);
	ret = take(pipe_ends[0]);
	close(pipe_ends[0]);
	return end(pid) == 0 ? ret : -1;
}

static int output(const struct programs *programs, long count)
{
	return transfer(programs, count, drain);
}

static int capture(const struct programs *programs, long count)
{
	return transfer(programs, count, keep);
}

/* Writes until the pipe is full. */
static int feed(int *fd, long *left)
{
	while (*left > 0) {
		size_t size = *left < CHUNK ? (size_t)*left : CHUNK;
		ssize_t put = write(*fd, chunk, size);

		if (put < 0)
			return errno == EAGAIN ? 0 : -1;
		*left -= put;
	}
	close(*fd);
	*fd = -1;
	return 0;
}

static int exchange_data(int in, int out, long left)
{
	ssize_t got = 1;

	while (got > 0) {
		struct pollfd fds[2] = {
			{ .fd = in, .events = POLLOUT },
			{ .fd = out, .events = POLLIN },
		};

		if (poll(fds, 2, -1) < 0)
			return -1;
		if (fds[0].revents && feed(&in, &left) < 0)
			return -1;
		if (fds[1].revents)
			got = read(out, chunk, sizeof chunk);
	}
	return got == 0 ? 0 : -1;
}

/* `count` bytes through cat. */
static int exchange(const struct programs *programs, long count)
{
	const char *argv[] = { programs->probe, "--cat", NULL };
	int to[2], from[2], ret;
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		return -1;
	pid = start(argv, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	fcntl(to[1], F_SETFL, O_NONBLOCK);
	ret = exchange_data(to[1], from[0], count);
	close(from[0]);
	return end(pid) == 0 ? ret : -1;
}

/* ---- many at once ------------------------------------------------------ */

/* Each one waits for the end of its own pipe. */
static int many(const struct programs *programs, long count)
{
	const char *argv[] = { programs->probe, "--block-on", "0", NULL };
	int ends[MANY], ret = 0;
	pid_t pids[MANY];

	for (long i = 0; i < count && i < MANY; i++) {
		int pipe_ends[2];

		if (pipe2(pipe_ends, O_CLOEXEC) < 0)
			return -1;
		pids[i] = start(argv, pipe_ends[0], -1);
		ends[i] = pipe_ends[1];
		close(pipe_ends[0]);
	}
	for (long i = 0; i < count && i < MANY; i++)
		close(ends[i]);
	for (long i = 0; i < count && i < MANY; i++)
		if (end(pids[i]) < 0)
			ret = -1;
	return ret;
}

int main(int argc, char **argv)
{
	static const struct job jobs[] = {
		{ "run", run }, { "output", output }, { "capture", capture }, { "exchange", exchange },
		{ "many", many }, { NULL, NULL },
	};

	return serve(argc, argv, jobs);
}
