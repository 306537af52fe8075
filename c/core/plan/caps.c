#include "caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifdef NSH_HAVE_CAPNG
#include <cap-ng.h>
#endif

#include "sys.h"

enum { CAP_SPACE = 64 };

bool nsh_caps_available(void)
{
#ifdef NSH_HAVE_CAPNG
	return true;
#else
	return false;
#endif
}

int nsh_caps_last(void)
{
	unsigned long cap = CAP_SPACE - 1;

	while (cap > 0 && nsh_sys_prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0)
		cap--;
	return (int)cap;
}

int nsh_caps_number(const char *name)
{
#ifdef NSH_HAVE_CAPNG
	if (strncasecmp(name, "cap_", 4) == 0)
		name += 4;
	return capng_name_to_capability(name);
#else
	(void)name;
	return -1;
#endif
}

static void put_name(int cap, char *text, size_t size)
{
#ifdef NSH_HAVE_CAPNG
	const char *name = capng_capability_to_name((unsigned)cap);

	if (name) {
		(void)snprintf(text, size, "%s", name);
		return;
	}
#endif
	(void)snprintf(text, size, "%d", cap);
}

/* What this thread holds. */
static int read_words(struct cap_words *ret_words)
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
	*ret_words = (struct cap_words){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
	return 0;
}

bool nsh_caps_can_set_groups(void)
{
	struct cap_words held;

	return read_words(&held) == 0 && held.effective >> CAP_SETGID & 1;
}

static uint64_t bounding_set(void)
{
	uint64_t set = 0;

	for (unsigned long cap = 0; cap < CAP_SPACE; cap++)
		if (nsh_sys_prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			set |= (uint64_t)1 << cap;
	return set;
}

static uint64_t ambient_set(void)
{
	uint64_t set = 0;

	for (unsigned long cap = 0; cap < CAP_SPACE; cap++)
		if (nsh_sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			set |= (uint64_t)1 << cap;
	return set;
}

static int fail_missing(uint64_t missing, struct nsh_failure *failure)
{
	char name[64];
	int cap = 0;

	while (!(missing >> cap & 1))
		cap++;
	put_name(cap, name, sizeof name);
	nsh_fail(failure, NSH_STAGE_CAPS, EPERM, name);
	nsh_fail_reason(failure, "this process does not hold it");
	return -1;
}

/* Without CAP_SETPCAP the bounding set stays; no_new_privs makes it idle. */
static int plan_bounding(const struct plan *plan, uint64_t allow,
			 uint64_t effective, struct cap_words *words,
			 struct nsh_failure *failure)
{
	words->bounding_drop = bounding_set() & ~allow;
	if (!words->bounding_drop || effective >> CAP_SETPCAP & 1)
		return 0;
	words->bounding_drop = 0;
	if (plan->no_new_privs)
		return 0;
	nsh_fail(failure, NSH_STAGE_CAPS, EPERM, "clear_caps");
	nsh_fail_reason(failure, "emptying the bounding set needs CAP_SETPCAP; "
			"with set_no_new_privs it can stay");
	return -1;
}

int nsh_caps_plan(const struct plan *plan, bool clear, uint64_t allow,
		  struct cap_words *ret_words, struct nsh_failure *failure)
{
	struct cap_words held, words = { .apply = clear || allow };
	bool drops_root;
	uid_t uid;

	*ret_words = words;
	if (!words.apply)
		return 0;
	uid = plan->set_uid ? plan->uid : geteuid();
	drops_root = plan->set_uid && uid != 0;
	if (read_words(&held) < 0)
		return nsh_fail(failure, NSH_STAGE_CAPS, errno, NULL);
	if (allow & ~held.permitted)
		return fail_missing(allow & ~held.permitted, failure);
	words.keep = drops_root && allow;
	words.permitted = clear || drops_root ? allow : held.permitted;
	words.effective = clear || drops_root ? allow : held.effective | allow;
	words.inheritable = clear ? allow : held.inheritable | allow;
	/* Only ambient capabilities pass the exec of a non-root user. */
	words.ambient = uid == 0 ? 0 : clear || drops_root ? allow
		: ambient_set() | allow;
	if (clear && plan_bounding(plan, allow, held.effective, &words, failure) < 0)
		return -1;
	*ret_words = words;
	return 0;
}
