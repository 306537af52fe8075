/* Ending a process and its tree: TERM, grace, KILL. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "fd.h"
#include "kernel.h"
#include "pollset.h"
#include "process.h"
#include "sys.h"

/* Seconds to wait after KILL.  A process in an uninterruptible sleep may still not have
 * ended by then; it is reported as not reached. */
static const double last_while = 1.0;

/* SIGCONT may always be sent within the session, so its success does not show
 * permission. */
static void signal_root(struct nsh_process *process, int signal)
{
	int ret = nsh_kernel_signal(process->pidfd, process->pid, signal);

	if (signal != SIGCONT)
		process->is_denied = ret == -EPERM;
}

/* Signals also its group at once if the kernel can (Linux 6.9): a kill of a group also
 * reaches a member that is just being forked. */
static void signal_root_and_group(struct nsh_process *process, int signal)
{
	if (process->own_group)
		(void)nsh_kernel_signal(process->pidfd, -process->pid, signal);
	signal_root(process, signal);
}

/* True if the root is reaped, so its number may name another process.  The host,
 * the kernel or its supervisor may have reaped it before we collect its status. */
static bool is_reaped(const struct nsh_process *process)
{
	return process->exited
		|| nsh_kernel_pidfd_send_signal(process->pidfd, 0, 0) == -ESRCH;
}

/* Returns the number of the process group that the command made; 0 if it made none, or
 * if the group has no member.  The number stays valid while the group has one.
 * Limit: before Linux 6.9 it is unknown whether the group has a member after the root
 * is reaped. */
static pid_t group_of(const struct nsh_process *process, bool lives)
{
	if (!process->own_group)
		return 0;
	if (!lives
	    && nsh_kernel_pidfd_send_signal(process->pidfd, 0,
					    NSH_PIDFD_PROCESS_GROUP) == -ESRCH)
		return 0;
	return process->pid;
}

/* Drops members that have ended, whose pidfds would keep the epoll descriptor
 * readable, and watches others in their place. */
static void drop_dead(struct nsh_process *process)
{
	struct tree *tree = &process->tree;
	size_t held;

	for (size_t i = tree->held; i-- > 0;) {
		if (nsh_tree_is_alive(tree, i))
			continue;
		nsh_epoll_unwatch(process->io.epoll, tree->members[i].pidfd);
		nsh_tree_drop(tree, i);
	}
	held = tree->held;
	nsh_tree_hold(tree);
	for (size_t i = held; i < tree->held; i++)
		nsh_process_watch(process, tree->members[i].pidfd);
	nsh_tree_drop_gone(tree);
}

/* Asks the kernel's permission once for all members, of which there may be
 * thousands. */
static void signal_descendants(struct nsh_process *process, int signal)
{
	bool lives;

	if (!nsh_kernel_permits(NSH_ASK_PIDFD_OPEN)
	    || !nsh_kernel_permits(NSH_ASK_PIDFD_SIGNAL)) {
		process->tree.lack = TREE_LACKS_CALLS;
		process->tree.lack_errnum = EPERM;
		return;
	}
	lives = !is_reaped(process);
	process->tree.tables = nsh_kernel_permits(NSH_ASK_CUT);
	nsh_tree_signal(&process->tree, lives ? process->pid : 0,
			lives ? process->pidfd : -1, group_of(process, lives), signal);
}

/* Signals all processes of the cgroup but the root.  Returns false if the caller must
 * search for descendants instead.  *ret_denied: one that we may not signal, or 0. */
static bool signal_cgroup(struct nsh_process *process, int signal, pid_t *ret_denied)
{
	*ret_denied = 0;
	if (!process->cgroup)
		return false;
	if (signal == SIGKILL) {
		nsh_cgroup_kill(process->cgroup);
		return true;
	}
	return nsh_cgroup_signal(process->cgroup, process->exited ? 0 : process->pid, signal,
				 ret_denied);
}

static void signal_all(struct nsh_process *process, int signal)
{
	pid_t denied;

	if (signal_cgroup(process, signal, &denied)) {
		signal_root(process, signal);
		signal_root(process, SIGCONT);
		return;
	}
	signal_descendants(process, signal);
	/* The root last: it may react to the end of its descendants. */
	signal_root_and_group(process, signal);
	signal_root_and_group(process, SIGCONT);
	drop_dead(process);
}

/* True if the root has exited, whether or not its status is collected. */
static bool has_exited(const struct nsh_process *process)
{
	return process->exited || process->is_daemon
		|| nsh_poll(nsh_process_exit_fd(process), NSH_READABLE, 0) == 1;
}

