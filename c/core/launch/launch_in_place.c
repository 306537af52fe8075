/* Exec of this very process, and the way back where it fails. */
#include "launch.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "signals.h"
#include "sys.h"

/* A hook may be any code. */
enum { STACK = 8 << 20 };

/* The steps run in a thread that shares neither descriptors nor directory nor
 * umask with us, and has ids, capabilities, nice value and label of its own.
 * A thread that executes becomes the process; one that fails ends, and takes
 * what it changed with it.  VFORK stops us meanwhile.
 * Limit: resource limits and a new session belong to the process, and stay. */
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

/* Dispositions are shared; as the kernel has them, for libc hides the two
 * signals that it uses. */
struct actions {
	char of[NSH_SIGNALS + 1][NSH_KERNEL_SIGACTION];
};

static void remember(struct actions *actions)
{
	for (int number = 1; number <= NSH_SIGNALS; number++)
		nsh_sys(SYS_rt_sigaction, number, 0, (long)actions->of[number],
			NSH_KERNEL_SIGSET, 0);
}

static void give_back(const struct actions *actions)
{
	for (int number = 1; number <= NSH_SIGNALS; number++)
		nsh_sys(SYS_rt_sigaction, number, (long)actions->of[number], 0,
			NSH_KERNEL_SIGSET, 0);
}

int nsh_launch_in_place(struct plan *plan, struct nsh_failure *failure)
{
	struct actions actions;
	struct record record;
	uint64_t mask;
	int error;

	memset(&record, 0, sizeof record);
	plan->record = &record;
	plan->table = TABLE_IN_PLACE;
	plan->parent_pid = (int)getppid();
	nsh_signals_block(&mask);
	remember(&actions);
	error = run_in_thread(plan);
	give_back(&actions);
	nsh_signals_restore(mask);
	plan->record = NULL;
	if (error)
		return nsh_fail(failure, NSH_STAGE_CLONE, error, NULL);
	return nsh_launch_fail(plan, &record, 0, failure);
}
