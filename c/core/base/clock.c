/* The monotonic clock, and waiting for one descriptor (noshell.h). */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "clock.h"
#include "noshell.h"

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

int nsh_poll_once(int fd, short events, int other, double seconds)
{
	struct pollfd poll_fds[] = {
		{ .fd = fd, .events = events }, { .fd = other, .events = POLLIN },
	};
	/* poll(2) ignores a negative descriptor; leaving it out saves the
	 * kernel's look at it. */
	nfds_t count = other >= 0 ? 2 : fd >= 0;
	struct timespec left = nsh_timespec(seconds);
	int ret;

	ret = ppoll(poll_fds, count, seconds < 0 ? NULL : &left, NULL);
	return ret < 0 ? -1 : ret > 0;
}

/* Restarts after a signal with the time that is left: ppoll(2) is never
 * restarted by SA_RESTART (signal(7)). */
int nsh_poll(int fd, short events, double seconds)
{
	double until = seconds < 0 ? -1 : nsh_now() + seconds;

	for (;;) {
		double rest = until < 0 ? -1 : until - nsh_now();
		int ret = nsh_poll_once(fd, events, -1,
					until < 0 || rest > 0 ? rest : 0);

		if (ret >= 0 || errno != EINTR)
			return ret;
	}
}
