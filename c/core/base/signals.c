#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "noshell.h"
#include "sys.h"

int nsh_signals_block(uint64_t *ret_old)
{
	uint64_t all = ~(uint64_t)0;
	int ret = nsh_sys_sigprocmask(SIG_SETMASK, &all, ret_old);

	if (ret == 0)
		return 0;
	errno = -ret;
	return -1;
}

void nsh_signals_restore(uint64_t old)
{
	nsh_sys_sigprocmask(SIG_SETMASK, &old, NULL);
}

static const char *const names[] = {
	[SIGHUP] = "HUP", [SIGINT] = "INT", [SIGQUIT] = "QUIT",
	[SIGILL] = "ILL", [SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",
	[SIGBUS] = "BUS", [SIGFPE] = "FPE", [SIGKILL] = "KILL",
	[SIGUSR1] = "USR1", [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
	[SIGPIPE] = "PIPE", [SIGALRM] = "ALRM", [SIGTERM] = "TERM",
#ifdef SIGSTKFLT
	[SIGSTKFLT] = "STKFLT",
#endif
	[SIGCHLD] = "CHLD", [SIGCONT] = "CONT", [SIGSTOP] = "STOP",
	[SIGTSTP] = "TSTP", [SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",
	[SIGURG] = "URG", [SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ",
	[SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH",
	[SIGIO] = "IO", [SIGPWR] = "PWR", [SIGSYS] = "SYS",
};

enum { NAME_COUNT = sizeof names / sizeof *names };

/* Unlike sigabbrev_np(3), it has names for the real-time signals. */
const char *nsh_signal_name(int number)
{
	static _Thread_local char real_time[24];

	if (number > 0 && number < NAME_COUNT && names[number])
		return names[number];
	if (number < SIGRTMIN || number > SIGRTMAX)
		return "";
	if (number == SIGRTMIN)
		return "RTMIN";
	(void)snprintf(real_time, sizeof real_time, "RTMIN+%d", number - SIGRTMIN);
	return real_time;
}

/* Parses "RTMIN", "RTMIN+1", "RTMAX", "RTMAX-1"; 0 if it is none of these.
 * libc reserves the first real-time signals, so that SIGRTMIN is known at run
 * time only (signal(7)). */
static int real_time_number(const char *name)
{
	int base = strncmp(name, "RTMIN", 5) == 0 ? SIGRTMIN
		: strncmp(name, "RTMAX", 5) == 0 ? SIGRTMAX : 0;
	char *end;
	long offset;

	if (!base || !name[5])
		return base;
	if (name[5] != '+' && name[5] != '-')
		return 0;
	offset = strtol(name + 5, &end, 10);
	if (*end || offset < -64 || offset > 64
	    || base + offset < SIGRTMIN || base + offset > SIGRTMAX)
		return 0;
	return base + (int)offset;
}

int nsh_signal_number(const char *name)
{
	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (int number = 1; number < NAME_COUNT; number++)
		if (names[number] && strcmp(names[number], name) == 0)
			return number;
	if (strcmp(name, "IOT") == 0)
		return SIGABRT;
	if (strcmp(name, "POLL") == 0)
		return SIGIO;
	return real_time_number(name);
}

const char *nsh_errno_name(int errnum)
{
	const char *name = errnum > 0 ? strerrorname_np(errnum) : NULL;

	return name ? name : "";
}
