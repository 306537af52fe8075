/*
 * trap.h: waiting while the script handles signals (nsh_trap_open in noshell.h).
 */
#ifndef NSH_TRAP_H
#define NSH_TRAP_H

#include <poll.h>
#include <time.h>

/* Calls ppoll(2), but also fails with EINTR if a signal was noted before the call.
 * In a thread that blocks the signals, as helper threads do, it only calls
 * ppoll(2). */
int nsh_trap_ppoll(struct pollfd *poll_fds, nfds_t count, const struct timespec *left);

#endif
