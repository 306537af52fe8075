/*
 * env.h: the environment requested for a command.  It owns its strings.  A
 * zeroed one inherits everything.
 */
#ifndef NSH_ENV_H
#define NSH_ENV_H

#include <stdbool.h>

#include "strv.h"

struct env {
	struct strv set;        /* "NAME=value", in order, each name once */
	struct strv removed;    /* names not to be inherited */
	bool named;             /* a variable was added or passed */
	bool inherit;           /* inherit the rest although `named` */
	bool cleared;           /* inherit nothing although not `named` */
};

/* The functions return 0, or -1 with EINVAL (the name is empty or contains '=')
 * or ENOMEM. */
int nsh_env_set(struct env *env, const char *name, const char *value);
/* Sets a variable given as "NAME=value". */
int nsh_env_set_pair(struct env *env, const char *pair);
/* Copies the caller's value; does nothing if it has none. */
int nsh_env_pass(struct env *env, const char *name);
/* As nsh_env_pass, but sets `fallback` (NULL: nothing) if this process runs
 * with more privileges than its user has. */
int nsh_env_pass_unless_suid(struct env *env, const char *name,
			     const char *fallback);
int nsh_env_unset(struct env *env, const char *name);
void nsh_env_clear(struct env *env);
int nsh_env_copy(struct env *target, const struct env *source);
void nsh_env_free(struct env *env);
/* Makes the PWD of a program that runs in `cwd`: "PWD=/x", malloc'd; "" if the
 * directory is relative and does not exist; NULL if cwd is NULL.  Returns 0, or -1 if
 * memory is exhausted. */
int nsh_env_pwd(const char *cwd, char **ret_pwd);
/* Builds the NULL-terminated array for execve(2).  `pwd` (NULL: none) replaces an
 * inherited PWD, which names the directory of this process; "" removes it.  The array is
 * malloc'd; its strings are borrowed from `env`, `pwd` and environ.  Returns NULL if
 * memory is exhausted. */
const char **nsh_env_build(const struct env *env, const char *pwd);

#endif
