/*
 * trap.h: waiting while the script handles signals (nsh_trap_open in noshell.h).
 */
#ifndef NSH_TRAP_H
#define NSH_TRAP_H

#include <poll.h>
#include <time.h>

/* ppoll(2), which also fails with EINTR if a signal was noted before the call.
 * Without that, one that arrives just before would be seen only after the wait.
 * In a thread that blocks the signals, as helper threads do, it is ppoll(2). */
int nsh_trap_ppoll(struct pollfd *poll_fds, nfds_t count, const struct timespec *left);

#endif
