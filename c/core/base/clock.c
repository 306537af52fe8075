/* The monotonic clock, and waiting for descriptors (noshell.h). */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "strv.h"
#include "noshell.h"
#include "trap.h"

double nsh_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct timespec nsh_timespec(double seconds)
{
	static const double longest = 1e9;
	double bounded = seconds < longest ? seconds : longest;
	time_t whole = bounded > 0 ? (time_t)bounded : 0;

	return (struct timespec){
		.tv_sec = whole,
		.tv_nsec = bounded > 0 ? (long)((bounded - (double)whole) * 1e9) : 0,
	};
}

int nsh_poll_several(const struct nsh_watch *watches, size_t count, int other,
		     double seconds)
{
	struct pollfd few[9], *poll_fds = few;
	struct timespec left = nsh_timespec(seconds);
	nfds_t used = 0;
	int ret;

	if (count >= sizeof few / sizeof *few
	    && !(poll_fds = malloc((count + 1) * sizeof *poll_fds)))
		return -1;
	/* ppoll(2) ignores a negative descriptor; leaving it out is faster. */
	for (size_t i = 0; i < count; i++)
		if (watches[i].fd >= 0)
			poll_fds[used++] = (struct pollfd){
				.fd = watches[i].fd, .events = watches[i].events };
	if (other >= 0)
		poll_fds[used++] = (struct pollfd){ .fd = other, .events = POLLIN };
	ret = nsh_trap_ppoll(poll_fds, used, seconds < 0 ? NULL : &left);
	if (ret > 0)
		ret = other >= 0 && poll_fds[used - 1].revents ? 2 : 1;
	if (poll_fds != few)
		nsh_free_quietly(poll_fds);
	return ret;
}

/* Restarts after a signal with the time that is left: ppoll(2) is never restarted by
 * SA_RESTART (signal(7)).  Does not use nsh_trap_ppoll: only a script can handle a
 * signal that was noted. */
int nsh_poll(int fd, short events, double seconds)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	double until = seconds < 0 ? -1 : nsh_now() + seconds;

	for (;;) {
		struct timespec left = nsh_timespec(until < 0 ? 0 : until - nsh_now());
		int ret = ppoll(&poll_fd, fd >= 0, until < 0 ? NULL : &left, NULL);

		if (ret >= 0 || errno != EINTR)
			return ret;
	}
}
