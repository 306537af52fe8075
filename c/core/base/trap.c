/* Signals that the script handles (noshell.h). */
#include "trap.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fork_lock.h"
#include "noshell.h"

enum { COUNT = 65 };

/* Written by the handler. */
static volatile sig_atomic_t noted[COUNT];
static volatile sig_atomic_t has_noted;
static void (*volatile notify_script)(void);

static struct {
	void (*at_exit)(void);
	unsigned fork_id;  /* of the process that opened; 0: not open */
	pthread_t thread;
} owner;

static struct sigaction saved[COUNT];
static bool is_saved[COUNT];
/* The signals that the handler notes. */
static sigset_t handled;
static int handled_count;

static void note(int signal)
{
	int saved_errno = errno;
	void (*notify)(void) = notify_script;

	noted[signal] = 1;
	has_noted = 1;
	if (notify)
		notify();
	errno = saved_errno;
}

/* Only in the thread that opened: exit(3) may be called in any thread, but the
 * script's interpreter belongs to one. */
static void leave_process(void)
{
	if (nsh_trap_is_ours() && owner.at_exit
	    && pthread_equal(owner.thread, pthread_self()))
		owner.at_exit();
}

void nsh_trap_open(void (*notify)(void), void (*at_exit)(void))
{
	static bool is_registered;

	owner.at_exit = at_exit;
	owner.fork_id = nsh_fork_id();
	owner.thread = pthread_self();
	notify_script = notify;
	if (!is_registered)
		is_registered = atexit(leave_process) == 0;
}

void nsh_trap_close(void)
{
	notify_script = NULL;
	for (int signal = 1; signal < COUNT; signal++)
		nsh_trap_restore(signal);
	owner.fork_id = 0;
}

bool nsh_trap_is_ours(void)
{
	return owner.fork_id != 0 && owner.fork_id == nsh_fork_id();
}

static bool is_fault(int signal)
{
	return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE
		|| signal == SIGILL;
}

static void leave_handled(int signal)
{
	if (handled_count > 0 && sigismember(&handled, signal) == 1) {
		sigdelset(&handled, signal);
		handled_count--;
	}
}

static int change(int signal, void (*handler)(int))
{
	/* SA_RESTART, because few callers of read(2) expect EINTR.  ppoll(2) is
	 * never restarted (signal(7)), so waits are interrupted. */
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct sigaction old;

	if (signal <= 0 || signal >= COUNT || is_fault(signal)) {
		errno = EINVAL;
		return -1;
	}
	sigemptyset(&action.sa_mask);
	if (sigaction(signal, &action, &old) < 0)
		return -1;
	if (!is_saved[signal]) {
		saved[signal] = old;
		is_saved[signal] = true;
	}
	leave_handled(signal);
	return 0;
}

int nsh_trap_set(int signal)
{
	if (change(signal, note) < 0)
		return -1;
	if (handled_count == 0)
		sigemptyset(&handled);
	sigaddset(&handled, signal);
	handled_count++;
	return 0;
}

int nsh_trap_ignore(int signal)
{
	return change(signal, SIG_IGN);
}

void nsh_trap_restore(int signal)
{
	if (signal <= 0 || signal >= COUNT || !is_saved[signal])
		return;
	(void)sigaction(signal, &saved[signal], NULL);
	is_saved[signal] = false;
	noted[signal] = 0;
	leave_handled(signal);
}

bool nsh_trap_is_ignored(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int nsh_trap_take(void)
{
	if (!has_noted)
		return 0;
	/* Cleared before the search: a signal that arrives meanwhile sets it
	 * again. */
	has_noted = 0;
	for (int signal = 1; signal < COUNT; signal++)
		if (noted[signal]) {
			noted[signal] = 0;
			has_noted = 1;
			return signal;
		}
	return 0;
}

void nsh_trap_die(int signal)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t one;

	(void)fflush(NULL);
	sigemptyset(&action.sa_mask);
	(void)sigaction(signal, &action, NULL);
	sigemptyset(&one);
	sigaddset(&one, signal);
	(void)pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	(void)raise(signal);
	/* Reached if the signal's default action does not end the process. */
	_exit(128 + signal);
}

/* True if this thread blocks a signal that is handled. */
static bool blocks_handled(const sigset_t *mask)
{
	for (int signal = 1; signal < COUNT; signal++)
		if (sigismember(&handled, signal) == 1
		    && sigismember(mask, signal) == 1)
			return true;
	return false;
}

/* Blocks the signals, checks whether one was noted, and lets ppoll(2) open the mask
 * and wait atomically: otherwise a signal between the check and the wait would be
 * noticed only after the wait. */
int nsh_trap_ppoll(struct pollfd *poll_fds, nfds_t count, const struct timespec *left)
{
	int ret = -1, saved_errno = EINTR;
	sigset_t old;

	if (handled_count == 0 || pthread_sigmask(SIG_BLOCK, &handled, &old) != 0)
		return ppoll(poll_fds, count, left, NULL);
	if (!has_noted || blocks_handled(&old)) {
		ret = ppoll(poll_fds, count, left, &old);
		saved_errno = errno;
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = saved_errno;
	return ret;
}
