/* Ending a process and its tree: TERM, grace, KILL. */
#include <errno.h>
#include <signal.h>

#include "process.h"
#include "sys.h"

/* How long we wait for processes that got KILL and do not go, as one in an
 * uninterruptible sleep; then we stop waiting. */
static const double last_while = 1.0;

/* To the group in one piece where the kernel can, Linux 6.9: a member that is
 * just being forked is met too. */
static void signal_root(const struct nsh_process *process, int signal)
{
	if (process->own_group)
		(void)nsh_sys_pidfd_send_signal(process->pidfd, signal,
						NSH_PIDFD_PROCESS_GROUP);
	(void)nsh_sys_pidfd_send_signal(process->pidfd, signal, 0);
}

/* Once the root is reaped its number may mean another process; its group's
 * stays as long as the group has a member.
 * Limit: before Linux 6.9 that is not known. */
static pid_t group_of(const struct nsh_process *process)
{
	if (!process->own_group)
		return 0;
	if (process->exited
	    && nsh_sys_pidfd_send_signal(process->pidfd, 0,
					 NSH_PIDFD_PROCESS_GROUP) == -ESRCH)
		return 0;
	return process->pid;
}

static void signal_all(struct nsh_process *process, int signal)
{
	size_t known = process->tree.count;
	bool lives = !process->exited;

	nsh_tree_collect(&process->tree, lives ? process->pid : 0,
			 lives ? process->pidfd : -1, group_of(process));
	for (size_t i = known; i < process->tree.count; i++)
		nsh_exchange_watch(&process->exchange,
				   process->tree.members[i].pidfd);
	/* The others first: what they do when they go, the root may see. */
	nsh_tree_signal(&process->tree, signal);
	signal_root(process, signal);
	signal_root(process, SIGCONT);
}

void nsh_process_terminate(struct nsh_process *process, double grace)
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
	if (process->ladder == LADDER_NONE)
		signal_all(process, SIGTERM);
	else if (process->ladder != LADDER_TERM || process->next_rung <= nsh_now() + grace)
		return;
	process->ladder = LADDER_TERM;
	process->next_rung = nsh_now() + grace;
}

/* A member that has gone would keep the epoll descriptor readable. */
static void drop_dead(struct nsh_process *process)
{
	for (size_t i = process->tree.count; i-- > 0;) {
		if (nsh_tree_is_alive(&process->tree, i))
			continue;
		nsh_exchange_unwatch(&process->exchange,
				     process->tree.members[i].pidfd);
		nsh_tree_drop(&process->tree, i);
	}
}

void nsh_ladder_pump(struct nsh_process *process, double now)
{
	if (process->ladder == LADDER_NONE || process->ladder == LADDER_OVER)
		return;
	drop_dead(process);
	if (process->exited && process->tree.count == 0) {
		process->ladder = LADDER_OVER;
	} else if (now < process->next_rung) {
		return;
	} else if (process->ladder == LADDER_TERM) {
		signal_all(process, SIGKILL);
		process->ladder = LADDER_KILL;
		process->next_rung = now + last_while;
	} else {
		process->ladder = LADDER_OVER;
	}
}
