#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "signals.h"
#include "sys.h"

void nsh_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

void nsh_fd_close(int take_fd)
{
	nsh_close(&take_fd);
}

int nsh_fd_raise(int take_fd)
{
	int fd;

	if (take_fd < 0 || take_fd > 2)
		return take_fd;
	fd = fcntl(take_fd, F_DUPFD_CLOEXEC, 3);
	nsh_close(&take_fd);
	return fd;
}

int nsh_fd_duplicate(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int nsh_timer(double seconds)
{
	/* Zero would disarm it, and a year is beyond every wait. */
	double bounded = seconds < 1e-6 ? 1e-6 : seconds > 3e7 ? 3e7 : seconds;
	time_t whole = (time_t)bounded;
	struct itimerspec at = { .it_value = {
		.tv_sec = whole, .tv_nsec = (long)((bounded - (double)whole) * 1e9),
	} };
	int fd = nsh_fd_raise(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));

	if (fd >= 0 && timerfd_settime(fd, 0, &at, NULL) < 0)
		nsh_close(&fd);
	return fd;
}

static int raise_both(int ends[2])
{
	ends[0] = nsh_fd_raise(ends[0]);
	if (ends[0] >= 0)
		ends[1] = nsh_fd_raise(ends[1]);
	if (ends[0] >= 0 && ends[1] >= 0)
		return 0;
	nsh_close(&ends[0]);
	nsh_close(&ends[1]);
	return -1;
}

int nsh_pipe(int ends[2])
{
	return pipe2(ends, O_CLOEXEC) < 0 ? -1 : raise_both(ends);
}

int nsh_socketpair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	return raise_both(ends);
}

int nsh_fd_set_blocking(int fd, int blocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags);
}

int nsh_fd_receive(int sock)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof control,
	};
	struct cmsghdr *first;
	int fd;

	if (recvmsg(sock, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -1;
	first = CMSG_FIRSTHDR(&message);
	if (!first || first->cmsg_type != SCM_RIGHTS) {
		errno = message.msg_flags & MSG_CTRUNC ? EMFILE : ENODATA;
		return -1;
	}
	memcpy(&fd, CMSG_DATA(first), sizeof fd);
	return nsh_fd_raise(fd);
}

int nsh_fd_check(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

/* ---- in another descriptor table ---------------------------------------- */

/* What is closed in a copy of the table to make room; and the thread's stack. */
enum { ROOM = 32, STACK = 128 * 1024 };

struct elsewhere {
	void (*function)(void *);
	void *argument;
	bool empty;
	int errnum;             /* 0: it was called */
};

/* Closing a copy releases no record lock: those belong to the old table. */
static int leave_table(bool empty)
{
	if (empty && nsh_sys_close_range(0, ~0U, NSH_CLOSE_RANGE_UNSHARE) == 0)
		return 0;
	if (unshare(CLONE_FILES) < 0)
		return -1;
	for (int fd = 0; fd < ROOM; fd++)
		(void)nsh_sys_close(fd);
	return 0;
}

static void *call_elsewhere(void *data)
{
	struct elsewhere *call = data;

	call->errnum = leave_table(call->empty) < 0 ? errno : 0;
	if (!call->errnum)
		call->function(call->argument);
	return NULL;
}

static int start_thread(struct elsewhere *call, pthread_t *ret_thread)
{
	pthread_attr_t attributes;
	uint64_t mask;
	int ret = pthread_attr_init(&attributes);

	if (ret)
		return ret;
	(void)pthread_attr_setstacksize(&attributes, STACK);
	/* The host's handlers are not to run there. */
	ret = nsh_signals_block(&mask) < 0 ? errno : 0;
	if (!ret) {
		ret = pthread_create(ret_thread, &attributes, call_elsewhere, call);
		nsh_signals_restore(mask);
	}
	(void)pthread_attr_destroy(&attributes);
	return ret;
}

int nsh_fd_elsewhere(void (*function)(void *), void *argument, bool empty)
{
	struct elsewhere call = {
		.function = function, .argument = argument, .empty = empty,
	};
	pthread_t thread;
	int ret = start_thread(&call, &thread);

	if (ret == 0) {
		(void)pthread_join(thread, NULL);
		ret = call.errnum;
	}
	if (ret == 0)
		return 0;
	errno = ret;
	return -1;
}
