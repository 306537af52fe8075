/*
 * accounts.h: users and their groups, as the name service knows them.  It
 * allocates, locks and reads files: in the parent only.
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

/* The id that a user or group of that name has; false where there is none. */
bool nsh_accounts_uid(const char *name, uid_t *ret_uid);
bool nsh_accounts_gid(const char *name, gid_t *ret_gid);
/* The account's ids and its groups, gid among them.  False with errno: ENOENT
 * where there is no such account. */
bool nsh_accounts_by_name(const char *name, uid_t *ret_uid, gid_t *ret_gid,
			  struct groups *ret_groups);
/* The groups of the account with that uid; `gid` alone where there is none, or
 * uid is -1.  gid -1: the account's own.  False with errno. */
bool nsh_accounts_groups(uid_t uid, gid_t gid, struct groups *ret_groups);

#endif
