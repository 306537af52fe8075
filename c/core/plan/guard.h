/*
 * guard.h: the seccomp filter of a sandbox, compiled in the parent by libseccomp.  The
 * compiled filters are remembered, because compiling one takes as long as a start.
 */
#ifndef NSH_GUARD_H
#define NSH_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "strv.h"

struct sock_filter;

/* What the filter denies. */
struct guard {
	bool inet;              /* all sockets but Unix ones ... */
	bool all_but_tcp;       /* ... or all but these and TCP */
	bool listening;         /* listen(2) */
	bool unix_sockets;      /* socket(2) with AF_UNIX; socketpair(2) is harmless */
	bool truncation;        /* of files that are not open for writing */
	bool mounts;            /* calls that could undo private mounts */
	bool calls;             /* sandbox_calls.def, more `deny`, less `allow` */
	const struct strv *deny, *allow;  /* if `calls` */
};

/* True if the guard denies anything. */
bool nsh_guard_is_needed(const struct guard *guard);
/* Returns the filter, malloc'd, and its length; NULL with errno. */
struct sock_filter *nsh_guard_compile(const struct guard *guard,
				      unsigned short *ret_length);

#endif
