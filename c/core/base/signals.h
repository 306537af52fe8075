/*
 * signals.h: the signal mask around a launch.  Names of signals are in
 * noshell.h.
 */
#ifndef NSH_SIGNALS_H
#define NSH_SIGNALS_H

#include <stdint.h>

/* Blocks all signals in this thread, including those that libc reserves, which
 * its wrapper of sigprocmask(2) does not block: a handler that runs in a child
 * sharing our memory would change the host's data.  Returns 0, or -1 with errno
 * (a seccomp filter may refuse it); then there is nothing to restore. */
int nsh_signals_block(uint64_t *ret_old);
void nsh_signals_restore(uint64_t old);

#endif
