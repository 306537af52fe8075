/* The setters of identity, capabilities and labels. */
#include "command.h"

#include <errno.h>
#include <stdlib.h>

#include "accounts.h"
#include "capability.h"

/* (uid_t)-1 means "keep" to setresuid(2): the program would run with our ids. */
void nsh_command_set_uid(struct nsh_command *cmd, uid_t uid)
{
	if (uid == (uid_t)-1)
		nsh_command_reject_number(cmd, "set_uid", -1, "not a user id");
	if (!nsh_command_usable(cmd))
		return;
	cmd->attributes.set_uid = true;
	cmd->attributes.uid = uid;
}

void nsh_command_set_gid(struct nsh_command *cmd, gid_t gid)
{
	if (gid == (gid_t)-1)
		nsh_command_reject_number(cmd, "set_gid", -1, "not a group id");
	if (!nsh_command_usable(cmd))
		return;
	cmd->attributes.set_gid = true;
	cmd->attributes.gid = gid;
}

static void take_groups(struct nsh_command *cmd, gid_t *take_groups, size_t count)
{
	free(cmd->attributes.groups);
	cmd->attributes.groups = take_groups;
	cmd->attributes.group_count = count;
	cmd->attributes.set_groups = true;
}

/* An empty list is a value: it removes all supplementary groups. */
void nsh_command_set_groups(struct nsh_command *cmd, const gid_t *groups,
			    size_t count)
{
	gid_t *copy;

	if (!nsh_command_usable(cmd))
		return;
	copy = nsh_memdup(groups, count * sizeof *groups);
	if (!copy)
		nsh_command_no_memory(cmd, "set_groups");
	else
		take_groups(cmd, copy, count);
}

/* Parses a decimal id; returns false if the text is none.  4294967295 is rejected: as
 * (uid_t)-1 it means "keep" to the kernel (setresuid(2)).  strtoull(3) accepts signs
 * and blanks, so the first character is checked. */
static bool parse_id(const char *text, uid_t *ret_id)
{
	char *end;
	unsigned long long number;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*end || errno || number >= (uid_t)-1)
		return false;
	*ret_id = (uid_t)number;
	return true;
}

void nsh_command_set_uid_name(struct nsh_command *cmd, const char *name)
{
	uid_t uid;

	if (!nsh_command_usable(cmd))
		return;
	if (name && (parse_id(name, &uid) || nsh_accounts_uid(name, &uid)))
		nsh_command_set_uid(cmd, uid);
	else
		nsh_command_reject_string(cmd, "set_uid", name, "no such user");
}

bool nsh_group_id(const char *name, gid_t *ret_gid)
{
	return parse_id(name, ret_gid) || nsh_accounts_gid(name, ret_gid);
}

void nsh_command_set_gid_name(struct nsh_command *cmd, const char *name)
{
	gid_t gid;

	if (!nsh_command_usable(cmd))
		return;
	if (name && nsh_group_id(name, &gid))
		nsh_command_set_gid(cmd, gid);
	else
		nsh_command_reject_string(cmd, "set_gid", name, "no such group");
}

/* Looks the account up now, not in the child: getpwnam(3) may load modules, allocate
 * and connect to daemons (nsswitch.conf(5)). */
void nsh_command_set_user(struct nsh_command *cmd, const char *name)
{
	struct groups groups;
	uid_t uid;
	gid_t gid;

	if (!nsh_command_usable(cmd))
		return;
	if (name && nsh_accounts_by_name(name, &uid, &gid, &groups)) {
		nsh_command_set_uid(cmd, uid);
		nsh_command_set_gid(cmd, gid);
		take_groups(cmd, groups.ids, groups.count);
	} else if (name && errno == ENOMEM) {
		nsh_command_no_memory(cmd, "set_user");
	} else {
		nsh_command_reject_string(cmd, "set_user", name, "no such user");
	}
}

void nsh_command_clear_caps(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		cmd->clear_caps = true;
}

void nsh_command_allow_cap_number(struct nsh_command *cmd, int number)
{
	if (number < 0 || number > nsh_capability_last())
		nsh_command_reject_number(cmd, "allow_cap", number, "no such capability");
	if (nsh_command_usable(cmd))
		cmd->allow_caps |= (uint64_t)1 << number;
}

void nsh_command_allow_cap(struct nsh_command *cmd, const char *name)
{
	int number = name ? nsh_capability_number(name) : -1;

	if (!nsh_command_usable(cmd))
		return;
	if (number < 0)
		nsh_command_reject_string(cmd, "allow_cap", name, nsh_capability_names_available()
				   ? "no such capability"
				   : "pass its number: noshell was built without libcap-ng, which knows the names");
	else
		nsh_command_allow_cap_number(cmd, number);
}

void nsh_command_set_selinux_label(struct nsh_command *cmd, const char *label,
				   bool if_enabled)
{
	nsh_command_replace(cmd, "set_selinux_label",
			    cmd ? &cmd->selinux_label : NULL, label);
	if (nsh_command_usable(cmd))
		cmd->selinux_if_enabled = if_enabled;
}

void nsh_command_set_apparmor_profile(struct nsh_command *cmd,
				      const char *profile, bool if_enabled)
{
	nsh_command_replace(cmd, "set_apparmor_profile",
			    cmd ? &cmd->apparmor_profile : NULL, profile);
	if (nsh_command_usable(cmd))
		cmd->apparmor_if_enabled = if_enabled;
}
