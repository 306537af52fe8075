/* Collects the status of a child: from wait(2), or from the pidfd if other code waited
 * first. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "foreground.h"
#include "kernel.h"
#include "pollset.h"
#include "process.h"
#include "sys.h"

static double seconds(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void set_status(struct nsh_result *result, int status)
{
	result->raw_status = status;
	if (WIFEXITED(status)) {
		result->exit_code = WEXITSTATUS(status);
	} else {
		result->signal = WTERMSIG(status);
		result->core_dumped = WCOREDUMP(status);
	}
}

static int status_of(const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED)
		return (info->si_status & 0xFF) << 8;
	return info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

static void set_usage(struct nsh_result *result, const struct rusage *usage)
{
	result->user_time = seconds(&usage->ru_utime);
	result->system_time = seconds(&usage->ru_stime);
	result->max_rss = (int64_t)usage->ru_maxrss * 1024;
}

/* Other code has reaped the child: the kernel may have kept the status. */
static void collect_stolen(struct nsh_process *process)
{
	int status;

	if (nsh_kernel_kept_status(process->pidfd, &status) == 1)
		set_status(&process->result, status);
	else
		process->result.code = NSH_LOST;
	process->exited = true;
}

/* A daemon is init's child, so we cannot get its status.  Waiting for it ends as a
 * success as soon as it has started. */
static void collect_daemon(struct nsh_process *process)
{
	process->exited = true;
	process->result.exit_code = 0;
	process->result.raw_status = 0;
}

static void take_status(struct nsh_process *process, const siginfo_t *info,
			const struct rusage *usage)
{
	set_status(&process->result, status_of(info));
	set_usage(&process->result, usage);
	process->exited = true;
}

static void collect_child(struct nsh_process *process)
{
	siginfo_t info = { .si_pid = 0 };
	struct rusage usage;
	int ret;

	do
		ret = nsh_sys_waitid(NSH_P_PIDFD, process->pidfd, &info,
				     WEXITED | WNOHANG | __WALL, &usage);
	while (ret == -EINTR);
	if (ret == 0 && info.si_pid != 0)
		take_status(process, &info, &usage);
	else if (ret < 0 && nsh_poll(process->pidfd, POLLIN, 0) == 1)
		collect_stolen(process);
}

/* If the supervisor was killed, the status is lost with it; then the program's own
 * pidfd shows the end. */
static void collect_supervised(struct nsh_process *process)
{
	struct supervisor *supervisor = process->supervisor;
	int fd = nsh_process_exit_fd(process);
	int known = nsh_supervise_collect(supervisor);

	if (known == 1)
		take_status(process, &supervisor->status, &supervisor->usage);
	else if (known < 0 && nsh_poll(process->pidfd, POLLIN, 0) == 1)
		collect_stolen(process);
	else if (known < 0 && fd != process->pidfd)
		nsh_process_watch(process, process->pidfd);
}

/* WNOWAIT: other code of the host may wait for the same stop.
 * Limit: returns 0 for the child of a supervisor, which the host cannot wait for. */
int nsh_status_stopped(const struct nsh_process *process)
{
	siginfo_t info = { .si_pid = 0 };

	if (process->exited || process->supervisor || process->pidfd < 0 || process->is_daemon
	    || nsh_sys_waitid(NSH_P_PIDFD, process->pidfd, &info,
			      WSTOPPED | WNOHANG | WNOWAIT | __WALL, NULL) != 0)
		return 0;
	return info.si_pid != 0 && info.si_code == CLD_STOPPED ? info.si_status : 0;
}

int nsh_process_stopped_by(struct nsh_process *process)
{
	int signal;

	nsh_process_hold(process);
	signal = process->finished || process->is_dry || !nsh_process_is_ours(process)
		? process->result.stopped_by : nsh_status_stopped(process);
	nsh_process_let_go(process);
	return signal;
}

void nsh_status_collect(struct nsh_process *process)
{
	int exit_fd;

	if (process->exited)
		return;
	if (process->is_daemon) {
		collect_daemon(process);
		return;
	}
	exit_fd = nsh_process_exit_fd(process);
	if (process->supervisor)
		collect_supervised(process);
	else
		collect_child(process);
	if (!process->exited)
		return;
	nsh_foreground_end(process);
	nsh_close(&process->pty_slave);
	process->result.duration = (process->ended_at > 0 ? process->ended_at : nsh_now())
		- process->begun;
	nsh_epoll_unwatch(process->io.epoll, exit_fd);
	nsh_process_watch(process, process->init_pidfd);
}
