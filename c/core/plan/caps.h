/*
 * caps.h: the capability sets that a command's child is to have.  The parent
 * computes them; the child applies the words with raw system calls.
 */
#ifndef NSH_CAPS_H
#define NSH_CAPS_H

#include "plan.h"

/* Whether this thread may set its groups (CAP_SETGID). */
bool nsh_caps_can_set_groups(void);
/* Fills *ret_words for `clear` and `allow` (bit n is capability n) with the
 * ids of `plan`, from what this thread holds now.  0, or -1 with the
 * failure: a capability that we do not hold cannot be given. */
int nsh_caps_plan(const struct plan *plan, bool clear, uint64_t allow,
		  struct cap_words *ret_words, struct nsh_failure *failure);

#endif
