/* Launches in a thread that lives as long as the child.  The kernel sends the
 * parent-death signal when the thread that created the child ends, even if its
 * process lives on (prctl(2), PR_SET_PDEATHSIG). */
#include "launch.h"

#include <errno.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork_lock.h"
#include "sys.h"
#include "thread.h"

struct launch {
	struct plan *plan;
	struct launched launched;
	struct nsh_failure *failure;
	int ret;
	sem_t done;
};

/* True if the child, or its supervisor, has a parent-death signal beyond the
 * return of nsh_launch() and the caller is not the main thread.  A child that
 * waits for a FIFO has one until its exec (follow_parent in child.c). */
static bool needs_lasting_thread(const struct plan *plan)
{
	if (plan->attributes.daemonize || nsh_thread() == nsh_self())
		return false;
	return plan->attributes.parent_death_signal
		|| (plan->opens_fifo
		    && (plan->attributes.require_handshake || nsh_supervise_is_needed()));
}

/* Waits until the child has ended, without reaping it: WNOWAIT.  If other code
 * reaps it first, waitid(2) fails with ECHILD. */
static void outlive(int pid)
{
	siginfo_t info;
	long ret;

	do
		ret = nsh_sys_waitid(P_PID, pid, &info, WEXITED | WNOWAIT | __WALL,
				     NULL);
	while (ret == -EINTR);
}

static void *run_thread(void *argument)
{
	struct launch *launch = argument;
	int pid = 0;

	launch->plan->parent_thread = (int)nsh_thread();
	launch->ret = nsh_launch_here(launch->plan, &launch->launched,
				      launch->failure);
	if (launch->ret == 0)
		pid = launch->launched.supervisor
			? launch->launched.supervisor->own_pid
			: launch->launched.pid;
	/* After this, `launch`, which is on the caller's stack, may be gone. */
	(void)sem_post(&launch->done);
	if (pid > 0)
		outlive(pid);
	return NULL;
}

/* A hook runs on the stack of the thread that forks, and may need a deep one. */
static int start_thread(struct launch *launch)
{
	return launch->plan->attributes.hook ? nsh_start_deep_thread(run_thread, launch)
		: nsh_start_thread(run_thread, launch);
}

/* Assumes that the main thread lives as long as the process.
 * Limit: a main thread that calls pthread_exit(3) does not. */
int nsh_launch(struct plan *plan, struct launched *ret_launched,
	       struct nsh_failure *failure)
{
	struct launch launch = { .plan = plan, .failure = failure };

	if (!needs_lasting_thread(plan))
		return nsh_launch_here(plan, ret_launched, failure);
	(void)sem_init(&launch.done, 0, 0);
	if (start_thread(&launch) < 0) {
		(void)sem_destroy(&launch.done);
		return nsh_fail(failure, NSH_STAGE_PARENT_DEATH_SIGNAL, errno,
				"a thread that lasts as long as the program");
	}
	while (sem_wait(&launch.done) < 0)
		;
	(void)sem_destroy(&launch.done);
	if (launch.ret == 0)
		*ret_launched = launch.launched;
	return launch.ret;
}
