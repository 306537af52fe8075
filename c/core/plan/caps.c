/* The capability sets of a command's child.  The parent computes them; the child
 * applies them with raw system calls. */
#include "plan.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "capability.h"
#include "sys.h"

int nsh_caps_read(struct cap_sets *ret_sets)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	long ret = nsh_sys(SYS_capget, (long)&header, (long)data, 0, 0, 0);

	if (ret < 0) {
		errno = (int)-ret;
		return -1;
	}
	*ret_sets = (struct cap_sets){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
	return 0;
}

bool nsh_caps_can_set_groups(void)
{
	struct cap_sets held;

	return nsh_caps_read(&held) == 0 && held.effective >> CAP_SETGID & 1;
}

bool nsh_caps_can_mount(void)
{
	struct cap_sets held;

	return nsh_caps_read(&held) == 0 && held.effective >> CAP_SYS_ADMIN & 1;
}

static uint64_t bounding_set(void)
{
	uint64_t set = 0;

	for (unsigned long cap = 0; cap < NSH_CAPABILITIES; cap++)
		if (nsh_sys_prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			set |= (uint64_t)1 << cap;
	return set;
}

uint64_t nsh_caps_ambient(uint64_t among)
{
	uint64_t set = 0;

	for (unsigned long cap = 0; cap < NSH_CAPABILITIES; cap++)
		if (among >> cap & 1
		    && nsh_sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			set |= (uint64_t)1 << cap;
	return set;
}

/* Names the first missing capability: exec could not report which one it
 * was. */
static int fail_missing(uint64_t missing, struct nsh_failure *failure)
{
	char name[64];
	int cap = 0;

	while (!(missing >> cap & 1))
		cap++;
	nsh_capability_name(cap, name, sizeof name);
	nsh_fail(failure, NSH_STAGE_CAPS, EPERM, name);
	nsh_fail_reason(failure, "this process does not have this capability");
	return -1;
}

/* Plans the reduction of the bounding set, which needs CAP_SETPCAP in the
 * effective set.  A host that has lowered its effective set may have it only in the
 * permitted set; the child then raises it first. */
static void plan_bounding(uint64_t allow, const struct cap_sets *held,
			  struct cap_words *words)
{
	uint64_t setpcap = (uint64_t)1 << CAP_SETPCAP;
	uint64_t drop = bounding_set() & ~allow;

	if (drop && !(held->permitted & setpcap)) {
		/* Without the reduction, an exec of a file with capabilities or
		 * of a set-user-ID-root program would regain them.
		 * Limit: set-user-ID programs do not change their user
		 * either. */
		words->no_new_privs = true;
		return;
	}
	words->bounding_drop = drop;
	words->raise = drop && !(held->effective & setpcap);
	words->raised = *held;
	words->raised.effective |= setpcap;
}

/* Fails if exec would silently drop allowed capabilities: the kernel clears the
 * ambient set of a process whose real and effective ids differ
 * (cap_bprm_creds_from_file). */
static int check_ambient(const struct plan *plan, uint64_t ambient,
			 struct nsh_failure *failure)
{
	const char *id = NULL;

	if (!plan->attributes.set_uid && getuid() != geteuid())
		id = "user";
	if (!plan->attributes.set_gid && getgid() != getegid())
		id = "group";
	if (!ambient || !id)
		return 0;
	nsh_fail(failure, NSH_STAGE_CAPS, EPERM, "allow_cap");
	nsh_fail_reason(failure, "the real and effective %s IDs differ, so exec "
			"clears the ambient capabilities", id);
	return -1;
}

/* True if exec gives a process with this uid all capabilities of its bounding
 * set (capabilities(7), "Capabilities and execution of programs by root"). */
static bool is_root(uid_t uid)
{
	long bits = nsh_sys_prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

	return uid == 0 && (bits < 0 || !(bits & SECBIT_NOROOT));
}

/* True if the permitted set survives the change of uid without PR_SET_KEEPCAPS: only
 * a change that leaves uid 0 empties it.  PR_SET_KEEPCAPS is refused if the securebits
 * are locked, so it is used only if necessary. */
static bool keeps_caps(void)
{
	long bits = nsh_sys_prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) == 0 && real && effective && saved)
		return true;
	return bits > 0 && bits & (SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP);
}

int nsh_caps_plan(const struct plan *plan, bool clear, uint64_t allow,
		  struct cap_words *ret_words, struct nsh_failure *failure)
{
	bool leaves_root = plan->attributes.set_uid && plan->attributes.uid != 0;
	struct cap_words words = { .apply = clear || allow || leaves_root };
	/* clear_caps, and a change from root to another user, start from
	 * nothing; otherwise allow_cap adds to what this thread has. */
	bool exact = clear || leaves_root;
	struct cap_sets held;

	*ret_words = words;
	if (!words.apply)
		return 0;
	if (nsh_caps_read(&held) < 0)
		return nsh_fail(failure, NSH_STAGE_CAPS, errno, NULL);
	if (allow & ~held.permitted)
		return fail_missing(allow & ~held.permitted, failure);
	words.keep = leaves_root && allow && !keeps_caps();
	words.sets.permitted = exact ? allow : held.permitted;
	words.sets.effective = exact ? allow : held.effective | allow;
	words.sets.inheritable = exact ? allow : held.inheritable | allow;
	/* For a user other than root, only ambient capabilities survive the
	 * exec of a file that has none (capabilities(7)). */
	if (!is_root(plan->attributes.set_uid ? plan->attributes.uid : geteuid()))
		words.ambient = exact ? allow : nsh_caps_ambient(~UINT64_C(0)) | allow;
	if (check_ambient(plan, words.ambient, failure) < 0)
		return -1;
	if (clear)
		plan_bounding(allow, &held, &words);
	*ret_words = words;
	return 0;
}
