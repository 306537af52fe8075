/*
 * limits.h: the names of resource limits.
 */
#ifndef NSH_LIMITS_H
#define NSH_LIMITS_H

/* RLIMIT_NOFILE for "nofile"; -1 where unknown. */
int nsh_limit_resource(const char *name);
/* "nofile" for RLIMIT_NOFILE; "" where unknown.  Static. */
const char *nsh_limit_name(int resource);

#endif
