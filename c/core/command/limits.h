/*
 * limits.h: the names of resource limits.
 */
#ifndef NSH_LIMITS_H
#define NSH_LIMITS_H

/* Returns RLIMIT_NOFILE for "nofile"; -1 if the name is unknown. */
int nsh_limit_resource(const char *name);
/* Returns "nofile" for RLIMIT_NOFILE; "" if it is unknown.  Static. */
const char *nsh_limit_name(int resource);

#endif
