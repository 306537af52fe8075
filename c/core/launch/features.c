/* The features of this build and this kernel. */
#include "calls.h"
#include "capability.h"
#include "fd.h"
#include "fork_lock.h"
#include "kernel.h"
#include "label.h"
#include "launch.h"
#include "thread.h"

/* Performs a launch without a program to find the path: the child runs all steps
 * and ends at exec.  The one move makes it fetch a descriptor. */
static const char *launch_path(void)
{
	static const char *const nothing[] = { NULL };
	const char *none = NULL;
	struct move moves[1 + NSH_LAUNCH_MOVES] = {
		{ .target = 3, .same_as = -1, .stage = NSH_STAGE_DESCRIPTORS },
	};
	int ends[2], staged[1 + NSH_LAUNCH_MOVES], child_ends[NSH_LAUNCH_MOVES];
	struct plan plan = {
		NSH_NOTHING_PLANNED,
		.candidates = &none, .argv = nothing, .envp = nothing,
		.moves = moves, .move_count = 1, .staged = staged,
		.child_ends = child_ends,
		.parent_pid = (int)nsh_self(),
		.parent_thread = (int)nsh_thread(),
	};
	struct launched launched;

	if (nsh_fd_pipe(ends) < 0)
		return "";
	moves[0].source = ends[1];
	if (nsh_launch(&plan, &launched, NULL) == 0)
		nsh_launch_release(&launched);
	nsh_plan_drop_sync(&plan);
	nsh_close(&ends[0]);
	nsh_close(&ends[1]);
	return nsh_launch_path(&plan);
}

static bool has_cgroup(void)
{
	char place[PATH_MAX], reason[NSH_LACK];

	return nsh_cgroup_find(NULL, place, reason) == 0;
}

/* `has` is nsh_kernel_has or nsh_kernel_has_here: with children that ask, or without. */
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
		.libseccomp = nsh_calls_are_known(),
		.seccomp = nsh_calls_are_known() && has(NSH_ASK_SECCOMP),
		.cgroup = has_cgroup(),
		.namespaces = nsh_caps_can_mount() || !nsh_user_space_lack(),
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
	ret_features->landlock = nsh_kernel_means()->landlock;
	if (ret_features->landlock < 0)
		ret_features->landlock = 0;
	ret_features->launch = launch_path();
	ret_features->pidfd_info = nsh_kernel_keeps_status();
	ret_features->supervisor = nsh_supervise_is_needed();
}
