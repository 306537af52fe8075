#include "launch.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch_block.h"
#include "clock.h"
#include "fd.h"
#include "filter.h"
#include "fork_lock.h"
#include "kernel.h"
#include "launcher.h"
#include "signals.h"
#include "sys.h"
#include "thread.h"

static const char *const table_names[] = {
	[TABLE_FETCH] = "shared", [TABLE_PREFIX] = "prefix",
	[TABLE_COPIED] = "copied",
};

/* ---- choosing the path ------------------------------------------------- */

/* Reads NOSHELL_LAUNCH, which specs and hosts with an unusual kernel set. */
static const char *forced_path(void)
{
	const char *path = secure_getenv("NOSHELL_LAUNCH");

	return path ? path : "";
}

static enum table first_table(const struct plan *plan)
{
	const char *forced = forced_path();

	/* With a sync socket the parent runs beside the child, without VFORK,
	 * and may change a table that both share. */
	if (plan->sync >= 0 && !plan->launcher)
		return TABLE_COPIED;
	for (enum table table = TABLE_FETCH; table <= TABLE_COPIED; table++)
		if (strcmp(forced, table_names[table]) == 0)
			return table;
	return nsh_kernel_table();
}

static void choose_table(struct plan *plan)
{
	plan->table = first_table(plan);
	/* With a sync socket there is no second attempt (give_way), unless it is
	 * the launcher's, so ask in advance. */
	plan->no_close_range = plan->sync >= 0 && !plan->launcher
		? !nsh_kernel_permits(NSH_ASK_CLOSE_RANGE)
		: nsh_kernel_kills_close_range();
}

const char *nsh_launch_path(const struct plan *plan)
{
	if (plan->launcher)
		return "launcher";
	return plan->own_memory ? "own" : table_names[plan->table];
}

/* True if the cloned child makes the program's process, sends us its pidfd and ends. */
static bool hands_over(const struct plan *plan)
{
	return plan->attributes.daemonize || plan->sandbox.isolation.has_pids;
}

/* True if the handed-over program and process 1 of its namespace are our children. */
static bool has_children(const struct plan *plan)
{
	return plan->sandbox.isolation.has_pids && !plan->attributes.daemonize;
}

/* ---- one attempt ------------------------------------------------------- */

static unsigned own_memory_flags(const struct plan *plan)
{
	return plan->sync >= 0 ? 0 : CLONE_VFORK;
}

static uint64_t clone_flags(const struct plan *plan)
{
	uint64_t flags = NSH_CLONE_PIDFD | SIGCHLD;

	flags |= plan->own_memory && !plan->launcher ? own_memory_flags(plan)
		: CLONE_VM | CLONE_VFORK;
	if (plan->table != TABLE_COPIED)
		flags |= CLONE_FILES;
	if (plan->clears_handlers)
		flags |= NSH_CLONE_CLEAR_SIGHAND;
	if (plan->sandbox.into_cgroup >= 0)
		flags |= NSH_CLONE_INTO_CGROUP;
	return flags;
}

/* Used for hooks, which may be any code: only fork(3) leaves libc usable in the
 * child of a threaded process.  fork(3) returns no pidfd, so the child waits
 * until we have opened one.  Otherwise it could be reaped, and its number reused,
 * before that. */
static int fork_child(struct plan *plan, int *ret_pidfd)
{
	int child_end = plan->moves[plan->sync_move].source;
	pid_t pid = nsh_fd_fork();
	char go = 0;

	if (pid == 0) {
		nsh_close(&plan->sync);
		while (read(child_end, &go, 1) < 0 && errno == EINTR)
			;
		if (go)
			(void)nsh_child_run(plan);
		nsh_sys_exit(127);
	}
	if (pid < 0)
		return -errno;
	*ret_pidfd = nsh_kernel_pidfd_open(pid);
	if (*ret_pidfd < 0) {
		/* The child exits at the end of file. */
		nsh_close(&plan->sync);
		nsh_plan_close_child_ends(plan);
		(void)waitpid(pid, NULL, 0);
		return *ret_pidfd;
	}
	(void)send(plan->sync, "g", 1, MSG_NOSIGNAL);
	return pid;
}

