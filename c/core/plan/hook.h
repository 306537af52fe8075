/*
 * hook.h: the call of a pre-exec hook, and the descriptors that it keeps open.
 */
#ifndef NSH_HOOK_H
#define NSH_HOOK_H

#include "plan.h"

/* Sets the plan's call_hook and hook_fds if the command has a hook: child.c
 * calls the hook through a pointer, because it must not refer to code that may
 * allocate.  Returns 0, or -1 with errno. */
int nsh_hook_plan(struct plan *plan);
void nsh_hook_free(struct plan *plan);

#endif
