/*
 * calls.h: system calls by name, and the groups of calls that a sandbox denies by default
 * (sandbox_calls.def).
 */
#ifndef NSH_CALLS_H
#define NSH_CALLS_H

#include <stdbool.h>

#include "noshell.h"

/* True if noshell was built with libseccomp, which knows the names. */
bool nsh_calls_are_known(void);
/* Returns the number of a call, negative for one that this architecture does not have; or
 * NSH_NO_CALL. */
int nsh_call_number(const char *name);
enum { NSH_NO_CALL = -1000000 };
/* Returns the group named "@mount"; NULL if there is none. */
const struct nsh_sandbox_group *nsh_call_group(const char *name);

#endif
