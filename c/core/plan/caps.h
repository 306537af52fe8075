/*
 * caps.h: the capability sets of a command's child.  The parent computes them;
 * the child applies them with raw system calls.
 */
#ifndef NSH_CAPS_H
#define NSH_CAPS_H

#include "plan.h"

/* Whether this thread may set its groups (CAP_SETGID). */
bool nsh_caps_can_set_groups(void);
/* Computes *ret_words from clear_caps, allow_cap (bit n is capability n), the
 * ids in `plan` and the sets of this thread.  Returns 0, or -1 with the
 * failure: a capability that this thread does not have cannot be given to the
 * child. */
int nsh_caps_plan(const struct plan *plan, bool clear, uint64_t allow,
		  struct cap_words *ret_words, struct nsh_failure *failure);

#endif
