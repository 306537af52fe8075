/* What this build and this kernel offer. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "caps.h"
#include "fd.h"
#include "label.h"
#include "launch.h"
#include "status.h"
#include "sys.h"

/* Only the existence is asked: with these arguments the calls do nothing. */
static bool has_core_scheduling(void)
{
	uint64_t cookie = 0;

	return nsh_sys_prctl(NSH_PR_SCHED_CORE, NSH_PR_SCHED_CORE_GET, 0,
			     NSH_SCHED_CORE_THREAD, (unsigned long)&cookie) == 0;
}

static bool has_close_range(void)
{
	return nsh_sys_close_range(~0U, ~0U, 0) == 0;
}

static bool has_group_signal(int self)
{
	return nsh_sys_pidfd_send_signal(self, 0, NSH_PIDFD_PROCESS_GROUP) != -EINVAL;
}

void nsh_features_dry(struct nsh_features *ret_features)
{
	int self = nsh_sys_pidfd_open(getpid(), 0);

	*ret_features = (struct nsh_features){
		.launch = NSH_DRY,
		.capng = nsh_caps_available(),
		.selinux = nsh_label_selinux_built(),
		.selinux_enabled = nsh_label_selinux_enabled(),
		.apparmor_enabled = nsh_label_apparmor_enabled(),
		.core_scheduling = has_core_scheduling(),
		.close_range = has_close_range(),
		.process_group_signal = self >= 0 && has_group_signal(self),
	};
	nsh_close(&self);
}

void nsh_features(struct nsh_features *ret_features)
{
	const char *path = nsh_launch_path();
	bool share_table = strcmp(path, "copied") != 0;

	nsh_features_dry(ret_features);
	ret_features->launch = path;
	ret_features->pidfd_info = nsh_status_survives(share_table);
	ret_features->supervisor = nsh_supervise_is_needed(share_table);
}
