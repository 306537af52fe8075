/*
 * filter.h: the seccomp filters of the calling thread.  A filter may kill the
 * caller of any system call (seccomp(2), SECCOMP_RET_KILL_PROCESS).  The host
 * therefore makes an optional system call only if it has no filter, or if a
 * child has made the call and survived.
 */
#ifndef NSH_FILTER_H
#define NSH_FILTER_H

#include <stdbool.h>

/* Returns the number of nsh_thread_status, or -1 if there is no /proc.  If no
 * descriptor is left, returns the last answer, which may be of another thread. */
int nsh_filters(void);
/* True if a core dump of a child that shares memory also kills the host, as before
 * Linux 5.16; the SIGSYS of a filter dumps core.  NOSHELL_KERNEL=5.10 in the
 * environment pretends that release, for the specs. */
bool nsh_spreads_core_dumps(void);

#endif
