/* The steps of a sandbox: its cgroup, the Landlock ruleset and the seccomp filter. */
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "child_steps.h"
#include "landlock.h"

/* F_GETSIG of fcntl(2), which needs _GNU_SOURCE's headers of libc. */
enum { GET_MARK = 11 };

/* Fails in the stage, or notes the error if the sandbox may lack this means. */
static int give_up(const struct plan *plan, int means, int error)
{
	const struct confinement *sandbox = &plan->sandbox;
	enum nsh_stage stage = means == NSH_MEANS_FILTER ? sandbox->filter_stage
		: means == NSH_MEANS_CGROUP ? sandbox->cgroup_stage
		: sandbox->ruleset_stage;

	if (stage != NSH_STAGE_NONE) {
		nsh_at(plan, stage, (size_t)means);
		return error;
	}
	if (means == NSH_MEANS_FILTER)
		plan->record->no_filter = -error;
	else if (means == NSH_MEANS_CGROUP)
		plan->record->no_cgroup = -error;
	else
		plan->record->no_ruleset = -error;
	return 0;
}

/* Writing 0 to cgroup.procs moves the writer. */
int nsh_step_join_cgroup(const struct plan *plan)
{
	int move = plan->sandbox.procs_move;
	long ret;

	if (move < 0)
		return 0;
	ret = nsh_sys_write(plan->staged[move], "0", 1);
	return ret < 0 ? give_up(plan, NSH_MEANS_CGROUP, (int)ret) : 0;
}

/* Another thread of the host may have closed the descriptor and reused its number. */
static int check_mark(const struct plan *plan, int fd)
{
	int mark = plan->sandbox.ruleset_mark;

	if (!mark)
		return 0;
	return nsh_sys_fcntl(fd, GET_MARK, 0) == mark ? 0 : -ESTALE;
}

int nsh_step_restrict(const struct plan *plan)
{
	const struct confinement *sandbox = &plan->sandbox;
	int move = sandbox->ruleset_move;
	int fd, ret;

	if (move < 0)
		return 0;
	fd = plan->launcher ? plan->moves[move].target : plan->staged[move];
	ret = check_mark(plan, fd);
	if (ret == 0)
		ret = nsh_landlock_restrict(fd);
	nsh_sys_close(fd);
	return ret == 0 ? 0 : give_up(plan, NSH_MEANS_RULESET, ret);
}

int nsh_step_filter(const struct plan *plan)
{
	const struct confinement *sandbox = &plan->sandbox;
	struct sock_fprog program = {
		.len = sandbox->filter_length,
		.filter = (struct sock_filter *)(uintptr_t)sandbox->filter,
	};
	int ret;

	if (!sandbox->filter)
		return 0;
	ret = (int)nsh_sys(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program, 0, 0);
	return ret == 0 ? 0 : give_up(plan, NSH_MEANS_FILTER, ret);
}
