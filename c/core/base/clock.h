/*
 * clock.h: times and waits.  Reading the clock is in noshell.h.
 */
#ifndef NSH_CLOCK_H
#define NSH_CLOCK_H

#include <time.h>

/* Seconds between two checks if no descriptor can be waited for (EMFILE, ENOSPC). */
#define NSH_BLIND_INTERVAL 0.01

/* Returns the time, at least 0 and at most 30 years: a longer one might not fit a
 * timespec, or be refused (EINVAL).  Callers check their deadlines again after a
 * wait. */
struct timespec nsh_timespec(double seconds);

/* Returns the earlier of two times; a negative time means never. */
static inline double nsh_sooner(double a, double b)
{
	return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

#endif
