#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "child.h"
#include "child_steps.h"

/* ---- session, process group, daemon ------------------------------------ */

/* From the first step again; none before the daemon's own does anything. */
static int run_daemon(void *data)
{
	struct plan *plan = data;

	plan->record->pid = (int)nsh_sys(SYS_getpid, 0, 0, 0, 0, 0);
	return nsh_child_run(plan);
}

/* Our stack is shared with the parent, so it would be shared with a child of
 * ours as well.  After fork(3) it is not. */
static long fork_daemon(const struct plan *plan, int *ret_pidfd)
{
	long flags = NSH_CLONE_PIDFD | SIGCHLD;

	if (plan->after_fork)
		return nsh_sys(SYS_clone, flags, 0, (long)ret_pidfd, 0, 0);
	return nsh_sys_clone(flags, plan->daemon_stack, ret_pidfd, run_daemon,
			     (void *)(uintptr_t)plan);
}

/* The host cannot open it: the daemon may be reaped by then.  Without it there
 * is no daemon.  It is our child, so its number is its own. */
static int send_pidfd(const struct plan *plan, long pid, int pidfd)
{
	int ret = nsh_send_fd(plan->moves[plan->sync_move].source, pidfd);

	if (ret < 0)
		nsh_sys(SYS_kill, pid, SIGKILL, 0, 0, 0);
	return ret;
}

/* The daemon is the grandchild: its parent is gone before the program runs,
 * and no program can make it acquire a controlling terminal. */
int nsh_step_daemonize(const struct plan *plan)
{
	int pidfd = -1, ret;
	long pid;

	if (!plan->daemonize || plan->record->pid)
		return 0;
	pid = nsh_sys(SYS_setsid, 0, 0, 0, 0, 0);
	if (pid < 0)
		return (int)pid;
	pid = fork_daemon(plan, &pidfd);
	if (pid < 0)
		return (int)pid;
	if (pid > 0) {
		ret = send_pidfd(plan, pid, pidfd);
		if (ret < 0)
			return ret;
		nsh_sys_exit(0);
	}
	plan->record->pid = (int)nsh_sys(SYS_getpid, 0, 0, 0, 0, 0);
	return 0;
}

int nsh_step_new_session(const struct plan *plan)
{
	long session;

	if (!plan->new_session || plan->daemonize)
		return 0;
	session = nsh_sys(SYS_setsid, 0, 0, 0, 0, 0);
	return session < 0 ? (int)session : 0;
}

int nsh_step_new_process_group(const struct plan *plan)
{
	if (!plan->new_process_group)
		return 0;
	return (int)nsh_sys(SYS_setpgid, 0, 0, 0, 0, 0);
}

/* ---- pid file ---------------------------------------------------------- */

