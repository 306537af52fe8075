/*
 * failure.h: names of stages and codes, and the functions that fill a struct
 * nsh_failure (noshell.h), which the caller owns.
 */
#ifndef NSH_STAGE_H
#define NSH_STAGE_H

#include "noshell.h"

/* Fill *failure, unless it is NULL, and return -1.  `subject` and `reason` may
 * be NULL.  Both functions keep errno. */
int nsh_fail(struct nsh_failure *failure, enum nsh_stage stage, int errnum,
	     const char *subject);
int nsh_fail_code(struct nsh_failure *failure, enum nsh_code code,
		  const char *reason);
/* Sets the reason of a failure that is already filled; keeps errno. */
void nsh_fail_reason(struct nsh_failure *failure, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Resets *failure to "no failure": numbers to 0, strings to "". */
void nsh_failure_clear(struct nsh_failure *failure);

#endif
