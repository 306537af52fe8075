/* Waiting for a process, ending it, and releasing it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "fd.h"
#include "foreground.h"
#include "keeper.h"
#include "kernel.h"
#include "pollset.h"
#include "process.h"
#include "sys.h"

/* Up to this number of descriptors are passed to poll(2); more need an epoll set. */
enum { FEW = 16 };

static int wait_once(struct nsh_process *process, double left)
{
	struct nsh_watch watches[FEW];
	size_t count = nsh_held_watches(process, watches, FEW);
	int ret = nsh_poll_several(watches, count, -1,
				   nsh_sooner(left, nsh_held_timeout(process)));

	return ret < 0 && errno != EINTR ? -1 : 0;
}

static int wait_held(struct nsh_process *process, double seconds,
		     struct nsh_failure *failure)
{
	double until = seconds < 0 ? -1 : nsh_now() + seconds;
	bool is_new = seconds < 0 && nsh_process_announces(process);

	for (;; is_new = false) {
		int ret = is_new ? 0 : nsh_held_pump(process, failure);
		double left = until < 0 ? -1 : until - nsh_now();

		if (ret != 0)
			return ret;
		if (process->is_dry)
			return nsh_fail_code(failure, NSH_INVALID, "a dry-run process ends "
					     "only by nsh_process_end_dry");
		if (until >= 0 && left <= 0)
			return 0;
		if (wait_once(process, left) < 0)
			return nsh_fail(failure, NSH_STAGE_WAIT, errno, NULL);
	}
}

int nsh_process_wait(struct nsh_process *process, double seconds,
		     struct nsh_failure *failure)
{
	int ret;

	nsh_process_hold(process);
	ret = wait_held(process, seconds, failure);
	nsh_process_let_go(process);
	return ret;
}

int nsh_processes_poll(struct nsh_process *const *processes, size_t count,
		       const struct nsh_watch *others, size_t other_count, int other,
		       double seconds)
{
	struct nsh_watch few[FEW], *watches = few;
	size_t room = FEW, used = 0;
	int ret;

	if (count + other_count > room) {
		room = count + other_count;
		watches = malloc(room * sizeof *watches);
		if (!watches)
			return -1;
	}
	while (used < other_count) {
		watches[used] = others[used];
		used++;
	}
	for (size_t i = 0; i < count; i++) {
		nsh_process_hold(processes[i]);
		/* Before the timeout is read: a descriptor that cannot be watched
		 * shortens it. */
		used += nsh_held_watches(processes[i], watches + used,
					 room - used - (count - 1 - i));
		seconds = nsh_sooner(seconds, nsh_held_timeout(processes[i]));
		nsh_process_let_go(processes[i]);
	}
	ret = nsh_poll_several(watches, used, other, seconds);
	if (watches != few)
		nsh_free_quietly(watches);
	return ret;
}

static int check_pipes(const struct nsh_command *cmd, struct nsh_failure *failure)
{
	return nsh_command_find_pipe(cmd, 0) < 0 ? 0
		: nsh_fail_code(failure, NSH_INVALID, "run waits, so the caller could "
				"not read or write the pipe: use start");
}

int nsh_command_run(struct nsh_command *cmd, struct nsh_process **ret_process,
		    struct nsh_failure *failure)
{
	struct nsh_process *process = NULL;
	int ret;

	if (ret_process)
		*ret_process = NULL;
	nsh_command_capture_pty(cmd, true);
	if (nsh_command_fail(cmd, failure) < 0 || check_pipes(cmd, failure) < 0
	    || nsh_command_start_attended(cmd, &process, failure) < 0)
		return -1;
	ret = nsh_process_wait(process, -1, failure);
	if (ret == 1)
		ret = nsh_process_check(process, failure);
	if (ret_process)
		*ret_process = process;
	else
		nsh_process_free(process);
	return ret;
}

int nsh_process_kill(struct nsh_process *process, int signal)
{
	int ret = -ESRCH;

	if (nsh_process_is_ours(process) && process->is_dry && !process->finished)
		return 0;
	if (nsh_process_is_ours(process) && process->pidfd >= 0
	    && (!process->exited || process->is_daemon))
		ret = nsh_kernel_signal(process->pidfd, process->pid, signal);
	if (ret == 0)
		return 0;
	errno = -ret;
	return -1;
}

/* A child that is not reaped keeps the number of the group that it joined from being
 * used again, unless it has left the group. */
static int signal_joined(const struct nsh_process *process, int signal)
{
	if (process->exited || process->pidfd < 0)
		return -ESRCH;
	return kill(-process->joined_group, signal) < 0 ? -errno : 0;
}

int nsh_process_kill_group(struct nsh_process *process, int signal)
{
	int ret = -EINVAL;

	if (!nsh_process_is_ours(process) || process->finished)
		ret = -ESRCH;
	else if (process->is_dry)
		ret = 0;
	else if (process->own_group)
		ret = nsh_kernel_signal(process->pidfd, -process->pid, signal);
	else if (process->joined_group)
		ret = signal_joined(process, signal);
	if (ret == 0)
		return 0;
	errno = -ret;
	return -1;
}

