#include "foreground.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "fd.h"
#include "kernel.h"
#include "sys.h"

struct foreground {
	int terminal;           /* our controlling terminal */
	bool is_given;          /* the program's group has it */
	bool is_handled;        /* the program is stopped, and we have stopped, too */
	bool has_ours, has_theirs;
	struct termios ours, theirs;    /* modes: before the start, and of the program */
	double due;             /* the time of the next check */
};

/* Seconds between two checks; Ctrl-Z takes effect with this delay. */
static const double interval = 0.05;

static bool is_ours(const struct foreground *it)
{
	return tcgetpgrp(it->terminal) == getpgrp();
}

/* True if a child of ours leads the foreground group. */
static bool is_taken(int terminal)
{
	siginfo_t info;
	pid_t leader = tcgetpgrp(terminal);

	return leader > 0 && nsh_sys_waitid(P_PID, leader, &info,
					    WEXITED | WNOHANG | WNOWAIT | __WALL, NULL) == 0;
}

static int fail_taken(struct nsh_failure *failure)
{
	nsh_fail(failure, NSH_STAGE_FOREGROUND, EBUSY, NULL);
	nsh_fail_reason(failure, "another program of this process has the terminal: "
			"only one can have it at a time");
	return -1;
}

int nsh_foreground_prepare(struct nsh_process *process, struct plan *plan,
			   struct nsh_failure *failure)
{
	struct foreground *it;
	int fd;

	if (!plan->attributes.foreground)
		return 0;
	fd = nsh_fd_raise(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
	if (fd >= 0 && tcgetpgrp(fd) != getpgrp()) {
		bool is_busy = is_taken(fd);

		nsh_close(&fd);
		if (is_busy)
			return fail_taken(failure);
	}
	if (fd < 0)
		return 0;
	it = calloc(1, sizeof *it);
	if (!it) {
		nsh_close(&fd);
		return nsh_fail(failure, NSH_STAGE_PLAN, ENOMEM, NULL);
	}
	it->terminal = fd;
	it->has_ours = tcgetattr(fd, &it->ours) == 0;
	process->foreground = it;
	plan->takes_terminal = true;
	return 0;
}

void nsh_foreground_begin(struct nsh_process *process)
{
	struct foreground *it = process->foreground;

	if (!it)
		return;
	it->is_given = true;
	it->due = nsh_now() + interval;
}

/* Makes `group` the foreground group and sets the modes if they are not NULL.  Both calls
 * send TTOU to a process in the background unless it blocks the signal. */
static void set_terminal(const struct foreground *it, pid_t group, const struct termios *modes)
{
	sigset_t stop, before;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &stop, &before);
	if (tcsetpgrp(it->terminal, group) == 0 && modes)
		(void)tcsetattr(it->terminal, TCSANOW, modes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* True if our shell has the terminal: it took it when another process stopped us. */
static bool is_lost(const struct foreground *it)
{
	pid_t now = tcgetpgrp(it->terminal);

	return now < 0 || (now != getpgrp() && now == getpgid(getppid()));
}

static void take_back(struct foreground *it)
{
	if (it->is_given && !is_lost(it))
		set_terminal(it, getpgrp(), it->has_ours ? &it->ours : NULL);
	it->is_given = false;
}

void nsh_foreground_end(struct nsh_process *process)
{
	if (!process->foreground)
		return;
	take_back(process->foreground);
	nsh_close(&process->foreground->terminal);
	free(process->foreground);
	process->foreground = NULL;
}

/* ---- while the program is stopped ---------------------------------------- */

/* True if the program stopped because it needs the terminal. */
static bool is_for_terminal(int signal)
{
	return signal == SIGTTIN || signal == SIGTTOU;
}

static void resume(struct nsh_process *process)
{
	struct foreground *it = process->foreground;

	if (is_ours(it)) {
		set_terminal(it, process->pid, it->has_theirs ? &it->theirs : NULL);
		it->is_given = true;
	}
	it->is_handled = false;
	(void)nsh_kernel_signal(process->pidfd, -process->pid, SIGCONT);
}

/* Stops our group.  Sends SIGTSTP instead of SIGSTOP: in an orphaned process group, which
 * no shell could continue, the kernel discards SIGTSTP, but not SIGSTOP (setpgid(2)).
 * Another thread may get the signal a moment later, so the next check does the rest. */
static void stop_too(struct foreground *it, int signal)
{
	if (it->is_given) {
		it->has_theirs = tcgetattr(it->terminal, &it->theirs) == 0;
		take_back(it);
	}
	it->is_handled = true;
	(void)kill(0, signal == SIGSTOP ? SIGTSTP : signal);
}

void nsh_foreground_look(struct nsh_process *process)
{
	struct foreground *it = process->foreground;
	double now = nsh_now();
	int signal;

	if (!it || process->exited || now < it->due)
		return;
	it->due = now + interval;
	signal = nsh_status_stopped(process);
	if (signal == 0) {
		it->is_handled = false;
		/* The shell continued us in the background (bg), and then moved us to the
		 * foreground (fg). */
		if (!it->is_given && is_ours(it))
			resume(process);
	} else if (!it->is_handled && !(is_for_terminal(signal) && is_ours(it))) {
		stop_too(it, signal);
	} else if (is_ours(it) || !is_for_terminal(signal)) {
		resume(process);
	}
}

double nsh_foreground_due(const struct nsh_process *process)
{
	return process->foreground && !process->exited ? process->foreground->due : -1;
}

void nsh_foreground_forget(struct nsh_process *process)
{
	if (process->foreground)
		nsh_fd_forget(&process->foreground->terminal);
}
