/*
 * clock.h: seconds as a struct timespec.  Reading the clock is in noshell.h.
 */
#ifndef NSH_CLOCK_H
#define NSH_CLOCK_H

#include <time.h>

/* Returns the time, at least 0 and at most 30 years: more would not fit a timespec
 * or be refused (EINVAL).  Callers look at their deadlines again after a wait. */
struct timespec nsh_timespec(double seconds);

#endif
