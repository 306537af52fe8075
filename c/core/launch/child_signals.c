/* The last step before exec: signal dispositions and mask. */
#include <signal.h>

#include "child_steps.h"

static void do_nothing(int number)
{
	(void)number;
}

/* Handler for signals that dump core while memory is shared: before Linux 5.16
 * the dump would end the host as well (kernel.h).  SIGKILL dumps nothing. */
static void end_without_core(int number)
{
	(void)number;
	nsh_sys(SYS_kill, nsh_sys(SYS_getpid, 0, 0, 0, 0, 0), SIGKILL, 0, 0, 0);
}

/* On x86-64 the kernel requires SA_RESTORER to return from a handler; other
 * architectures return through the vDSO. */
#if defined(__x86_64__) && !defined(__ILP32__)
__attribute__((naked)) static void restorer(void)
{
	__asm__("mov $15, %rax\n\tsyscall");   /* rt_sigreturn(2) */
}
#define RESTORER .restorer = restorer,
enum { HAS_RESTORER = 0x04000000 };     /* SA_RESTORER */
#else
#define RESTORER
enum { HAS_RESTORER = 0 };
#endif

/* A handler that does nothing: exec(2) resets it to SIG_DFL.  SIG_IGN would
 * survive the exec, and SIG_DFL would act before it. */
static const struct nsh_action caught = {
	.handler = do_nothing, RESTORER .flags = HAS_RESTORER,
};
/* The same for an exec in place, which may fail and leave the process running:
 * interrupted calls are restarted, children are still reaped by the kernel, and
 * the handler runs on the alternate stack. */
static const struct nsh_action caught_in_place = {
	.handler = do_nothing, RESTORER
	.flags = (unsigned)SA_RESTART | SA_ONSTACK | SA_NOCLDSTOP | SA_NOCLDWAIT
		| HAS_RESTORER,
};
static const struct nsh_action ends_without_core = {
	.handler = end_without_core, RESTORER .flags = HAS_RESTORER,
};
static const struct nsh_action default_action;   /* SIG_DFL */

/* A terminal sends these to the whole process group.  One that stopped the child
 * before its exec would also block the parent, which waits for that exec. */
static bool is_stop(int number)
{
	return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

static bool dumps_core(int number)
{
	static const unsigned char numbers[] = {
		SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV,
		SIGXCPU, SIGXFSZ, SIGSYS,
	};

	for (size_t i = 0; i < sizeof numbers; i++)
		if (number == numbers[i])
			return true;
	return false;
}

/* Returns the disposition to set, or NULL to leave it alone.  In place, the
 * dispositions belong to the whole process, which survives a failed exec.  Exec
 * resets handlers by itself; only SIG_IGN needs a change, and it must not become
 * SIG_DFL even for a moment: SIGPIPE would end the process. */
static const struct nsh_action *action_for(const struct plan *plan, int number)
{
	struct nsh_action now = { .flags = 0 };

	if (plan->spreads_core_dumps && dumps_core(number))
		return &ends_without_core;
	if (plan->table != TABLE_IN_PLACE)
		return is_stop(number) ? &caught : &default_action;
	nsh_sys(SYS_rt_sigaction, number, 0, (long)&now, NSH_KERNEL_SIGSET, 0);
	return now.handler == SIG_IGN ? &caught_in_place : NULL;
}

/* True if the signal may have another disposition than the child needs. */
static bool needs_reset(const struct plan *plan, int number)
{
	/* An exec has reset the handlers, too: the launcher's. */
	bool is_clear = plan->knows_ignored
		&& (plan->clears_handlers || plan->launcher == IN_LAUNCHER);

	return !is_clear || plan->spreads_core_dumps || is_stop(number)
		|| (plan->ignored >> (number - 1) & 1);
}

/* Resets every disposition, because ignored signals stay ignored through exec.
 * The mask is opened afterwards: before, one of the host's handlers could run in
 * the parent's memory.
 * Limit: SIGSTOP cannot be caught. */
int nsh_step_reset_signals(const struct plan *plan)
{
	uint64_t none = 0;

	for (int number = 1; number <= NSH_SIGNALS; number++) {
		const struct nsh_action *action = needs_reset(plan, number)
			? action_for(plan, number) : NULL;
		long ret = 0;

		if (action)
			ret = nsh_sys(SYS_rt_sigaction, number, (long)action, 0,
				      NSH_KERNEL_SIGSET, 0);
		/* EINVAL: KILL and STOP cannot be changed, and valgrind reserves
		 * the last number. */
		if (ret < 0 && ret != -EINVAL)
			return (int)ret;
	}
	return nsh_sys_sigprocmask(SIG_SETMASK, &none, NULL);
}
