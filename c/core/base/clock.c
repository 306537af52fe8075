/* The monotonic clock, and waiting for one descriptor (noshell.h). */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "noshell.h"

double nsh_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Restarts after a signal with the time that is left: ppoll(2) is never
 * restarted by SA_RESTART (signal(7)). */
int nsh_poll_either(int fd, short events, int other, double seconds)
{
	struct pollfd poll_fds[] = {
		{ .fd = fd, .events = events }, { .fd = other, .events = POLLIN },
	};
	/* poll(2) ignores a negative descriptor; leaving it out saves the
	 * kernel's look at it. */
	nfds_t count = other >= 0 ? 2 : fd >= 0;
	double until = seconds < 0 ? -1 : nsh_now() + seconds;

	for (;;) {
		struct timespec left = { 0, 0 };
		double rest = until < 0 ? 0 : until - nsh_now();
		int ret;

		if (rest > 0) {
			left.tv_sec = (time_t)rest;
			left.tv_nsec = (long)((rest - (double)left.tv_sec) * 1e9);
		}
		ret = ppoll(poll_fds, count, until < 0 ? NULL : &left, NULL);
		if (ret >= 0 || errno != EINTR)
			return ret < 0 ? -1 : ret > 0;
	}
}

int nsh_poll(int fd, short events, double seconds)
{
	return nsh_poll_either(fd, events, -1, seconds);
}
