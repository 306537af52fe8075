/* Exec in place: replaces this process, and restores it if the exec fails. */
#include "launch.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kernel.h"
#include "signals.h"
#include "sys.h"

/* A hook may be any code and need much stack; untouched pages cost nothing. */
enum { STACK = 8 << 20 };

/* Runs the steps in a thread that shares neither descriptors, directory nor umask
 * with this one, and has its own ids, capabilities, nice value and label.  If the
 * thread executes, it becomes the process; if it fails, it ends and its changes
 * are gone.  VFORK suspends this thread meanwhile.
 * Limit: resource limits and a new session belong to the process and are not
 * undone.
 * Limit: until the exec has failed, an ignored signal interrupts calls that are
 * not restarted (poll(2), epoll_wait(2), nanosleep(2)) in other threads, and
 * after a change of ids the process is not dumpable. */
static int run_in_thread(struct plan *plan)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long thread;

	if (stack == MAP_FAILED)
		return errno;
	thread = nsh_sys_clone(CLONE_VM | CLONE_VFORK | CLONE_SIGHAND | CLONE_THREAD,
			       stack + STACK, NULL, nsh_child_run, plan);
	(void)munmap(stack, STACK);
	return thread < 0 ? (int)-thread : 0;
}

/* State of the process that the steps change and a failed exec must restore.
 * The dispositions are the kernel's: libc hides the two signals that it uses. */
struct shared {
	struct nsh_action actions[NSH_SIGNALS + 1];
	long dumpable;
};

static void remember(struct shared *shared)
{
	for (int number = 1; number <= NSH_SIGNALS; number++)
		nsh_sys(SYS_rt_sigaction, number, 0,
			(long)&shared->actions[number], NSH_KERNEL_SIGSET, 0);
	shared->dumpable = nsh_sys_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

/* Signals that were ignored are caught now (child_signals.c).  A change of ids in
 * any thread clears the dumpable flag, which belongs to the shared memory. */
static void give_back(const struct shared *shared)
{
	for (int number = 1; number <= NSH_SIGNALS; number++)
		if (shared->actions[number].handler == SIG_IGN)
			nsh_sys(SYS_rt_sigaction, number,
				(long)&shared->actions[number], 0,
				NSH_KERNEL_SIGSET, 0);
	if (shared->dumpable == 1)
		nsh_sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

int nsh_launch_in_place(struct plan *plan, struct nsh_failure *failure)
{
	struct shared shared;
	struct failure_record record;
	uint64_t mask;
	int error;

	/* A filter that kills the thread kills the process, so ask first. */
	plan->no_close_range = !nsh_kernel_permits(NSH_ASK_CLOSE_RANGE);
	if (nsh_signals_block(&mask) < 0)
		return nsh_fail(failure, NSH_STAGE_SIGNALS, errno, NULL);
	memset(&record, 0, sizeof record);
	plan->record = &record;
	plan->table = TABLE_IN_PLACE;
	plan->parent_pid = (int)getppid();
	remember(&shared);
	error = run_in_thread(plan);
	give_back(&shared);
	nsh_signals_restore(mask);
	plan->record = NULL;
	if (error)
		return nsh_fail(failure, NSH_STAGE_CLONE, error, NULL);
	return nsh_launch_fail(plan, &record, 0, failure);
}