/* Notes the captured streams that descendants hold although the root has exited.  A pipe
 * that waits for a target is not read, so it may be at its end: the error names the
 * target instead. */
static void note_held(struct nsh_process *process)
{
	if (!has_exited(process))
		return;
	for (int which = 1; which <= 2; which++) {
		int pipe = process->output_pipe[which];

		process->result.held[which] = pipe >= 0
			&& process->io.pipes[pipe].fd >= 0
			&& !process->io.pipes[pipe].is_held;
	}
}

void nsh_escalation_begin(struct nsh_process *process, double grace)
{
	if (process->escalation == ESCALATION_NONE) {
		note_held(process);
		signal_all(process, process->stop_signal);
	} else if (process->escalation != ESCALATION_TERM
		   || process->next_signal <= nsh_now() + grace) {
		return;
	}
	process->escalation = ESCALATION_TERM;
	process->next_signal = nsh_now() + grace;
}

void nsh_held_terminate(struct nsh_process *process, double grace)
{
	if (!process || !nsh_process_is_ours(process) || process->finished)
		return;
	if (process->is_dry) {
		nsh_process_terminate_dry(process);
		return;
	}
	/* Waiting for a daemon ends when it has started. */
	if (process->is_daemon)
		return;
	nsh_handshake_drop(process);
	nsh_escalation_begin(process, grace);
}

void nsh_process_terminate(struct nsh_process *process, double grace)
{
	nsh_process_hold(process);
	nsh_held_terminate(process, grace);
	nsh_process_let_go(process);
}

void nsh_escalation_pump(struct nsh_process *process, double now)
{
	if (process->escalation == ESCALATION_NONE || process->escalation == ESCALATION_OVER)
		return;
	drop_dead(process);
	if (process->exited && process->tree.count == 0
	    && (!process->cgroup || nsh_cgroup_is_empty(process->cgroup))) {
		process->escalation = ESCALATION_OVER;
	} else if (now < process->next_signal) {
		return;
	} else if (process->escalation == ESCALATION_TERM) {
		signal_all(process, SIGKILL);
		process->escalation = ESCALATION_KILL;
		process->next_signal = now + last_while;
	} else {
		process->escalation = ESCALATION_OVER;
	}
}

/* ---- the cgroup ----------------------------------------------------------- */

/* Reaps process 1 of the pid namespace.  It exits after the program; the kernel then
 * kills the rest, and reports the exit of process 1 when all have ended. */
static bool has_space_ended(struct nsh_process *process)
{
	siginfo_t info = { .si_pid = 0 };
	int ret;

	if (process->init_pidfd < 0)
		return true;
	ret = nsh_sys_waitid(NSH_P_PIDFD, process->init_pidfd, &info,
			     WEXITED | WNOHANG | __WALL, NULL);
	if (ret == -EINTR || (ret == 0 && info.si_pid == 0))
		return false;
	nsh_epoll_unwatch(process->io.epoll, process->init_pidfd);
	nsh_close(&process->init_pidfd);
	return true;
}

static bool has_cgroup_ended(const struct nsh_process *process)
{
	return !process->cgroup || process->is_daemon || nsh_cgroup_is_empty(process->cgroup);
}

bool nsh_escalation_clear(struct nsh_process *process)
{
	bool has_ended = has_cgroup_ended(process);
	double now;

	if (has_space_ended(process) && has_ended)
		return true;
	now = nsh_now();
	if (process->clear_until <= 0) {
		if (process->cgroup)
			nsh_cgroup_kill(process->cgroup);
		process->clear_until = now + last_while;
	}
	return now >= process->clear_until;
}

bool nsh_escalation_looks(const struct nsh_process *process)
{
	bool is_ending = process->escalation == ESCALATION_TERM
		|| process->escalation == ESCALATION_KILL || process->clear_until > 0;

	return process->cgroup && process->exited && is_ending && !process->is_daemon;
}

/* ---- processes that were not reached -------------------------------------- */

static const char *describe_lack(enum tree_lack lack)
{
	switch (lack) {
	case TREE_LACKS_PROC:
		return "its descendants were not signalled: /proc cannot be read";
	case TREE_LACKS_OWN_PROC:
		return "its descendants were not signalled: /proc belongs to another "
			"pid namespace";
	case TREE_LACKS_CALLS:
		return "its descendants were not signalled: a seccomp filter kills "
			"the caller of pidfd_open or pidfd_send_signal";
	case TREE_LACKS_MEMORY:
		return "not all of its descendants were signalled: out of memory";
	case TREE_LACKS_DESCRIPTORS:
		return "not all of its descendants were signalled: out of descriptors";
	case TREE_LACKS_SIGHT:
		return "/proc hides some of its descendants";
	case TREE_LACKS_TIME:
		return "some of its descendants could not be stopped in time";
	default:
		return "";
	}
}

