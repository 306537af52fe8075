/* What this build and this kernel offer. */
#include "capability.h"
#include "kernel.h"
#include "label.h"
#include "launch.h"

/* `has` is one of kernel.h's: with children that ask, or without. */
static void fill(struct nsh_features *features,
		 bool (*has)(enum nsh_question question))
{
	*features = (struct nsh_features){
		.launch = NSH_DRY,
		.capng = nsh_capability_names_available(),
		.selinux = nsh_label_selinux_built(),
		.selinux_enabled = nsh_label_selinux_enabled(),
		.apparmor_enabled = nsh_label_apparmor_enabled(),
		.core_scheduling = has(NSH_ASK_CORE_SCHEDULING),
		.close_range = has(NSH_ASK_CLOSE_RANGE),
		.process_group_signal = has(NSH_ASK_PIDFD_GROUP),
	};
}

void nsh_features_dry(struct nsh_features *ret_features)
{
	fill(ret_features, nsh_kernel_has_here);
}

void nsh_features(struct nsh_features *ret_features)
{
	nsh_kernel_refresh();
	fill(ret_features, nsh_kernel_has);
	ret_features->launch = nsh_launch_path();
	ret_features->pidfd_info = nsh_kernel_keeps_status();
	ret_features->supervisor = nsh_supervise_is_needed();
}
