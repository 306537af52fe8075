/* The table of steps, and the steps of attributes, hook, handshake and exec. */
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "child_steps.h"

/* ---- session, process group, daemon ------------------------------------ */

/* True if this process will start the program in a new pid namespace: then
 * child_private.c makes the program's session. */
static bool is_led_later(const struct plan *plan)
{
	return plan->sandbox.isolation.has_pids && !plan->attributes.daemonize;
}

/* The session of the program, or of the daemon's parent. */
static int new_session(const struct plan *plan)
{
	bool is_daemons = plan->attributes.daemonize;
	long session;

	if ((!is_daemons && !plan->attributes.new_session && plan->pty_move < 0)
	    || plan->record->pid || is_led_later(plan))
		return 0;
	if (is_daemons)
		nsh_at(plan, NSH_STAGE_DAEMONIZE, 0);
	session = nsh_sys(SYS_setsid, 0, 0, 0, 0, 0);
	return session < 0 ? (int)session : 0;
}

/* Runs the table again from its first step, in the daemon.  The steps before
 * daemonize() do nothing a second time. */
static int run_daemon(void *data)
{
	struct plan *plan = data;

	plan->record->pid = (int)nsh_sys(SYS_getpid, 0, 0, 0, 0, 0);
	return nsh_child_run(plan);
}

/* The daemon needs a stack of its own: ours is shared with the parent, so a
 * plain clone would share it with the daemon as well.  After fork(3), and in the
 * launcher, nothing is shared. */
static long fork_daemon(const struct plan *plan, int *ret_pidfd)
{
	unsigned flags = NSH_CLONE_PIDFD | SIGCHLD;

	if (plan->after_fork || plan->launcher)
		return nsh_sys(SYS_clone, flags, 0, (long)ret_pidfd, 0, 0);
	return nsh_sys_clone(flags, plan->daemon_stack, ret_pidfd, run_daemon,
			     (void *)(uintptr_t)plan);
}

/* The host cannot open the pidfd by number: the daemon may have been reaped by
 * then.  If sending fails, the daemon is killed.  Its pid is safe to use here,
 * because only we can reap our child. */
static int send_pidfd(const struct plan *plan, long pid, int pidfd)
{
	int ret = nsh_send_fd(plan->moves[plan->sync_move].source, pidfd);

	if (ret < 0)
		nsh_sys(SYS_kill, pid, SIGKILL, 0, 0, 0);
	return ret;
}

/* The daemon is the grandchild of new_session(): its parent has exited before the
 * program runs, and it is no session leader, so it cannot acquire a controlling
 * terminal. */
