/*
 * signals.h: signal names, and the mask around a launch.
 */
#ifndef NSH_SIGNALS_H
#define NSH_SIGNALS_H

#include <stdint.h>

/* Blocks every signal of this thread, libc's internal ones too: a handler that
 * ran in a child sharing our memory would act on our data.  Returns 0, or -1
 * with errno: a sandbox may forbid it.  Then there is nothing to restore. */
int nsh_signals_block(uint64_t *ret_old);
void nsh_signals_restore(uint64_t old);

#endif
