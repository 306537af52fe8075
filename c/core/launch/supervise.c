#include "supervise.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launch_block.h"
#include "fd.h"
#include "fork_lock.h"
#include "kernel.h"
#include "sys.h"

/* ---- whether it is needed ---------------------------------------------- */

/* A handler may wait for any child.  If SIGCHLD is ignored or SA_NOCLDWAIT is set,
 * the kernel reaps.  If it is blocked, an event loop may read it from a signalfd
 * and then wait. */
static bool sigchld_is_taken(void)
{
	struct sigaction action;
	sigset_t blocked;

	if (sigaction(SIGCHLD, NULL, &action) == 0
	    && (action.sa_handler != SIG_DFL || (action.sa_flags & SA_NOCLDWAIT)))
		return true;
	return pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0
		&& sigismember(&blocked, SIGCHLD) == 1;
}

/* Another thread may wait for any child at any time.  The link count of
 * /proc/self/task is 2 plus the number of threads. */
static bool has_threads(void)
{
	struct stat tasks;

	return stat("/proc/self/task", &tasks) < 0 || tasks.st_nlink > 3;
}

bool nsh_supervise_is_needed(void)
{
	return !nsh_kernel_keeps_status() && (sigchld_is_taken() || has_threads());
}

/* ---- starting ---------------------------------------------------------- */

static enum table_cut choose_cut(void)
{
	nsh_kernel_refresh();
	if (nsh_kernel_has(NSH_ASK_CUT))
		return CUT_RANGE;
	return nsh_kernel_has(NSH_ASK_UNSHARE) ? CUT_UNSHARE : CUT_COPY;
}

static void drop(struct supervisor **supervisor)
{
	nsh_close(&(*supervisor)->pidfd);
	nsh_launch_block_give(*supervisor);
	*supervisor = NULL;
}

static bool is_gone(const struct supervisor *supervisor, int milliseconds)
{
	struct pollfd exited = { .fd = supervisor->pidfd, .events = POLLIN };

	return poll(&exited, 1, milliseconds) == 1;
}

/* Waits until the supervisor has started the child.  Our signals are blocked, so
 * check every 50 ms that it has not been killed. */
static int await_child(struct supervisor *supervisor)
{
	struct timespec while_ = { 0, 50 * 1000 * 1000 };

	while (!supervisor->published) {
		nsh_sys(SYS_futex, (long)&supervisor->published, FUTEX_WAIT, 0,
			(long)&while_, 0);
		if (!supervisor->published && is_gone(supervisor, 0))
			return -ECHILD;
	}
	return supervisor->pid;
}

/* Clones the supervisor.  Returns the child's pid, or minus an errno. */
static int start(struct supervisor *supervisor)
{
	bool copies = supervisor->cut == CUT_COPY;
	int sockets[2] = { -1, -1 };
	long pid;

	if (copies && nsh_socketpair(sockets) < 0)
		return -errno;
	supervisor->send_pidfd = sockets[1];
	pid = nsh_sys_clone(CLONE_VM | NSH_CLONE_PIDFD | (copies ? 0 : CLONE_FILES),
			    nsh_launch_block_stack(supervisor), &supervisor->pidfd,
			    nsh_supervise_run, supervisor);
	/* Closed before receiving, which needs a free descriptor. */
	nsh_close(&sockets[1]);
	if (pid > 0) {
		supervisor->own_pid = (pid_t)pid;
		supervisor->pidfd = nsh_fd_raise(supervisor->pidfd);
		pid = await_child(supervisor);
	}
	if (pid > 0 && copies)
		supervisor->child_pidfd = nsh_fd_receive(sockets[0]);
	nsh_close(&sockets[0]);
	return (int)pid;
}

int nsh_supervise_start(struct plan *plan, uint64_t clone_flags, void *child_stack,
			struct supervisor **ret_supervisor, int *ret_pidfd)
{
	struct supervisor *supervisor = nsh_launch_block_take();
	int pid;

	if (!supervisor)
		return -errno;
	*supervisor = (struct supervisor){ .plan = plan, .pidfd = -1 };
	supervisor->clone_flags = clone_flags;
	supervisor->child_stack = child_stack;
	supervisor->parent = nsh_self();
	supervisor->cut = choose_cut();
	supervisor->no_close_range = !nsh_kernel_has(NSH_ASK_CLOSE_RANGE);
	pid = start(supervisor);
	if (pid < 0) {
		if (supervisor->own_pid > 0)
			(void)nsh_supervise_wait(supervisor);
		nsh_supervise_free(&supervisor);
		return pid;
	}
	*ret_pidfd = supervisor->child_pidfd;
	*ret_supervisor = supervisor;
	return pid;
}

/* ---- ending ------------------------------------------------------------ */

/* Reaps the supervisor itself.  A child with exit signal 0 is visible only to
 * waits with __WALL or __WCLONE, so other code cannot have reaped it. */
static void reap(struct supervisor *supervisor)
{
	siginfo_t info;
	int ret;

	do
		ret = nsh_sys_waitid(NSH_P_PIDFD, supervisor->pidfd, &info,
				     WEXITED | __WALL, NULL);
	while (ret == -EINTR);
	nsh_close(&supervisor->pidfd);
}

int nsh_supervise_collect(struct supervisor *supervisor)
{
	if (supervisor->pidfd >= 0) {
		if (!is_gone(supervisor, 0))
			return 0;
		reap(supervisor);
	}
	return supervisor->done ? 1 : -1;
}

int nsh_supervise_wait(struct supervisor *supervisor)
{
	while (supervisor->pidfd >= 0 && !is_gone(supervisor, -1))
		;
	return nsh_supervise_collect(supervisor);
}

void nsh_supervise_free(struct supervisor **supervisor)
{
	if (!*supervisor)
		return;
	if ((*supervisor)->pidfd < 0)
		drop(supervisor);
	*supervisor = NULL;
}
