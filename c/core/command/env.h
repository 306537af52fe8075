/*
 * env.h: the environment that a command asks for.  It owns its strings; a
 * zeroed one inherits everything.
 */
#ifndef NSH_ENV_H
#define NSH_ENV_H

#include <stdbool.h>

#include "strv.h"

struct env {
	struct strv set;        /* "NAME=value", in order, each name once */
	struct strv removed;    /* names not to be inherited */
	bool named;             /* something was added or passed */
	bool inherit;           /* what is inherited stays although named */
	bool cleared;           /* ... or goes although nothing was */
};

/* All return 0, or -1 with EINVAL (a name that is empty or holds '=') or
 * ENOMEM. */
int nsh_env_set(struct env *env, const char *name, const char *value);
/* "NAME=value". */
int nsh_env_set_pair(struct env *env, const char *pair);
/* The caller's value, nothing where it has none. */
int nsh_env_pass(struct env *env, const char *name);
/* As nsh_env_pass; but `fallback` (NULL: nothing) where the process runs with
 * more rights than its user has. */
int nsh_env_pass_unless_suid(struct env *env, const char *name,
			     const char *fallback);
int nsh_env_unset(struct env *env, const char *name);
void nsh_env_clear(struct env *env);
int nsh_env_copy(struct env *target, const struct env *source);
void nsh_env_free(struct env *env);
/* The NULL-terminated array for execve(2): the array is malloc'd, its strings
 * are borrowed from `env` and from environ.  NULL where memory is short. */
const char **nsh_env_build(const struct env *env);

#endif
