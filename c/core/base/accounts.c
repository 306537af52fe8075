#include "accounts.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

static const gid_t none = (gid_t)-1;

/* Limit: getpwnam_r(3) and getgrnam_r(3) fail with ERANGE for an entry that
 * exceeds the buffer; such an account counts as missing.  A group's entry has
 * the names of all its members, and so more room. */

/* LOGIN_NAME_MAX.  Modules of the name service switch may abort the process for a
 * name of several megabytes, as nss-systemd does, which copies it to the stack. */
enum { LONGEST_NAME = 255 };

static bool is_possible(const char *name)
{
	return strnlen(name, LONGEST_NAME + 1) <= LONGEST_NAME;
}

bool nsh_accounts_uid(const char *name, uid_t *ret_uid)
{
	struct passwd entry, *found = NULL;
	char text[16384];

	if (!is_possible(name))
		return false;
	if (getpwnam_r(name, &entry, text, sizeof text, &found) != 0 || !found)
		return false;
	*ret_uid = found->pw_uid;
	return true;
}

bool nsh_accounts_gid(const char *name, gid_t *ret_gid)
{
	struct group entry, *found = NULL;
	char text[65536];

	if (!is_possible(name))
		return false;
	if (getgrnam_r(name, &entry, text, sizeof text, &found) != 0 || !found)
		return false;
	*ret_gid = found->gr_gid;
	return true;
}

/* getgrouplist(3) returns -1 and stores the required count if the array is too
 * small.  A count that did not grow ends the loop. */
static bool list_groups(const char *name, gid_t gid, struct groups *ret_groups)
{
	int count = 64, before;
	gid_t *ids = NULL;

	do {
		gid_t *more = realloc(ids, (size_t)count * sizeof *ids);

		if (!more) {
			free(ids);
			return false;
		}
		ids = more;
		before = count;
	} while (getgrouplist(name, gid, ids, &count) < 0 && count > before);
	*ret_groups = (struct groups){ ids, (size_t)count };
	return true;
}

bool nsh_accounts_by_name(const char *name, uid_t *ret_uid, gid_t *ret_gid,
			  struct groups *ret_groups)
{
	struct passwd entry, *found = NULL;
	char text[16384];

	if (!is_possible(name)) {
		errno = ENOENT;
		return false;
	}
	errno = getpwnam_r(name, &entry, text, sizeof text, &found);
	if (!found) {
		errno = errno ? errno : ENOENT;
		return false;
	}
	*ret_uid = found->pw_uid;
	*ret_gid = found->pw_gid;
	return list_groups(found->pw_name, found->pw_gid, ret_groups);
}

static bool one_group(gid_t gid, struct groups *ret_groups)
{
	gid_t *ids = malloc(sizeof *ids);

	if (!ids)
		return false;
	*ids = gid;
	*ret_groups = (struct groups){ ids, gid != none };
	return true;
}

bool nsh_accounts_groups(uid_t uid, gid_t gid, struct groups *ret_groups)
{
	struct passwd entry, *found = NULL;
	char text[16384];

	if (uid != (uid_t)-1)
		(void)getpwuid_r(uid, &entry, text, sizeof text, &found);
	if (!found)
		return one_group(gid, ret_groups);
	return list_groups(found->pw_name, gid == none ? found->pw_gid : gid,
			   ret_groups);
}
