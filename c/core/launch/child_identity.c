/* The steps that change the identity: labels, ids and capabilities.  The raw
 * set*id calls affect this thread only; libc's wrappers signal all threads of the
 * process, which may be the parent's. */
#include <linux/capability.h>
#include <sys/prctl.h>

#include "child_steps.h"

/* ---- labels ------------------------------------------------------------ */

/* other_path: AppArmor's own directory exists since Linux 5.8; before that, all
 * modules share /proc/self/attr/exec. */
static int write_label(const struct label *label)
{
	long ret;
	int fd;

	if (!label->path)
		return 0;
	fd = nsh_sys_open(label->path, O_WRONLY | O_CLOEXEC, 0);
	if (fd == -ENOENT && label->other_path)
		fd = nsh_sys_open(label->other_path, O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	ret = nsh_sys_write(fd, label->text, label->size);
	nsh_sys_close(fd);
	return ret < 0 ? (int)ret : 0;
}

int nsh_step_set_selinux_label(const struct plan *plan)
{
	return write_label(&plan->selinux);
}

int nsh_step_set_apparmor_profile(const struct plan *plan)
{
	return write_label(&plan->apparmor);
}

/* ---- identity ---------------------------------------------------------- */

int nsh_get_cap_sets(struct cap_sets *ret_sets)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	int ret = (int)nsh_sys(SYS_capget, (long)&header, (long)data, 0, 0, 0);

	if (ret < 0)
		return ret;
	*ret_sets = (struct cap_sets){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
	return 0;
}

int nsh_set_cap_sets(const struct cap_sets *sets)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(sets->effective >> 32 * i);
		data[i].permitted = (uint32_t)(sets->permitted >> 32 * i);
		data[i].inheritable = (uint32_t)(sets->inheritable >> 32 * i);
	}
	return (int)nsh_sys(SYS_capset, (long)&header, (long)data, 0, 0, 0);
}

/* Runs before the change of uid, which may take CAP_SETPCAP away. */
int nsh_step_drop_bounding_set(const struct plan *plan)
{
	long ret = plan->caps.raise ? nsh_set_cap_sets(&plan->caps.raised) : 0;

	for (unsigned long cap = 0; ret == 0 && cap < 64; cap++)
		if (plan->caps.bounding_drop >> cap & 1)
			ret = nsh_sys_prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (ret == 0 && plan->caps.keep)
		ret = nsh_sys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	return (int)ret;
}

int nsh_step_set_groups(const struct plan *plan)
{
	if (!plan->attributes.set_groups)
		return 0;
	return (int)nsh_sys(SYS_setgroups, (long)plan->attributes.group_count,
			    (long)plan->attributes.groups, 0, 0, 0);
}

int nsh_step_set_gid(const struct plan *plan)
{
	gid_t gid = plan->attributes.gid;

	if (!plan->attributes.set_gid)
		return 0;
	return (int)nsh_sys(SYS_setresgid, gid, gid, gid, 0, 0);
}

int nsh_step_set_uid(const struct plan *plan)
{
	uid_t uid = plan->attributes.uid;

	if (!plan->attributes.set_uid)
		return 0;
	return (int)nsh_sys(SYS_setresuid, uid, uid, uid, 0, 0);
}

/* Sets the capability sets even if they are to be empty: a change of uid empties
 * them only if it leaves uid 0 and SECBIT_NO_SETUID_FIXUP is clear, and it never
 * empties the inheritable set (capabilities(7)). */
int nsh_step_set_caps(const struct plan *plan)
{
	const struct cap_words *caps = &plan->caps;
	long ret;

	if (!caps->apply)
		return 0;
	ret = nsh_set_cap_sets(&caps->sets);
	if (ret == 0)
		ret = nsh_sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long cap = 0; ret == 0 && cap < 64; cap++)
		if (caps->ambient >> cap & 1)
			ret = nsh_sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE,
					    cap, 0, 0);
	return (int)ret;
}