static int fail_unreached(const struct nsh_process *process,
			  struct nsh_failure *failure)
{
	if (!process->result.unreached)
		return 0;
	nsh_fail_code(failure, NSH_IO, NULL);
	if (failure) {
		failure->stage = NSH_STAGE_ABORT;
		failure->errnum = process->unreached_errnum;
	}
	nsh_fail_reason(failure, "%s", process->result.unreached);
	return -1;
}

static void abort_held(struct nsh_process *process)
{
	nsh_held_terminate(process, NSH_ABORT_GRACE);
	if (wait_held(process, -1, NULL) >= 0)
		return;
	/* Moving its data has failed, but the process must still be ended. */
	nsh_io_close(&process->io);
	(void)wait_held(process, -1, NULL);
}

int nsh_process_abort(struct nsh_process *process, struct nsh_failure *failure)
{
	if (!nsh_process_is_ours(process))
		return nsh_process_fail_foreign(process, failure);
	nsh_process_hold(process);
	if (!process->finished)
		abort_held(process);
	nsh_process_let_go(process);
	return fail_unreached(process, failure);
}

void nsh_process_forget_descriptors(struct nsh_process *process)
{
	for (int i = 0; i < STREAMS; i++) {
		if (!process->streams[i])
			continue;
		nsh_fd_forget(&process->streams[i]->fd);
		nsh_fd_forget(&process->streams[i]->epoll);
	}
	nsh_io_forget_descriptors(&process->io);
	nsh_fd_forget(&process->pty_slave);
	nsh_foreground_forget(process);
	if (process->handshake_plan)
		nsh_plan_forget_descriptors(process->handshake_plan);
	nsh_fd_forget(&process->handshake.pidfd);
	nsh_fd_forget(&process->handshake.daemon_pidfd);
	nsh_fd_forget(&process->handshake.init_pidfd);
	for (size_t i = 0; i < process->tree.count; i++)
		nsh_fd_forget(&process->tree.members[i].pidfd);
	nsh_cgroup_forget(&process->cgroup);
	nsh_fd_forget(&process->init_pidfd);
	/* The supervisor still uses this memory, so it is not freed. */
	process->supervisor = NULL;
	nsh_fd_forget(&process->pidfd);
}

void nsh_process_release(struct nsh_process *process)
{
	if (!nsh_process_is_ours(process)) {
		/* Limit: the keeper may have been changing it at the fork, so
		 * it may be in any state and is not freed. */
		if (process->is_lent)
			return;
		nsh_process_forget_descriptors(process);
	}
	for (int i = 0; i < STREAMS; i++)
		nsh_stream_free(process->streams[i]);
	nsh_close(&process->pty_slave);
	/* Also needed for a child that gave up its handshake. */
	nsh_foreground_end(process);
	nsh_epoll_unwatch(process->io.epoll, nsh_process_exit_fd(process));
	nsh_io_free(&process->io);
	nsh_handshake_drop(process);
	nsh_tree_free(&process->tree);
	nsh_supervise_free(&process->supervisor);
	nsh_close(&process->pidfd);
	nsh_close(&process->init_pidfd);
	nsh_buffer_wipe(&process->dry_input);
	if (process->is_daemon)
		nsh_cgroup_leave(&process->cgroup);
	nsh_cgroup_drop(&process->cgroup);
	free(process->command);
	free(process->sandbox);
	free(process);
}

void nsh_process_leave_streams(struct nsh_process *process)
{
	process->leaves_streams = true;
}

/* True if the host has closed the pidfd, and so probably all of our descriptors.  Their
 * numbers may belong to files of the host, which a garbage collector must not close. */
static bool has_lost_descriptors(const struct nsh_process *process)
{
	return process->pidfd >= 0
		&& nsh_sys_waitid(NSH_P_PIDFD, process->pidfd, NULL,
				  WEXITED | WNOHANG | WNOWAIT, NULL) == -EBADF;
}

void nsh_process_forget(struct nsh_process *process)
{
	if (!process)
		return;
	nsh_process_hold(process);
	if (nsh_process_is_ours(process) && has_lost_descriptors(process))
		nsh_process_forget_descriptors(process);
	if (nsh_process_is_ours(process)) {
		/* A daemon keeps its cgroup. */
		bool runs = !process->exited || process->init_pidfd >= 0
			|| (process->cgroup && !process->is_daemon);

		nsh_handshake_drop(process);
		if (runs && process->pidfd >= 0) {
			nsh_keeper_adopt(process);
			return;
		}
	}
	nsh_process_release(process);
}

void nsh_process_end(struct nsh_process *process)
{
	nsh_process_hold(process);
	nsh_held_terminate(process, NSH_ABORT_GRACE);
	nsh_process_forget(process);
}

void nsh_process_end_later(struct nsh_process *process)
{
	bool runs;

	if (!process)
		return;
	nsh_process_hold(process);
	runs = nsh_process_is_ours(process) && !process->exited && !process->finished
		&& !process->is_dry && !process->is_daemon && process->pidfd >= 0;
	if (runs)
		nsh_handshake_drop(process);
	if (!runs || !nsh_keeper_end(process))
		nsh_process_end(process);
}

void nsh_process_free(struct nsh_process *process)
{
	if (!process)
		return;
	(void)nsh_process_abort(process, NULL);
	nsh_process_forget(process);
}