/* Moves the pidfd out of the range of the standard streams.  If the descriptor
 * table is full it keeps its number: a running child must not be lost. */
static void raise_pidfd(int *pidfd)
{
	int raised = *pidfd > 2 ? -1 : fcntl(*pidfd, F_DUPFD_CLOEXEC, 3);

	if (raised >= 0) {
		nsh_close(pidfd);
		*pidfd = raised;
	}
	(void)nsh_fd_own(*pidfd);
}

/* Creates the child, with all signals blocked.  Returns its pid, or minus an
 * errno. */
static int create(struct plan *plan, struct launched *launched)
{
	int *ret_pidfd = &launched->pidfd;
	void *stack = nsh_launch_block_stack(plan->record);
	int pid;

	if (plan->after_fork)
		pid = fork_child(plan, ret_pidfd);
	else if (plan->supervised)
		pid = nsh_supervise_start(plan, clone_flags(plan), stack,
					  &launched->supervisor, ret_pidfd);
	else
		pid = (int)nsh_sys_clone_into(plan->sandbox.into_cgroup, clone_flags(plan),
					      stack, ret_pidfd, nsh_child_run, plan);
	if (pid >= 0)
		raise_pidfd(ret_pidfd);
	return pid;
}

/* Returns the signal that killed a process that other code has reaped, or 0. */
static int signal_kept(int pidfd)
{
	int status;

	if (nsh_kernel_kept_status(pidfd, &status) != 1 || !WIFSIGNALED(status))
		return 0;
	return WTERMSIG(status);
}

/* Reaps the process, which ends soon.  Returns the signal that killed it, or 0. */
static int reap_one(int *pidfd)
{
	siginfo_t info = { .si_pid = 0, .si_code = CLD_EXITED };
	int ret, signal = 0;

	do
		ret = nsh_sys_waitid(NSH_P_PIDFD, *pidfd, &info, WEXITED | __WALL, NULL);
	while (ret == -EINTR);
	if (ret < 0)
		signal = signal_kept(*pidfd);
	nsh_close(pidfd);
	return ret == 0 && info.si_code != CLD_EXITED ? info.si_status : signal;
}

/* Reaps a child that failed before its exec.  Returns the signal that killed it,
 * or 0. */
static int reap(struct launched *launched)
{
	siginfo_t info;
	int ret;

	if (!launched->supervisor)
		return reap_one(&launched->pidfd);
	ret = nsh_supervise_wait(launched->supervisor);
	info = launched->supervisor->status;
	nsh_supervise_free(&launched->supervisor);
	nsh_close(&launched->pidfd);
	return ret == 1 && info.si_code != CLD_EXITED ? info.si_status : 0;
}

/* Reaps all children of the attempt. */
static int reap_all(const struct plan *plan, struct launched *launched)
{
	int signal = reap(launched), other = 0;

	if (!has_children(plan))
		return signal;
	if (launched->daemon_pidfd >= 0)
		other = reap_one(&launched->daemon_pidfd);
	if (launched->init_pidfd >= 0)
		(void)reap_one(&launched->init_pidfd);
	return other ? other : signal;
}

/* Waits until the child has closed its end of the sync socket, or has ended: a process
 * that the host has forked meanwhile may hold that end open.  Returns 0, ETIMEDOUT, or
 * ECANCELED if the start was abandoned. */
static int await_child(const struct plan *plan, int pidfd, int cancel, double patience)
{
	struct pollfd ends[3] = {
		{ .fd = plan->sync, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = cancel, .events = POLLIN },
	};
	double until = nsh_now() + patience, left = patience;
	int ready;

	do {
		struct timespec time = nsh_timespec(left);

		ready = ppoll(ends, 3, patience < 0 ? NULL : &time, NULL);
		left = until - nsh_now();
	} while ((ready < 0 && errno == EINTR)
		 || (ready == 0 && (patience < 0 || left > 0)));
	if (ready < 0 || ends[0].revents || ends[1].revents)
		return 0;
	return ready == 0 ? ETIMEDOUT : ECANCELED;
}

