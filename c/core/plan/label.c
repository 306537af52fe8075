#include "label.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef NSH_HAVE_SELINUX
#include <selinux/selinux.h>
#endif

#include "fd.h"

static int fail_inactive(enum nsh_stage stage, const char *subject,
			 const char *reason, bool if_enabled,
			 struct nsh_failure *failure)
{
	if (if_enabled)
		return 0;
	nsh_fail(failure, stage, ENOTSUP, subject);
	nsh_fail_reason(failure, "%s", reason);
	return -1;
}

/* The kernel silently truncates a write to attr/exec to one page
 * (proc_pid_attr_write): a longer label would become a different one. */
enum { LONGEST = 4096 };

static int fail_too_long(enum nsh_stage stage, const char *subject,
			 struct nsh_failure *failure)
{
	nsh_fail(failure, stage, ENAMETOOLONG, subject);
	nsh_fail_reason(failure, "longer than the kernel's limit of %d bytes",
			LONGEST);
	return -1;
}

#ifdef NSH_HAVE_SELINUX

bool nsh_label_selinux_built(void)
{
	return true;
}

/* is_selinux_enabled(3) also returns 0 if /etc/selinux/config is missing,
 * although the kernel may enforce a policy; a requested label must not be
 * dropped for that reason.  security_getenforce(3) asks the kernel. */
bool nsh_label_selinux_enabled(void)
{
	return is_selinux_enabled() > 0 || security_getenforce() >= 0;
}

/* Returns the context with its level in the kernel's form, malloc'd:
 * mcstransd(8) may define names for levels. */
static char *raw_context(const char *context)
{
	char *raw, *copy;

	if (selinux_trans_to_raw_context(context, &raw) < 0)
		return NULL;
	copy = strdup(raw);
	freecon(raw);
	return copy;
}

/* Checks the context early, for a better message.  EACCES is not a failure: the
 * domain of this process may lack security:check_context and still be allowed
 * to use the context, which the kernel checks again when the child writes
 * it. */
static int check_context(const char *raw, const char *context,
			 struct nsh_failure *failure)
{
	if (strlen(raw) >= LONGEST)
		return fail_too_long(NSH_STAGE_SELINUX_LABEL, context, failure);
	if (security_check_context_raw(raw) == 0 || errno == EACCES)
		return 0;
	nsh_fail(failure, NSH_STAGE_SELINUX_LABEL, errno, context);
	if (failure && failure->errnum == EINVAL)
		nsh_fail_reason(failure, "not a valid context in the loaded policy");
	return -1;
}

static int plan_selinux(const char *context, struct label *ret_label,
			char **ret_text, struct nsh_failure *failure)
{
	char *raw = raw_context(context);

	if (!raw)
		return nsh_fail(failure, NSH_STAGE_SELINUX_LABEL, errno, context);
	if (check_context(raw, context, failure) < 0) {
		free(raw);
		return -1;
	}
	*ret_text = raw;
	*ret_label = (struct label){
		.path = "/proc/thread-self/attr/exec",
		.text = raw,
		.size = strlen(raw) + 1,
	};
	return 0;
}

#else

bool nsh_label_selinux_built(void)
{
	return false;
}

bool nsh_label_selinux_enabled(void)
{
	return false;
}

static int plan_selinux(const char *context, struct label *ret_label,
			char **ret_text, struct nsh_failure *failure)
{
	(void)ret_label;
	(void)ret_text;
	return nsh_fail(failure, NSH_STAGE_SELINUX_LABEL, ENOSYS, context);
}

#endif

int nsh_label_selinux(const char *context, bool if_enabled,
		      struct label *ret_label, char **ret_text,
		      struct nsh_failure *failure)
{
	if (nsh_label_selinux_enabled())
		return plan_selinux(context, ret_label, ret_text, failure);
	return fail_inactive(NSH_STAGE_SELINUX_LABEL, context,
			     nsh_label_selinux_built()
			     ? "SELinux is not enabled on this system"
			     : "noshell was built without libselinux",
			     if_enabled, failure);
}

bool nsh_label_apparmor_enabled(void)
{
	char answer = 'N';
	int fd = open("/sys/module/apparmor/parameters/enabled",
		      O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, &answer, 1) < 0)
		answer = 'N';
	nsh_close(&fd);
	return answer == 'Y';
}

int nsh_label_apparmor(const char *profile, bool if_enabled,
		       struct label *ret_label, char **ret_text,
		       struct nsh_failure *failure)
{
	char *text;

	if (!nsh_label_apparmor_enabled())
		return fail_inactive(NSH_STAGE_APPARMOR_PROFILE, profile,
				     "AppArmor is not enabled on this system",
				     if_enabled, failure);
	if (asprintf(&text, "exec %s", profile) < 0)
		return nsh_fail(failure, NSH_STAGE_APPARMOR_PROFILE, ENOMEM, profile);
	if (strlen(text) > LONGEST) {
		free(text);
		return fail_too_long(NSH_STAGE_APPARMOR_PROFILE, profile, failure);
	}
	*ret_text = text;
	*ret_label = (struct label){
		/* The module's own directory (Linux 5.8): if several modules
		 * are active, attr/exec may belong to another one. */
		.path = "/proc/thread-self/attr/apparmor/exec",
		.other_path = "/proc/thread-self/attr/exec",
		.text = text,
		.size = strlen(text),
	};
	return 0;
}
