/* The supervisor's code (supervise.h).  It runs in our memory, beside our
 * threads, so it keeps the rules of the child's side. */
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "child_steps.h"
#include "supervise.h"

/* Resets SIGCHLD: if the host ignores it, the kernel would reap the child and
 * discard its status. */
static void take_sigchld_back(void)
{
	static const char default_action[64];

	nsh_sys(SYS_rt_sigaction, SIGCHLD, (long)default_action, 0,
		NSH_KERNEL_SIGSET, 0);
}

static void start_child(struct supervisor *supervisor)
{
	struct plan *plan = supervisor->plan;

	if (supervisor->pid < 0)
		return;
	plan->parent_pid = plan->parent_thread =
		(int)nsh_sys(SYS_getpid, 0, 0, 0, 0, 0);
	supervisor->pid = (int)nsh_sys_clone_into(plan->sandbox.into_cgroup,
						  supervisor->clone_flags,
						  supervisor->child_stack,
						  &supervisor->child_pidfd,
						  nsh_child_run, plan);
	if (supervisor->pid > 0 && supervisor->cut == CUT_COPY)
		(void)nsh_send_fd(supervisor->send_pidfd, supervisor->child_pidfd);
}

/* The program's parent-death signal depends on the supervisor, so the supervisor
 * must die with the host.  The host may have died before the signal was armed.
 * getppid(2) returns 0 for a host in another pid namespace. */
static void follow_parent(struct supervisor *supervisor)
{
	long parent;

	if (!supervisor->plan->attributes.parent_death_signal && !supervisor->plan->opens_fifo)
		return;
	nsh_sys_prctl(1 /* PR_SET_PDEATHSIG */, SIGKILL, 0, 0, 0);
	parent = nsh_sys(SYS_getppid, 0, 0, 0, 0, 0);
	if (parent != supervisor->parent && parent != 0)
		supervisor->pid = -ESRCH;
}

static void publish(struct supervisor *supervisor)
{
	supervisor->published = 1;
	nsh_sys(SYS_futex, (long)&supervisor->published, FUTEX_WAKE, 1, 0, 0);
}

/* Replaces the descriptor table by an empty one of our own. */
static void drop_table(enum table_cut cut, bool no_close_range)
{
	/* Static, because filling them in at run time would call memset. */
	static struct failure_record record;
	static const struct plan nothing = { .record = &record };
	static const struct plan nothing_listed = {
		.record = &record, .no_close_range = true,
	};

	if (cut == CUT_RANGE
	    && nsh_sys_close_range(0, ~0U, NSH_CLOSE_RANGE_UNSHARE) == 0)
		return;
	if (cut == CUT_COPY || nsh_sys(SYS_unshare, CLONE_FILES, 0, 0, 0, 0) == 0)
		nsh_close_others(no_close_range ? &nothing_listed : &nothing);
}

int nsh_supervise_run(void *data)
{
	struct supervisor *supervisor = data;
	int ret;

	take_sigchld_back();
	follow_parent(supervisor);
	start_child(supervisor);
	drop_table(supervisor->cut, supervisor->no_close_range);
	/* From here on the host may free the plan. */
	publish(supervisor);
	if (supervisor->pid < 0)
		nsh_sys_exit(0);
	do
		ret = nsh_sys_waitid(P_PID, supervisor->pid, &supervisor->status,
				     WEXITED | __WALL, &supervisor->usage);
	while (ret == -EINTR);
	if (ret == 0)
		supervisor->done = 1;
	for (;;)
		nsh_sys_exit(0);
	return 0;
}
