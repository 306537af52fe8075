/*
 * filter.h: the seccomp filters of the calling thread.  One of them may kill
 * the caller of any system call, so a call that we could do without is made in
 * the host only if there is no filter, or if a child has survived it.
 */
#ifndef NSH_FILTER_H
#define NSH_FILTER_H

#include <stdbool.h>

/* 0 if the thread has no filter; else a positive number that changes when one
 * is added (before Linux 5.9, only when the first one is); -1 if /proc does
 * not say.  If no descriptor is left, the answer is the last one, of whatever
 * thread. */
int nsh_filters(void);
/* Whether a child that shares memory takes the host with it if it dumps core, as
 * SIGSYS from a filter makes it: before Linux 5.16.  NOSHELL_KERNEL=5.10 in the
 * environment claims that release, for the specs. */
bool nsh_spreads_core_dumps(void);

#endif