/* Waits until the child has executed its program, is in its handshake, or has
 * ended.  With VFORK, clone(2) has waited already.  A child that takes too long
 * or was abandoned is killed; of a daemon the cloned child has ended already.  No
 * step of a launcher blocks, so its start has no time limit, like one that clone(2)
 * itself waits for. */
static void follow(struct plan *plan, const struct launched *launched)
{
	bool is_daemon = plan->attributes.daemonize;
	int pidfd = hands_over(plan) ? launched->daemon_pidfd : launched->pidfd;
	int child = pidfd >= 0 ? pidfd : launched->pidfd;
	int error;

	if (plan->sync < 0 || plan->attributes.require_handshake)
		return;
	error = await_child(plan, pidfd, plan->cancel,
			    plan->launcher && !is_daemon ? -1 : plan->patience);
	if (error) {
		(void)nsh_kernel_pidfd_send_signal(child, SIGKILL, 0);
		(void)await_child(plan, pidfd, -1, -1);
	}
	if (plan->launcher && !nsh_launcher_collect(plan))
		(void)nsh_kernel_pidfd_send_signal(child, SIGKILL, 0);
	if (error)
		plan->record->error = error;
}

static bool reached_exec(const struct failure_record *record)
{
	return record->stage == NSH_STAGE_EXEC && !record->error;
}

/* True if the child failed because this path is not available: the kernel is too
 * old, or a sandbox refuses a call or kills its caller. */
static bool is_refusal(const struct plan *plan, int signal)
{
	if (plan->record->probing == PROBING_NOTHING)
		return false;
	if (plan->record->probing == PROBING_LAUNCHER)
		return signal != SIGKILL;
	return signal == SIGSYS || (plan->record->error
				    && plan->record->error != ENOMEM);
}

static void remember_refusal(const struct plan *plan)
{
	/* ESRCH: the caller is not the main thread, or is in another pid
	 * namespace.  The next launch may be different. */
	if (plan->record && plan->record->error == ESRCH)
		return;
	nsh_kernel_refuse_table(plan->table);
}

/* Notes the errno for which there is no launcher: a pid namespace needs one. */
static void note_launcher(struct plan *plan, int error)
{
	struct isolation *isolation = &plan->sandbox.isolation;
	bool is_full = error == EMFILE || error == ENFILE || error == ENOMEM;

	if (isolation->has_pids)
		isolation->no_launcher = is_full ? error : ENOSYS;
}

/* Prepares a fork in place of the launcher. */
static bool leave_launcher(struct plan *plan, int signal)
{
	nsh_launcher_note_refusal(signal ? ENOSYS : plan->record->error);
	note_launcher(plan, plan->record->error);
	if (nsh_launcher_drop(plan) < 0)
		return false;
	choose_table(plan);
	return true;
}

/* Prepares the next lesser path after a refusal.  False if there is none. */
static bool give_way(struct plan *plan, int signal)
{
	if (!is_refusal(plan, signal))
		return false;
	if (plan->record->probing == PROBING_LAUNCHER)
		return leave_launcher(plan, signal);
	if (plan->record->probing == PROBING_RANGE) {
		nsh_kernel_note_close_range_kills();
		/* With a sync socket, this process has closed the child's ends
		 * by now, unless the child failed to execute the launcher. */
		if (plan->no_close_range || (plan->sync >= 0 && !plan->launcher))
			return false;
		plan->no_close_range = true;
		return true;
	}
	if (plan->table >= TABLE_COPIED)
		return false;
	remember_refusal(plan);
	plan->table = plan->record->probing == PROBING_UNSHARE ? TABLE_COPIED
		: plan->table + 1;
	return true;
}

/* ---- the whole launch -------------------------------------------------- */

/* Receives the program's pidfd from the cloned child, which then exits.  Opening it by
 * number could name another process: init may have reaped a daemon already. */