static size_t put_number(char *text, long number)
{
	char reversed[24];
	size_t count = 0, size = 0;

	do
		reversed[count++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (count > 0)
		text[size++] = reversed[--count];
	return size;
}

static void tell_holder(const struct plan *plan, int fd)
{
	static const char words[] = "held by process ";
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char *message = plan->record->message;
	size_t size = sizeof words - 1;

	if (nsh_sys_fcntl(fd, F_GETLK, (long)&lock) < 0 || lock.l_pid <= 0)
		return;
	for (size_t i = 0; i < size; i++)
		message[i] = words[i];
	size += put_number(message + size, lock.l_pid);
	message[size] = 0;
}

/* The lock is the process's and lasts as long as the program keeps the
 * descriptor, which it inherits on purpose. */
int nsh_step_lock_pid_file(const struct plan *plan)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char text[24];
	size_t size;
	long ret;
	int fd;

	if (!plan->pid_file)
		return 0;
	fd = nsh_sys_open(plan->pid_file, O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
	if (fd < 0)
		return fd;
	plan->record->pid_file = fd;
	ret = nsh_sys_fcntl(fd, F_SETLK, (long)&lock);
	if (ret < 0) {
		tell_holder(plan, fd);
		return (int)ret;
	}
	size = put_number(text, nsh_sys(SYS_getpid, 0, 0, 0, 0, 0));
	text[size++] = '\n';
	ret = nsh_sys(SYS_ftruncate, fd, 0, 0, 0, 0);
	if (ret == 0)
		ret = nsh_sys_write(fd, text, size);
	return ret < 0 ? (int)ret : 0;
}

/* ---- umask, limits, scheduling ----------------------------------------- */

int nsh_step_set_umask(const struct plan *plan)
{
	long before = 0;

	if (plan->has_umask)
		before = nsh_sys(SYS_umask, plan->umask, 0, 0, 0, 0);
	return before < 0 ? (int)before : 0;
}

int nsh_step_set_limits(const struct plan *plan)
{
	for (size_t i = 0; i < plan->limit_count; i++) {
		const struct limit *limit = &plan->limits[i];
		long ret;

		nsh_at(plan, NSH_STAGE_LIMIT, i);
		ret = nsh_sys(SYS_prlimit64, 0, limit->resource,
			      (long)&limit->value, 0, 0);
		if (ret < 0)
			return (int)ret;
	}
	return 0;
}

int nsh_step_set_nice(const struct plan *plan)
{
	if (!plan->has_nice)
		return 0;
	return (int)nsh_sys(SYS_setpriority, PRIO_PROCESS, 0, plan->nice, 0, 0);
}

int nsh_step_set_cpu_affinity(const struct plan *plan)
{
	if (!plan->set_cpu_affinity)
		return 0;
	return (int)nsh_sys(SYS_sched_setaffinity, 0, sizeof *plan->cpu_mask,
			    (long)plan->cpu_mask, 0, 0);
}

int nsh_step_set_core_scheduling(const struct plan *plan)
{
	int scope = plan->core_scheduling == NSH_PR_SCHED_CORE_CREATE
		? NSH_SCHED_CORE_PROCESS : NSH_SCHED_CORE_THREAD;

	if (!plan->core_scheduling)
		return 0;
	return (int)nsh_sys_prctl(NSH_PR_SCHED_CORE,
				  (unsigned long)plan->core_scheduling,
				  (unsigned long)plan->core_among,
				  (unsigned long)scope, 0);
}

/* ---- the last steps ---------------------------------------------------- */

int nsh_step_change_directory(const struct plan *plan)
{
	if (!plan->cwd)
		return 0;
	return (int)nsh_sys(SYS_chdir, (long)plan->cwd, 0, 0, 0, 0);
}

/* The parent may have died before a signal was armed.
 * Limit: 0 is a parent in another pid namespace, which cannot be asked about. */
static int check_parent(const struct plan *plan)
{
	long parent = nsh_sys(SYS_getppid, 0, 0, 0, 0, 0);

	return parent == plan->parent_pid || parent == 0 ? 0 : -ESRCH;
}

/* Whether we may wait for others before our exec, in open(2) of a FIFO or in a
 * hook.  Our parent waits for us meanwhile; with a handshake it may not, and then
 * the end of file there says that it is gone. */
static bool may_wait(const struct plan *plan)
{
	return plan->sync_move >= 0 && !plan->daemonize
		&& (plan->opens_fifo || !plan->require_handshake);
}

/* Until the step below.  A filter that refuses it refuses no start. */
int nsh_step_follow_parent(const struct plan *plan)
{
	if (!may_wait(plan))
		return 0;
	(void)nsh_sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return check_parent(plan);
}

int nsh_step_arm_parent_death_signal(const struct plan *plan)
{
	long ret;

	if (!plan->parent_death_signal && !may_wait(plan))
		return 0;
	ret = nsh_sys_prctl(PR_SET_PDEATHSIG,
			    (unsigned long)plan->parent_death_signal, 0, 0, 0);
	if (!plan->parent_death_signal)
		return 0;
	return ret < 0 ? (int)ret : check_parent(plan);
}

int nsh_step_set_no_new_privs(const struct plan *plan)
{
	if (!plan->no_new_privs && !plan->caps.no_new_privs)
		return 0;
	return (int)nsh_sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
