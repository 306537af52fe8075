/* The handshake: the child waits before its exec until it is notified. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "process.h"

static int misuse(struct nsh_failure *failure, const char *reason)
{
	return nsh_fail_code(failure, NSH_INVALID, reason);
}

static const struct plan empty_plan = {
	NSH_NOTHING_PLANNED
};

int nsh_handshake_prepare(struct nsh_process *process, const struct plan *plan)
{
	if (!plan->attributes.require_handshake)
		return 0;
	process->handshake_plan = malloc(sizeof *plan);
	if (!process->handshake_plan)
		return -1;
	*process->handshake_plan = empty_plan;
	return 0;
}

void nsh_handshake_begin(struct nsh_process *process, struct plan *take_plan,
			 const struct launched *launched)
{
	*process->handshake_plan = *take_plan;
	*take_plan = empty_plan;
	process->handshake = *launched;
	process->handshake.pidfd = -1;
	process->handshake.supervisor = NULL;
}

static void end_handshake(struct nsh_process *process)
{
	nsh_plan_free(process->handshake_plan);
	free(process->handshake_plan);
	process->handshake_plan = NULL;
	nsh_launch_release(&process->handshake);
}

void nsh_handshake_drop(struct nsh_process *process)
{
	if (process->handshake_plan)
		end_handshake(process);
}

static int check_usable(const struct nsh_process *process,
			struct nsh_failure *failure)
{
	if (!nsh_process_is_ours(process))
		return nsh_process_fail_foreign(process, failure);
	if (!process->handshake_plan && !process->dry_handshake)
		return misuse(failure, process->handshake_ready
			      ? "the handshake is over already"
			      : "require_handshake was not called");
	return 0;
}

/* Ends the handshake after the child has closed the socket: it either executes its
 * program or has failed. */
static int settle(struct nsh_process *process, struct nsh_failure *failure)
{
	struct launched *launched = &process->handshake;
	int ret;

	launched->pidfd = process->pidfd;
	launched->supervisor = process->supervisor;
	ret = nsh_launch_check(process->handshake_plan, launched, failure);
	process->pidfd = launched->pidfd;
	process->supervisor = launched->supervisor;
	launched->supervisor = NULL;
	process->pid = launched->pid;
	process->result.pid = launched->pid;
	launched->pidfd = -1;
	process->handshake_ready = true;
	/* Until now the process was the daemon's parent, our child. */
	nsh_process_take_sandbox(process, process->handshake_plan);
	process->is_daemon = ret == 0 && process->handshake_plan->attributes.daemonize;
	end_handshake(process);
	if (ret < 0) {
		process->exited = true;
		process->finished = true;
		process->result.code = NSH_SPAWN;
	}
	return ret;
}

/* Reads a byte of the child.  Returns 1; 0 if the time is up; -1 at the end of
 * file. */
static int read_byte(int sync, double seconds)
{
	char byte;
	ssize_t size;

	if (nsh_poll(sync, POLLIN, seconds) == 0)
		return 0;
	do
		size = read(sync, &byte, 1);
	while (size < 0 && errno == EINTR);
	return size == 1 ? 1 : -1;
}

static int wait_held(struct nsh_process *process, double seconds,
		     struct nsh_failure *failure)
{
	int ret;

	if (check_usable(process, failure) < 0)
		return -1;
	/* The process's deadline has passed; waiting for its end reports that. */
	if (process->result.timed_out)
		return 0;
	process->handshake_ready |= process->dry_handshake;
	if (process->handshake_ready)
		return 1;
	ret = read_byte(process->handshake_plan->sync, seconds);
	if (ret >= 0) {
		process->handshake_ready = ret;
		return ret;
	}
	return settle(process, failure);
}

int nsh_process_handshake_wait(struct nsh_process *process, double seconds,
			       struct nsh_failure *failure)
{
	int ret;

	nsh_process_hold(process);
	ret = wait_held(process, seconds, failure);
	nsh_process_let_go(process);
	return ret;
}

static int notify_held(struct nsh_process *process, struct nsh_failure *failure)
{
	if (check_usable(process, failure) < 0)
		return -1;
	if (!process->handshake_ready)
		return misuse(failure, "call handshake_wait first");
	if (process->dry_handshake) {
		process->dry_handshake = false;
		return 0;
	}
	/* If the child has died, the read below reports it. */
	(void)send(process->handshake_plan->sync, "1", 1, MSG_NOSIGNAL);
	(void)read_byte(process->handshake_plan->sync, -1);
	return settle(process, failure);
}

int nsh_process_handshake_notify(struct nsh_process *process,
				 struct nsh_failure *failure)
{
	int ret;

	nsh_process_hold(process);
	ret = notify_held(process, failure);
	nsh_process_let_go(process);
	return ret;
}