static void receive_program(struct plan *plan, struct launched *launched)
{
	nsh_close(&launched->daemon_pidfd);
	nsh_close(&launched->init_pidfd);
	(void)nsh_poll(launched->pidfd, NSH_READABLE, -1);
	if (has_children(plan))
		launched->init_pidfd = nsh_fd_receive(plan->sync);
	launched->daemon_pidfd = nsh_fd_receive(plan->sync);
}

enum outcome { STARTED, FAILED, REFUSED };

/* Handles a failure to clone into the cgroup: continues without it, or fails. */
static enum outcome leave_cgroup(struct plan *plan, int error, struct nsh_failure *failure)
{
	enum nsh_stage stage = plan->sandbox.cgroup_stage;

	if (stage == NSH_STAGE_NONE) {
		plan->sandbox.into_cgroup = -1;
		plan->sandbox.cgroup_error = error;
		return REFUSED;
	}
	nsh_fail(failure, stage, error, NULL);
	nsh_fail_reason(failure, "no process can be started in %s%s", plan->sandbox.cgroup->path,
			error == EACCES ? ": no delegated cgroup contains both it and "
			"this process" : "");
	return FAILED;
}

/* Handles a failure of clone(2) itself. */
static enum outcome clone_failed(struct plan *plan, int error,
				 struct nsh_failure *failure)
{
	/* The launcher's descriptors have left no room for the pidfd. */
	if ((error == EMFILE || error == ENFILE) && plan->launcher
	    && leave_launcher(plan, 0)) {
		note_launcher(plan, error);
		return REFUSED;
	}
	if (error == EINVAL || error == ENOSYS || error == EPERM) {
		if (plan->clears_handlers) {
			nsh_kernel_refuse_clearing();
			plan->clears_handlers = false;
			return REFUSED;
		}
		if (plan->table != TABLE_COPIED) {
			remember_refusal(plan);
			plan->table = TABLE_COPIED;
			return REFUSED;
		}
		if (plan->launcher && leave_launcher(plan, 0))
			return REFUSED;
		/* valgrind does not support VFORK without VM, so use a sync
		 * socket instead.  The plan has room for it. */
		if (plan->own_memory && plan->sync_move < 0
		    && nsh_plan_add_sync(plan) == 0)
			return REFUSED;
	}
	if (plan->sandbox.into_cgroup >= 0 && error != EAGAIN && error != ENOMEM)
		return leave_cgroup(plan, error, failure);
	nsh_fail(failure, NSH_STAGE_CLONE, error, NULL);
	if (error == EAGAIN)
		nsh_fail_reason(failure, "too many processes: RLIMIT_NPROC, a cgroup's "
				"pids.max or kernel.pid_max");
	return FAILED;
}

/* After the launcher's exec: closes our copies of its ends of the sync socket and of the
 * image, so that there is room for pidfds. */
static void close_launched(struct plan *plan)
{
	nsh_close(&plan->child_ends[plan->sync_end]);
	nsh_close(&plan->child_ends[plan->child_end_count - 1]);
}

/* Waits until the child executes its program, waits in its handshake, or is gone.
 * A child that could not execute the launcher has ended already, and the next attempt
 * needs the child's ends. */
static void await(struct plan *plan, struct launched *launched)
{
	if (plan->launcher && !plan->record->entered)
		return;
	if (plan->launcher)
		close_launched(plan);
	else if (plan->sync >= 0)
		nsh_plan_close_child_ends(plan);
	if (hands_over(plan))
		receive_program(plan, launched);
	follow(plan, launched);
}