/* Describes a process of the cgroup that did not end after KILL. */
static void describe_left(struct nsh_process *process)
{
	(void)snprintf(process->unreached, sizeof process->unreached,
		       "process %d did not end after SIGKILL",
		       (int)nsh_cgroup_member(process->cgroup));
}

/* Describes the processes that did not end: the first pid, and the number of
 * others. */
static void describe_rest(struct nsh_process *process)
{
	const struct tree *tree = &process->tree;
	size_t count = tree->count + !process->exited;
	pid_t first = !process->exited ? process->pid : tree->members[0].pid;
	bool is_denied = !process->exited ? process->is_denied
		: tree->members[0].is_denied;
	char others[32] = "";

	if (count > 1)
		(void)snprintf(others, sizeof others, " and %zu more", count - 1);
	(void)snprintf(process->unreached, sizeof process->unreached,
		       is_denied ? "process %d%s may not be signalled"
		       : "process %d%s did not end after SIGKILL", (int)first, others);
	process->unreached_errnum = is_denied ? EPERM : 0;
}

/* Returns 0, or -1 with the reason why not all members of the tree got the signal. */
static int check_reached(const struct nsh_process *process, const struct tree *tree,
			 pid_t denied, struct nsh_failure *failure)
{
	if (process->is_denied)
		denied = process->pid;

	for (size_t i = 0; i < tree->count && !denied; i++)
		if (tree->members[i].is_denied)
			denied = tree->members[i].pid;
	if (!denied && !tree->lack)
		return 0;
	nsh_fail_code(failure, NSH_IO, NULL);
	if (failure) {
		failure->stage = NSH_STAGE_ABORT;
		failure->errnum = denied ? EPERM : tree->lack_errnum;
	}
	if (denied)
		nsh_fail_reason(failure, "process %d may not be signalled", (int)denied);
	else
		nsh_fail_reason(failure, "%s", describe_lack(tree->lack));
	return -1;
}

/* Members of the group have got the signal already, unless not all were found: a second
 * one could do more than the first, as INT does for many programs. */
static void kill_root(struct nsh_process *process, int signal)
{
	void (*send)(struct nsh_process *, int) = process->tree.lack
		? signal_root_and_group : signal_root;

	if (nsh_signal_stops(signal))
		send(process, SIGCONT);
	send(process, signal);
	if (!nsh_signal_stops(signal) && signal != SIGSTOP)
		send(process, SIGCONT);
}

/* The tree of a kill is not that of an escalation, which waits until all have ended. */
static int kill_tree(struct nsh_process *process, int signal, struct nsh_failure *failure)
{
	struct tree tree = process->tree;
	pid_t denied;
	int ret;

	process->tree = (struct tree){ .members = NULL };
	if (!signal_cgroup(process, signal, &denied))
		signal_descendants(process, signal);
	kill_root(process, signal);
	ret = check_reached(process, &process->tree, denied, failure);
	nsh_tree_free(&process->tree);
	process->tree = tree;
	return ret;
}

int nsh_process_kill_tree(struct nsh_process *process, int signal,
			  struct nsh_failure *failure)
{
	int ret = 0;

	if (!nsh_process_is_ours(process))
		return nsh_process_fail_foreign(process, failure);
	nsh_process_hold(process);
	if (process->finished
	    || (process->exited && !process->own_group && !process->cgroup)) {
		nsh_fail(failure, NSH_STAGE_ABORT, ESRCH, NULL);
		ret = -1;
	} else if (!process->is_dry) {
		ret = kill_tree(process, signal, failure);
	}
	nsh_process_let_go(process);
	return ret;
}

void nsh_escalation_report(struct nsh_process *process)
{
	const struct tree *tree = &process->tree;
	bool is_left = process->cgroup && !process->is_daemon
		&& !nsh_cgroup_is_empty(process->cgroup);

	if (process->escalation != ESCALATION_OVER && !is_left)
		return;
	if (is_left && process->exited) {
		describe_left(process);
	} else if (tree->count > 0 || !process->exited) {
		describe_rest(process);
	} else if (tree->lack) {
		(void)snprintf(process->unreached, sizeof process->unreached, "%s",
			       describe_lack(tree->lack));
		process->unreached_errnum = tree->lack_errnum;
	}
	if (process->unreached[0])
		process->result.unreached = process->unreached;
}
