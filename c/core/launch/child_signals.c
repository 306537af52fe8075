/* The last step before exec: dispositions and mask. */
#include <signal.h>

#include "child_steps.h"

static void do_nothing(int number)
{
	(void)number;
}

/* Where a core dump would be the host's too, its death must not be one. */
static void end_without_core(int number)
{
	(void)number;
	nsh_sys(SYS_kill, nsh_sys(SYS_getpid, 0, 0, 0, 0, 0), SIGKILL, 0, 0, 0);
}

/* x86-64 alone has no way back from a handler but the one it is given. */
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

/* exec(2) makes a caught signal a default one, and until then it does nothing:
 * between SIG_IGN, which would last, and SIG_DFL, which would act at once. */
static const struct nsh_action caught = {
	.handler = do_nothing, RESTORER .flags = HAS_RESTORER,
};
/* The same in a process that goes on: its system calls are restarted, its
 * children still reaped by the kernel, its handlers' stack used. */
static const struct nsh_action caught_in_place = {
	.handler = do_nothing, RESTORER
	.flags = (unsigned)SA_RESTART | SA_ONSTACK | SA_NOCLDSTOP | SA_NOCLDWAIT
		| HAS_RESTORER,
};
static const struct nsh_action ends_without_core = {
	.handler = end_without_core, RESTORER .flags = HAS_RESTORER,
};
static const struct nsh_action default_action;   /* SIG_DFL */

/* From a terminal, to the whole process group.  It would stop the child before
 * its exec, and with it the parent, which waits for that. */
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

/* In place the dispositions are the whole process's, which lives on where the
 * exec fails.  Handlers and defaults are right already; a default in place of
 * SIG_IGN, were it only for a moment, lets SIGPIPE end the process. */
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

/* Every disposition, for what the parent ignores stays ignored through exec,
 * and before the mask opens: a handler would run in the parent's memory.
 * Limit: SIGSTOP cannot be caught. */
int nsh_step_reset_signals(const struct plan *plan)
{
	uint64_t none = 0;

	for (int number = 1; number <= NSH_SIGNALS; number++) {
		const struct nsh_action *action = action_for(plan, number);
		long ret = 0;

		if (action)
			ret = nsh_sys(SYS_rt_sigaction, number, (long)action, 0,
				      NSH_KERNEL_SIGSET, 0);
		/* KILL and STOP have none, valgrind keeps the last for itself. */
		if (ret < 0 && ret != -EINVAL)
			return (int)ret;
	}
	return nsh_sys_sigprocmask(SIG_SETMASK, &none, NULL);
}