/* Prepares a start without the private parts of the sandbox, if they are optional. */
static bool leave_private(struct plan *plan, int signal)
{
	struct isolation *isolation = &plan->sandbox.isolation;
	struct nsh_failure failure;

	if (plan->record->stage != NSH_STAGE_SANDBOX_PRIVATE || !isolation->spaces
	    || isolation->stage != NSH_STAGE_NONE)
		return false;
	(void)nsh_launch_fail(plan, plan->record, signal, &failure);
	plan->sandbox.report->parts[NSH_PART_PRIVATE].means[0] = 0;
	(void)snprintf(plan->sandbox.report->parts[NSH_PART_PRIVATE].reason, NSH_LACK, "%.*s",
		       NSH_LACK - 1, failure.reason[0] ? failure.reason
		       : nsh_errno_name(failure.errnum));
	*isolation = (struct isolation){ .spaces = 0 };
	if (plan->launcher && nsh_launcher_drop(plan) < 0)
		return false;
	choose_table(plan);
	return true;
}

/* The program runs, but there was no descriptor left for its pidfd. */
static enum outcome lose_program(struct plan *plan, struct launched *launched,
				 struct nsh_failure *failure)
{
	int pid = plan->record->pid;

	if (pid > 0 && kill(pid, SIGKILL) == 0)
		(void)waitpid(pid, NULL, 0);
	else
		(void)nsh_kernel_pidfd_send_signal(launched->init_pidfd, SIGKILL, 0);
	/* Process 1 does not end before the program is reaped. */
	if (pid <= 0)
		nsh_close(&launched->init_pidfd);
	(void)reap_all(plan, launched);
	nsh_fail(failure, NSH_STAGE_CLONE, EMFILE, NULL);
	return FAILED;
}

static enum outcome attempt(struct plan *plan, struct launched *launched,
			    struct nsh_failure *failure)
{
	uint64_t mask;
	int signal;

	memset(plan->record, 0, sizeof *plan->record);
	if (nsh_signals_block(&mask) < 0) {
		nsh_fail(failure, NSH_STAGE_SIGNALS, errno, NULL);
		return FAILED;
	}
	launched->pid = create(plan, launched);
	nsh_signals_restore(mask);
	if (launched->pid < 0)
		return clone_failed(plan, -launched->pid, failure);
	launched->path = nsh_launch_path(plan);
	await(plan, launched);
	if (has_children(plan) && launched->daemon_pidfd < 0 && reached_exec(plan->record))
		return lose_program(plan, launched, failure);
	if (plan->attributes.require_handshake || reached_exec(plan->record))
		return STARTED;
	signal = reap_all(plan, launched);
	if (give_way(plan, signal) || leave_private(plan, signal))
		return REFUSED;
	nsh_launch_fail(plan, plan->record, signal, failure);
	return FAILED;
}

/* Reaps the cloned child, and makes *launched describe the program. */
static void adopt_program(const struct failure_record *record, struct launched *launched)
{
	(void)reap(launched);
	launched->pid = record->pid;
	launched->pidfd = launched->daemon_pidfd;
	launched->daemon_pidfd = -1;
}

/* NOSHELL_LAUNCH=copied is assumed to mean valgrind, which supports no shared table. */
static bool may_use_launcher(const struct plan *plan)
{
	const char *forced = forced_path();

	/* Limit: the launcher knows its parent's pid from the plan, and a
	 * supervisor has another. */
	if (plan->supervised && plan->attributes.parent_death_signal)
		return false;
	if (plan->sandbox.isolation.has_pids)
		return true;
	return plan->own_memory && strcmp(forced, "own") != 0
		&& strcmp(forced, "copied") != 0;
}

/* Before Linux 5.16 a core dump of a child that shares memory ends the host as
 * well (kernel.h). */
static void keep_apart(struct plan *plan)
{
	bool is_forbidden = nsh_kernel_forbids_sharing();

	if (strcmp(forced_path(), "own") == 0
	    || strcmp(forced_path(), "launcher") == 0 || is_forbidden)
		plan->own_memory = true;
	if (plan->sandbox.isolation.has_pids)
		plan->sandbox.isolation.looks = !nsh_kernel_permits(NSH_ASK_PIDFD_OPEN);
	errno = 0;
	if (!is_forbidden && may_use_launcher(plan))
		(void)nsh_launcher_prepare(plan);
	note_launcher(plan, errno);
	plan->spreads_core_dumps = !plan->own_memory
		&& nsh_spreads_core_dumps();
}

