/*
 * hook.h: the call of a pre-exec hook, and what it asks for meanwhile.
 */
#ifndef NSH_HOOK_H
#define NSH_HOOK_H

#include "plan.h"

/* Gives the plan of a command with a hook what the child calls.  0, or -1 with
 * errno. */
int nsh_hook_plan(struct plan *plan);
void nsh_hook_free(struct plan *plan);

#endif
