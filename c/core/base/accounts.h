/*
 * accounts.h: users and groups from the name service (nsswitch.conf(5)).  The
 * lookups allocate, take locks and read files, so only the parent makes them.
 * The caller frees struct groups' ids.
 */
#ifndef NSH_ACCOUNTS_H
#define NSH_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct groups {
	gid_t *ids;             /* malloc'd */
	size_t count;
};

/* Look up a user or group by name.  Return false if there is none. */
bool nsh_accounts_uid(const char *name, uid_t *ret_uid);
bool nsh_accounts_gid(const char *name, gid_t *ret_gid);
/* Looks up an account's ids and its groups, which include the gid.  Returns
 * false with errno; ENOENT: no such account. */
bool nsh_accounts_by_name(const char *name, uid_t *ret_uid, gid_t *ret_gid,
			  struct groups *ret_groups);
/* Lists the groups of the account with this uid, or only `gid` if there is no
 * such account or uid is -1.  A gid of -1 stands for the account's own.
 * Returns false with errno. */
bool nsh_accounts_groups(uid_t uid, gid_t gid, struct groups *ret_groups);

#endif