static void note_lack(struct sandbox_report *report, unsigned parts, const char *call,
		      int error)
{
	for (int part = 0; error && part < NSH_PARTS; part++)
		if (parts >> part & 1) {
			report->parts[part].means[0] = 0;
			(void)snprintf(report->parts[part].reason,
				       sizeof report->parts[part].reason,
				       "%s failed: %s", call, nsh_errno_name(error));
		}
}

/* Completes the report of a sandbox: the child may have gone on without its ruleset or
 * filter. */
static void complete_report(const struct plan *plan, const struct failure_record *record)
{
	const struct confinement *sandbox = &plan->sandbox;

	if (!sandbox->report)
		return;
	note_lack(sandbox->report, sandbox->ruleset_parts, "landlock_restrict_self",
		  record->no_ruleset);
	note_lack(sandbox->report, sandbox->filter_parts, "seccomp", record->no_filter);
	note_lack(sandbox->report, sandbox->cgroup_parts, "joining the cgroup",
		  sandbox->cgroup_error ? sandbox->cgroup_error : record->no_cgroup);
}

/* Prepares nsh_step_reset_signals, which otherwise resets every signal.
 * Limit: a signal that another thread of the host makes ignored between here and
 * clone(2) stays ignored in the program. */
static void look_at_signals(struct plan *plan)
{
	struct nsh_thread_status status;

	/* fork(3), which a hook needs, does not reset handlers. */
	if (plan->after_fork || !nsh_kernel_reads_ignored() || nsh_thread_look(&status) < 0)
		return;
	plan->ignored = status.ignored;
	plan->knows_ignored = true;
	plan->clears_handlers = nsh_kernel_clears_handlers(status.filters);
}

int nsh_launch_here(struct plan *plan, struct launched *ret_launched,
		    struct nsh_failure *failure)
{
	struct launched launched = {
		.pid = -1, .pidfd = -1, .daemon_pidfd = -1, .init_pidfd = -1,
	};
	enum outcome outcome;

	plan->record = nsh_launch_block_take();
	if (!plan->record)
		return nsh_fail(failure, NSH_STAGE_CLONE, errno, "mmap");
	/* Limit: a supervisor cannot fork(3) for a hook, and is not the parent of a program
	 * in a new pid namespace. */
	plan->supervised = !plan->attributes.hook && !hands_over(plan)
		&& nsh_supervise_is_needed();
	look_at_signals(plan);
	keep_apart(plan);
	choose_table(plan);
	plan->daemon_stack = nsh_launch_block_second_stack(plan->record);
	do
		outcome = attempt(plan, &launched, failure);
	while (outcome == REFUSED);
	if (outcome == STARTED && hands_over(plan)
	    && !plan->attributes.require_handshake)
		adopt_program(plan->record, &launched);
	if (outcome == STARTED && plan->attributes.require_handshake) {
		launched.record = plan->record;
	} else {
		complete_report(plan, plan->record);
		nsh_launch_block_give(plan->record);
	}
	plan->record = NULL;
	if (outcome == FAILED) {
		nsh_close(&launched.daemon_pidfd);
		nsh_close(&launched.init_pidfd);
		return -1;
	}
	*ret_launched = launched;
	return 0;
}

int nsh_launch_check(const struct plan *plan, struct launched *launched,
		       struct nsh_failure *failure)
{
	if (reached_exec(launched->record)) {
		complete_report(plan, launched->record);
		if (plan->attributes.daemonize)
			adopt_program(launched->record, launched);
		return 0;
	}
	return nsh_launch_fail(plan, launched->record, reap(launched), failure);
}

void nsh_launch_release(struct launched *launched)
{
	nsh_close(&launched->pidfd);
	nsh_close(&launched->daemon_pidfd);
	nsh_close(&launched->init_pidfd);
	/* A child in its handshake still uses the block's stack, so the block
	 * cannot be given to the next launch. */
	nsh_launch_block_drop(launched->record);
	launched->record = NULL;
	nsh_supervise_free(&launched->supervisor);
}
