/*
 * failure.h: the vocabulary of failures: stages, codes, and the functions that
 * fill a struct nsh_failure (declared in noshell.h; the caller owns it).
 */
#ifndef NSH_STAGE_H
#define NSH_STAGE_H

#include "noshell.h"

/* Fill *failure, where it is not NULL, and return -1.  The subject may be
 * NULL.  Neither changes errno. */
int nsh_fail(struct nsh_failure *failure, enum nsh_stage stage, int errnum,
	     const char *subject);
int nsh_fail_code(struct nsh_failure *failure, enum nsh_code code,
		  const char *reason);
/* Adds words to a failure made before. */
void nsh_fail_reason(struct nsh_failure *failure, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Everything zero: no failure. */
void nsh_failure_clear(struct nsh_failure *failure);

#endif