static int daemonize(const struct plan *plan)
{
	int pidfd = -1, ret;
	long pid;

	/* In a new pid namespace, child_private.c has made it. */
	if (!plan->attributes.daemonize || plan->record->pid
	    || plan->sandbox.isolation.has_pids)
		return 0;
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

/* The child leads a session that has no controlling terminal yet. */
static int take_terminal(const struct plan *plan)
{
	if (plan->pty_move < 0 || is_led_later(plan))
		return 0;
	return nsh_sys_ioctl(plan->staged[plan->pty_move], TIOCSCTTY, 0);
}

static int set_process_group(const struct plan *plan)
{
	if (!plan->attributes.new_process_group && !plan->attributes.process_group
	    && !plan->attributes.foreground)
		return 0;
	return (int)nsh_sys(SYS_setpgid, 0, plan->attributes.process_group, 0, 0, 0);
}

/* Makes our group the foreground group of the terminal.  The kernel sends TTOU to a
 * background process that does so; here all signals are blocked. */
static int take_foreground(const struct plan *plan)
{
	int group, fd, ret;

	if (!plan->takes_terminal)
		return 0;
	fd = nsh_sys_open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	group = (int)nsh_sys(SYS_getpid, 0, 0, 0, 0, 0);
	ret = nsh_sys_ioctl(fd, TIOCSPGRP, (long)&group);
	nsh_sys_close(fd);
	return ret;
}

/* ---- pid file ---------------------------------------------------------- */

enum { PID_TRIES = 10000 };

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

/* Puts the pid of the lock's holder into the record.  No stdio here: see
 * child_steps.h. */
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

/* Returns our pid in the host's namespace.  In a new pid namespace, the parent records it
 * right after the clone. */
static long own_pid(const struct plan *plan)
{
	static const struct timespec pause = { 0, 100000 };

	if (!plan->sandbox.isolation.has_pids)
		return nsh_sys(SYS_getpid, 0, 0, 0, 0, 0);
	for (int i = 0; !plan->record->pid && i < PID_TRIES; i++)
		nsh_sys(SYS_nanosleep, (long)&pause, 0, 0, 0, 0);
	return plan->record->pid;
}

/* A POSIX lock belongs to the process and survives exec.  It lasts until the
 * program closes the descriptor, which is not close-on-exec for that reason. */
static int lock_pid_file(const struct plan *plan)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char text[24];
	size_t size;
	long ret;
	int fd;

	if (!plan->attributes.pid_file)
		return 0;
	fd = nsh_sys_open(plan->attributes.pid_file,
			  O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
	if (fd < 0)
		return fd;
	plan->record->pid_file = fd;
	ret = nsh_sys_fcntl(fd, F_SETLK, (long)&lock);
	if (ret < 0) {
		tell_holder(plan, fd);
		return (int)ret;
	}
	size = put_number(text, own_pid(plan));
	text[size++] = '\n';
	ret = nsh_sys(SYS_ftruncate, fd, 0, 0, 0, 0);
	if (ret == 0)
		ret = nsh_sys_write(fd, text, size);
	return ret < 0 ? (int)ret : 0;
}

/* ---- umask, limits, scheduling ----------------------------------------- */

static int set_umask(const struct plan *plan)
{
	long before = 0;

	if (plan->attributes.has_umask)
		before = nsh_sys(SYS_umask, plan->attributes.umask, 0, 0, 0, 0);
	return before < 0 ? (int)before : 0;
}

static int set_limits(const struct plan *plan)
{
	for (size_t i = 0; i < plan->attributes.limit_count; i++) {
		const struct limit *limit = &plan->attributes.limits[i];
		long ret;

		nsh_at(plan, NSH_STAGE_LIMIT, i);
		ret = nsh_sys(SYS_prlimit64, 0, limit->resource,
			      (long)&limit->value, 0, 0);
		if (ret < 0)
			return (int)ret;
	}
	return 0;
}

static int set_nice(const struct plan *plan)
{
	if (!plan->attributes.has_nice)
		return 0;
	return (int)nsh_sys(SYS_setpriority, PRIO_PROCESS, 0,
			    plan->attributes.nice, 0, 0);
}

/* The value of a vfork(2) child is separate from its parent's, although memory is
 * shared (__set_oom_adj in fs/proc/base.c).
 * Limit: a failed exec in place does not restore the value. */
static int set_oom_score_adj(const struct plan *plan)
{
	int value = plan->attributes.oom_score_adj;
	char text[24] = "-";
	size_t size = value < 0;
	long ret;
	int fd;

	if (!plan->attributes.has_oom_score_adj)
		return 0;
	size += put_number(text + size, value < 0 ? -value : value);
	fd = nsh_sys_open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	ret = nsh_sys_write(fd, text, size);
	nsh_sys_close(fd);
	return ret < 0 ? (int)ret : 0;
}

static int set_cpu_affinity(const struct plan *plan)
{
	if (!plan->cpu_mask)
		return 0;
	return (int)nsh_sys(SYS_sched_setaffinity, 0, sizeof *plan->cpu_mask,
			    (long)plan->cpu_mask, 0, 0);
}

static int set_core_scheduling(const struct plan *plan)
{
	const struct attributes *asked = &plan->attributes;
	int scope = asked->core_scheduling == NSH_PR_SCHED_CORE_CREATE
		? NSH_SCHED_CORE_PROCESS : NSH_SCHED_CORE_THREAD;

	if (!asked->core_scheduling)
		return 0;
	return (int)nsh_sys_prctl(NSH_PR_SCHED_CORE,
				  (unsigned long)asked->core_scheduling,
				  (unsigned long)asked->core_among,
				  (unsigned long)scope, 0);
}

/* ---- the last steps ---------------------------------------------------- */

static int change_directory(const struct plan *plan)
{
	if (!plan->attributes.cwd)
		return 0;
	return (int)nsh_sys(SYS_chdir, (long)plan->attributes.cwd, 0, 0, 0, 0);
}

/* Fails if the parent died before its death signal was armed.
 * Limit: getppid(2) returns 0 if the parent is in another pid namespace; that
 * case cannot be checked. */
static int check_parent(const struct plan *plan)
{
	long parent = nsh_sys(SYS_getppid, 0, 0, 0, 0, 0);

	return parent == plan->parent_pid || parent == 0 ? 0 : -ESRCH;
}

/* True if a step may block on another process before the exec: open(2) of a FIFO,
 * or a hook.  With a handshake alone, the end of file on the sync socket already
 * shows that the parent has died. */
static bool may_wait(const struct plan *plan)
{
	return plan->sync_move >= 0 && !plan->attributes.daemonize && !plan->launcher
		&& (plan->opens_fifo || !plan->attributes.require_handshake);
}

/* Requests SIGKILL in case the parent dies before arm_parent_death_signal() runs.  If a
 * seccomp filter refuses the call, the start goes on without it. */
static int follow_parent(const struct plan *plan)
{
	if (!may_wait(plan))
		return 0;
	(void)nsh_sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return check_parent(plan);
}

/* Also clears the signal of follow_parent() if the command has none. */
static int arm_parent_death_signal(const struct plan *plan)
{
	int signal_number = plan->attributes.parent_death_signal;
	long ret;

	if (!signal_number && !may_wait(plan))
		return 0;
	ret = nsh_sys_prctl(PR_SET_PDEATHSIG, (unsigned long)signal_number, 0, 0, 0);
	if (!signal_number)
		return 0;
	return ret < 0 ? (int)ret : check_parent(plan);
}

static int set_no_new_privs(const struct plan *plan)
{
	if (!plan->attributes.no_new_privs && !plan->caps.no_new_privs)
		return 0;
	return (int)nsh_sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* ---- hook, handshake, exec --------------------------------------------- */

/* Descriptors that the hook has opened and not kept are closed again, so that
 * the program does not inherit them. */
static int run_hook(const struct plan *plan)
{
	if (!plan->attributes.hook)
		return 0;
	if (plan->call_hook(plan) != 0)
		return -ECANCELED;
	plan->record->message[0] = 0;
	nsh_close_others(plan);
	return 0;
}

/* An end of file means that the parent died or gave up; the program must not run
 * then. */
static int handshake(const struct plan *plan)
{
	char answer = 0;
	long ret;

	if (!plan->attributes.require_handshake)
		return 0;
	ret = nsh_sys_write(plan->staged[plan->sync_move], "1", 1);
	if (ret == 1)
		ret = nsh_sys_read(plan->staged[plan->sync_move], &answer, 1);
	if (ret < 0)
		return (int)ret;
	return ret == 1 && answer == '1' ? 0 : -ECANCELED;
}

/* Number of tries, 1 ms apart, if the program is open for writing (ETXTBSY).
 * While some thread forks, the copied table holds a writer's descriptor for a
 * moment after the writer has closed it.  close_range(2) does the same: the
 * kernel copies at least 64 descriptors before it cuts the table (dup_fd and
 * sane_fdtable_size in fs/file.c).  That was seen once in 50,000 launches on a
 * busy machine. */
enum { BUSY_TRIES = 50 };

static int execute_one(const struct plan *plan, const char *path)
{
	static const struct timespec pause = { 0, 1000000 };
	int ret = -ETXTBSY;

	for (int i = 0; ret == -ETXTBSY && i < BUSY_TRIES; i++) {
		if (i > 0)
			nsh_sys(SYS_nanosleep, (long)&pause, 0, 0, 0, 0);
		ret = (int)nsh_sys(SYS_execve, (long)path, (long)plan->argv,
				   (long)plan->envp, 0, 0);
	}
	return ret;
}

typedef int try_candidate(const struct plan *plan, const char *path);

/* Tries the next candidate if one is missing or not accessible to the target
 * user.  Returns ENOENT only if every candidate failed with it: EACCES is the more
 * helpful error. */
static int each_candidate(const struct plan *plan, try_candidate *try)
{
	int error = -ENOENT;

	for (size_t i = 0; plan->candidates[i]; i++) {
		int ret = try(plan, plan->candidates[i]);

		if (i == 0 || ret != -ENOENT) {
			error = ret;
			plan->record->index = (int)i;
		}
		if (ret != -ENOENT && ret != -ENOTDIR && ret != -EACCES)
			break;
	}
	return error;
}

static int execute(const struct plan *plan)
{
	return each_candidate(plan, execute_one);
}

/* An exec in place that fails returns to the caller.  A signal that is delivered when
 * nsh_step_reset_signals() opens the mask is lost then, so detect the failure before
 * that step as far as possible. */
static int check_program(const struct plan *plan)
{
	if (plan->table != TABLE_IN_PLACE)
		return 0;
	nsh_at(plan, NSH_STAGE_EXEC, 0);
	return each_candidate(plan, nsh_check_candidate);
}

/*
 * The steps between clone and exec, in execution order.  The reasons for the order:
 *
 * - The provisional parent-death signal precedes the first step that may block.
 * - The descriptor table becomes ours before any descriptor is touched: until
 *   then it may be the parent's.
 * - The session precedes the files that we open: /dev/tty is the terminal of the
 *   session.  A new terminal becomes its controlling terminal while the child has
 *   its descriptor: the launcher and the program do not get that number.
 * - Namespaces precede the program's process, because a process cannot move to a new pid
 *   namespace itself.  Mounts follow the hook and our opens, which use the caller's
 *   files, and precede the loss of the privilege.
 * - The group gets the terminal before the program could read from it.
 * - Daemon and session precede the pid file, which holds the final pid.
 * - A child that was not cloned into its cgroup joins it as soon as it has the
 *   descriptor, before foreign code (a hook) runs.
 * - Descriptors precede the umask: files created here obey the caller's umask.
 * - Scheduling is set while we may still raise priorities.
 * - Hook and labels run with the caller's identity.
 * - Limits follow the last file that we open, and precede the loss of the
 *   privilege to raise them.
 * - Bounding set, groups, gid, uid: each needs a privilege that a later one takes
 *   away.  The capability sets follow the uid, which changes them.
 * - The directory is entered as the target user.
 * - The parent-death signal follows the ids, whose change clears it (prctl(2)).
 * - no_new_privs restricts none of our steps, only the exec.
 * - Landlock follows the last file that we open, except the program, and needs
 *   no_new_privs.
 * - The handshake follows everything that can fail, except the exec; that is
 *   checked in advance if it happens in place.  The filter may deny its calls.
 * - Signals come next: the mask protects all steps from interruption.
 * - The seccomp filter comes last: it may deny any call but the exec.
 * - The launcher is executed after the steps that need the host's descriptors, the
 *   session, which precedes them, and set_oom_score_adj(), which a process that is not
 *   dumpable may not do.  It runs all other steps, also those that stand before it in
 *   the table (is_elsewhere).
 */
static const struct step {
	enum nsh_stage stage;
	nsh_step *run;
} steps[] = {
	{ NSH_STAGE_PARENT_DEATH_SIGNAL, follow_parent },
	{ NSH_STAGE_DESCRIPTORS, nsh_step_own_table },
	{ NSH_STAGE_SESSION, new_session },
	{ NSH_STAGE_SANDBOX_PRIVATE, nsh_step_enter_namespaces },
	{ NSH_STAGE_DAEMONIZE, daemonize },
	{ NSH_STAGE_PROCESS_GROUP, set_process_group },
	{ NSH_STAGE_FOREGROUND, take_foreground },
	{ NSH_STAGE_DESCRIPTORS, nsh_step_place_descriptors },
	{ NSH_STAGE_PTY, take_terminal },
	{ NSH_STAGE_SANDBOX_CGROUP, nsh_step_join_cgroup },
	{ NSH_STAGE_PID_FILE, lock_pid_file },
	{ NSH_STAGE_UMASK, set_umask },
	{ NSH_STAGE_NICE, set_nice },
	{ NSH_STAGE_OOM_SCORE_ADJ, set_oom_score_adj },
	{ NSH_STAGE_CLONE, nsh_step_enter_launcher },
	{ NSH_STAGE_CPU_AFFINITY, set_cpu_affinity },
	{ NSH_STAGE_CORE_SCHEDULING, set_core_scheduling },
	{ NSH_STAGE_PRE_EXEC_HOOK, run_hook },
	{ NSH_STAGE_SELINUX_LABEL, nsh_step_set_selinux_label },
	{ NSH_STAGE_APPARMOR_PROFILE, nsh_step_set_apparmor_profile },
	{ NSH_STAGE_SANDBOX_PRIVATE, nsh_step_isolate },
	{ NSH_STAGE_LIMIT, set_limits },
	{ NSH_STAGE_CAPS, nsh_step_drop_bounding_set },
	{ NSH_STAGE_GROUPS, nsh_step_set_groups },
	{ NSH_STAGE_GID, nsh_step_set_gid },
	{ NSH_STAGE_UID, nsh_step_set_uid },
	{ NSH_STAGE_CAPS, nsh_step_set_caps },
	{ NSH_STAGE_WORKING_DIRECTORY, change_directory },
	{ NSH_STAGE_PARENT_DEATH_SIGNAL, arm_parent_death_signal },
	{ NSH_STAGE_NO_NEW_PRIVS, set_no_new_privs },
	{ NSH_STAGE_SANDBOX_FILES, nsh_step_restrict },
	{ NSH_STAGE_HANDSHAKE, handshake },
	{ NSH_STAGE_SIGNALS, check_program },
	{ NSH_STAGE_SIGNALS, nsh_step_reset_signals },
	{ NSH_STAGE_SANDBOX_SYSCALLS, nsh_step_filter },
	{ NSH_STAGE_EXEC, execute },
};

/* True if the step runs on the other side of the launcher's exec than this code. */
static bool is_elsewhere(const struct plan *plan, nsh_step *step)
{
	bool is_before = step == follow_parent || step == nsh_step_own_table
		|| step == new_session || step == nsh_step_place_descriptors
		|| step == take_terminal || step == nsh_step_join_cgroup
		|| step == set_oom_score_adj
		|| step == nsh_step_enter_launcher;

	return plan->launcher && is_before != (plan->launcher == BEFORE_LAUNCHER);
}

int nsh_child_run(void *data)
{
	const struct plan *plan = data;

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		int ret;

		if (is_elsewhere(plan, steps[i].run))
			continue;
		nsh_at(plan, steps[i].stage, 0);
		ret = steps[i].run(plan);
		if (ret < 0) {
			plan->record->error = -ret;
			break;
		}
	}
	if (plan->table != TABLE_IN_PLACE)
		nsh_sys_exit(127);
	/* exit(2) ends this thread only; exit_group(2) would end the host. */
	for (;;)
		nsh_sys(SYS_exit, 0, 0, 0, 0, 0);
	return -1;
}
