#include "status.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch_block.h"
#include "fd.h"
#include "process.h"
#include "signals.h"
#include "sys.h"

/* ioctl_pidfd(2): Linux 6.13 has the call, 6.15 the exit status in it. */
struct pidfd_info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};

#define NSH_PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)
#define NSH_PIDFD_INFO_EXIT ((uint64_t)1 << 3)

/* The kernel fills this in when it releases a reaped process, a moment after
 * wait fails with ECHILD: that often do we look, 1 ms apart. */
enum { RELEASE_LOOKS = 200 };

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

/* 1: status known.  0: not yet.  -1: this kernel cannot tell. */
static int ask_pidfd(int pidfd, int *ret_status)
{
	struct pidfd_info info;
	long ret;

	memset(&info, 0, sizeof info);
	info.mask = NSH_PIDFD_INFO_EXIT;
	ret = nsh_sys(SYS_ioctl, pidfd, (long)NSH_PIDFD_GET_INFO, (long)&info, 0, 0);
	/* ESRCH: reaped, and before 6.15 that is all there is to know. */
	if (ret == -ESRCH || (ret < 0 && ret != -EINTR))
		return -1;
	if (ret < 0 || !(info.mask & NSH_PIDFD_INFO_EXIT))
		return 0;
	*ret_status = info.exit_code;
	return 1;
}

static void collect_stolen(struct nsh_process *process)
{
	int status, known = 0;

	for (int i = 0; known == 0 && i < RELEASE_LOOKS; i++) {
		known = ask_pidfd(process->pidfd, &status);
		if (known == 0)
			(void)nsh_poll(-1, 0, 0.001);
	}
	if (known == 1)
		set_status(&process->result, status);
	else
		process->result.code = NSH_LOST;
	process->exited = true;
}

/* A daemon is init's child: when it ends is known, how is not asked. */
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

/* A supervisor that was killed took the status with it. */
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
		nsh_exchange_watch(&process->exchange, process->pidfd);
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
	process->result.duration = nsh_now() - process->started;
	nsh_exchange_unwatch(&process->exchange, exit_fd);
}

static int leave(void *nothing)
{
	(void)nothing;
	nsh_sys_exit(0);
	return 0;
}

/* A child that leaves at once.  Where it may, with our table of descriptors:
 * a copy would hold what another thread is writing, which then cannot be
 * executed.  Its pid, or minus an errno. */
static long start_trial(bool share_table, int *ret_pidfd)
{
	long flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | NSH_CLONE_PIDFD | SIGCHLD;
	void *area = share_table ? nsh_area_take() : NULL;
	long pid = -ENOSYS;

	if (area)
		pid = nsh_sys_clone(flags, nsh_area_stack(area), ret_pidfd, leave,
				    NULL);
	nsh_area_give(area);
	if (pid >= 0)
		return pid;
	pid = vfork();
	if (pid == 0)
		nsh_sys_exit(0);
	*ret_pidfd = pid < 0 ? -1 : nsh_sys_pidfd_open((pid_t)pid, 0);
	return pid;
}

/* 1: yes; 0: no; -1: could not be found out. */
static int try_survival(bool share_table)
{
	int status, pidfd = -1, known = -1;
	siginfo_t info;
	uint64_t mask;
	long pid;

	if (nsh_signals_block(&mask) < 0)
		return -1;
	pid = start_trial(share_table, &pidfd);
	nsh_signals_restore(mask);
	if (pid > 0)
		(void)nsh_sys_waitid(P_PID, (int)pid, &info, WEXITED, NULL);
	if (pidfd < 0)
		return -1;
	for (int i = 0; i < RELEASE_LOOKS && known <= 0; i++) {
		known = ask_pidfd(pidfd, &status);
		if (known < 0)
			break;
		(void)nsh_poll(-1, 0, known ? 0 : 0.001);
	}
	nsh_close(&pidfd);
	return known == 1;
}

/* The kernel does not say which fields it knows before 6.19, so a child is
 * started, reaped, and then asked about. */
bool nsh_status_survives(bool share_table)
{
	static atomic_int answer = -1;

	if (atomic_load(&answer) < 0)
		atomic_store(&answer, try_survival(share_table));
	return atomic_load(&answer) == 1;
}
