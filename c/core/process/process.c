#include "process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "fd.h"
#include "foreground.h"
#include "fork_lock.h"
#include "kernel.h"
#include "keeper.h"
#include "pollset.h"
#include "sys.h"

/* ---- starting ---------------------------------------------------------- */

void nsh_process_take_rules(struct nsh_process *process,
			    const struct nsh_command *cmd)
{
	const struct attributes *asked = &cmd->attributes;

	process->grace = cmd->grace;
	process->max_output = cmd->max_output;
	process->started = nsh_now();
	process->deadline = cmd->timeout < 0 ? -1 : process->started + cmd->timeout;
	process->allowed_exit = asked->allowed_exit;
	process->allow_any_exit = asked->allow_any_exit;
	process->raw_status = asked->raw_status;
	process->stop_signal = cmd->pty.is_set ? SIGHUP : SIGTERM;
	if (asked->stop_signal)
		process->stop_signal = asked->stop_signal;
	process->is_daemon = asked->daemonize && !asked->require_handshake;
	process->joined_group = asked->process_group;
	process->memory = cmd->sandbox ? cmd->sandbox->memory : 0;
	process->own_group = asked->new_process_group || asked->new_session
		|| asked->daemonize || asked->foreground || cmd->pty.is_set;
}

struct nsh_process *nsh_process_new(const struct nsh_command *cmd)
{
	struct nsh_process *process = calloc(1, sizeof *process);

	if (!process)
		return NULL;
	process->owner = nsh_self();
	process->owner_fork_id = nsh_fork_id();
	process->limit = -1;
	process->pid = -1;
	process->pidfd = -1;
	process->pty_slave = -1;
	process->init_pidfd = -1;
	process->begun = nsh_now();
	process->handshake.pidfd = -1;
	process->handshake.daemon_pidfd = process->handshake.init_pidfd = -1;
	process->result = (struct nsh_result){
		.exit_code = -1, .raw_status = -1, .user_time = -1,
		.system_time = -1, .max_rss = -1, .memory_peak = -1,
	};
	for (int i = 0; i < 3; i++)
		process->output_pipe[i] = -1;
	nsh_io_init(&process->io);
	process->command = nsh_command_to_string(cmd, 0);
	if (process->command)
		return process;
	nsh_process_release(process);
	return NULL;
}

static int take_writer(struct nsh_process *process, int *take_fd,
		       const struct buffer *data)
{
	struct io_pipe *pipe;
	int fd = *take_fd;

	*take_fd = -1;
	pipe = nsh_io_add(&process->io, fd, true);
	return pipe ? nsh_buffer_append(&pipe->data, data->data, data->size) : -1;
}

int nsh_process_add_reader(struct nsh_process *process, int which, int take_fd,
			   size_t cap)
{
	struct io_pipe *pipe = nsh_io_add(&process->io, take_fd, false);

	if (!pipe)
		return -1;
	pipe->cap = cap;
	process->output_pipe[which] = (int)process->io.count - 1;
	return 0;
}

static int take_reader(struct nsh_process *process, int which, int *take_fd,
		       size_t cap)
{
	int fd = *take_fd;

	*take_fd = -1;
	return nsh_process_add_reader(process, which, fd, cap);
}

void nsh_process_take_list(struct nsh_process *process, int which,
			   const struct stdio *stream)
{
	struct io_pipe *pipe = &process->io.pipes[process->output_pipe[which]];

	pipe->passes = stream->kind == NSH_STDIO_LIST && !stream->captures;
	pipe->discards = pipe->passes && !stream->listens;
	/* No cap: the buffer never holds more than one pump reads. */
	if (pipe->passes)
		pipe->cap = SIZE_MAX;
}

/* Adds the targets of a list as sinks of the stream's pipe. */
static int take_sinks(struct nsh_process *process, int which, struct plan *plan,
		      const struct stdio *stream)
{
	int index = process->output_pipe[which];

	nsh_process_take_list(process, which, stream);
	for (size_t i = 0; i < plan->sink_count; i++)
		if (plan->sinks[i].which == which
		    && nsh_io_add_sink(&process->io, (size_t)index, &plan->sinks[i]) < 0)
			return -1;
	return 0;
}

static int take_stream(struct nsh_process *process, int which, int *take_fd)
{
	int fd = *take_fd;

	*take_fd = -1;
	process->streams[which] = nsh_stream_new(process, which, fd);
	return process->streams[which] ? 0 : -1;
}

int nsh_process_add_pipe(struct nsh_process *process, size_t index, int take_fd,
			 const struct nsh_command *cmd)
{
	int which = NSH_PIPES + (int)index;
	struct nsh_stream *stream = nsh_stream_new(process, which, take_fd);

	process->streams[which] = stream;
	if (!stream)
		return -1;
	stream->target = cmd->pipes[index].target;
	stream->writes = !cmd->pipes[index].reads;
	return 0;
}

static int take_pipes(struct nsh_process *process, struct plan *plan,
		      const struct nsh_command *cmd)
{
	for (size_t i = 0; i < plan->pipe_count; i++) {
		int fd = plan->pipe_ends[i];

		plan->pipe_ends[i] = -1;
		if (nsh_process_add_pipe(process, i, fd, cmd) < 0)
			return -1;
	}
	return 0;
}

/* Turns the parent's ends of the plan's pipes into pipes and streams.  This happens
 * before the launch, because it may fail. */
static int take_ends(struct nsh_process *process, struct plan *plan,
		     const struct nsh_command *cmd)
{
	for (int which = 0; which < 3; which++) {
		int *end = &plan->parent_ends[which];
		int ret = 0;

		if (*end < 0)
			continue;
		if (cmd->stdio[which].kind == NSH_STDIO_PIPE)
			ret = take_stream(process, which, end);
		else if (which == 0)
			ret = take_writer(process, end, &cmd->input);
		else
			ret = take_reader(process, which, end, cmd->max_output);
		if (ret == 0 && process->output_pipe[which] >= 0)
			ret = take_sinks(process, which, plan, &cmd->stdio[which]);
		if (ret < 0)
			return -1;
	}
	for (size_t i = 0; i < plan->send_count; i++)
		if (plan->send_ends[i] >= 0
		    && take_writer(process, &plan->send_ends[i],
				   &cmd->sends[i].data) < 0)
			return -1;
	if (take_pipes(process, plan, cmd) < 0)
		return -1;
	return nsh_process_take_pty(process, plan, cmd);
}

static void take_launched(struct nsh_process *process,
			  const struct launched *launched)
{
	process->pid = launched->pid;
	process->result.pid = launched->pid;
	process->pidfd = launched->pidfd;
	process->init_pidfd = launched->init_pidfd;
	process->supervisor = launched->supervisor;
	process->launch = launched->path;
}

static int init_plan(struct plan *plan, const struct nsh_command *cmd, bool in_place,
		     struct nsh_failure *failure)
{
	return nsh_plan_init(plan, cmd, in_place,
			     cmd->sandbox ? nsh_kernel_means() : NULL, failure);
}

void nsh_process_take_cgroup(struct nsh_process *process, struct plan *plan)
{
	process->cgroup = plan->sandbox.cgroup;
	plan->sandbox.cgroup = NULL;
}

void nsh_process_take_sandbox(struct nsh_process *process, struct plan *plan)
{
	process->sandbox = plan->sandbox.report;
	plan->sandbox.report = NULL;
}

static int start(struct nsh_command *cmd, int cancel, struct plan *plan,
		 struct nsh_process *process, struct nsh_failure *failure)
{
	struct launched launched;

	if (init_plan(plan, cmd, false, failure) < 0)
		return -1;
	plan->cancel = cancel;
	if (take_ends(process, plan, cmd) < 0
	    || nsh_handshake_prepare(process, plan) < 0)
		return nsh_fail(failure, NSH_STAGE_PLAN, ENOMEM, NULL);
	if (nsh_foreground_prepare(process, plan, failure) < 0) {
		nsh_handshake_drop(process);
		return -1;
	}
	nsh_foreground_begin(process);
	if (nsh_launch(plan, &launched, failure) < 0) {
		nsh_foreground_end(process);
		nsh_handshake_drop(process);
		return -1;
	}
	take_launched(process, &launched);
	nsh_process_take_cgroup(process, plan);
	nsh_process_take_rules(process, cmd);
	nsh_command_close_passed(cmd);
	if (launched.record)
		nsh_handshake_begin(process, plan, &launched);
	else
		nsh_process_take_sandbox(process, plan);
	nsh_plan_close_child_ends(plan);
	if (nsh_io_is_open(&process->io, true))
		(void)nsh_io_pump(&process->io);
	return 0;
}

static int begin(struct nsh_command *cmd, int cancel,
		 struct nsh_process **ret_process, struct nsh_failure *failure)
{
	struct nsh_process *process;
	struct plan plan;
	int ret;

	(void)nsh_reap();
	if (nsh_command_fail(cmd, failure) < 0)
		return -1;
	process = nsh_process_new(cmd);
	if (!process)
		return nsh_fail(failure, NSH_STAGE_PLAN, ENOMEM, NULL);
	ret = start(cmd, cancel, &plan, process, failure);
	nsh_plan_free(&plan);
	if (ret < 0)
		nsh_process_release(process);
	else
		*ret_process = process;
	return ret;
}

int nsh_command_start_attended(struct nsh_command *cmd,
			       struct nsh_process **ret_process,
			       struct nsh_failure *failure)
{
	return begin(cmd, -1, ret_process, failure);
}

int nsh_command_start_until(struct nsh_command *cmd, int cancel,
			    struct nsh_process **ret_process,
			    struct nsh_failure *failure)
{
	if (begin(cmd, cancel, ret_process, failure) < 0)
		return -1;
	nsh_process_leave(*ret_process, -1, 0);
	return 0;
}

int nsh_command_start(struct nsh_command *cmd, struct nsh_process **ret_process,
		      struct nsh_failure *failure)
{
	return nsh_command_start_until(cmd, -1, ret_process, failure);
}

int nsh_command_exec(struct nsh_command *cmd, struct nsh_failure *failure)
{
	struct plan plan;
	int ret;

	if (nsh_command_fail(cmd, failure) < 0)
		return -1;
	ret = init_plan(&plan, cmd, true, failure);
	if (ret == 0)
		ret = nsh_launch_in_place(&plan, failure);
	nsh_plan_free(&plan);
	return ret;
}

/* ---- properties --------------------------------------------------------- */

bool nsh_process_is_ours(const struct nsh_process *process)
{
	return process && nsh_is_fork_id(process->owner_fork_id);
}

int nsh_process_fail_foreign(const struct nsh_process *process,
			     struct nsh_failure *failure)
{
	nsh_fail_code(failure, NSH_CLOSED, NULL);
	nsh_fail_reason(failure, "it belongs to process %d, which forked",
			process ? (int)process->owner : -1);
	return -1;
}

int nsh_process_exit_fd(const struct nsh_process *process)
{
	return process->supervisor && process->supervisor->pidfd >= 0
		? process->supervisor->pidfd : process->pidfd;
}

pid_t nsh_process_pid(const struct nsh_process *process)
{
	return process->pid;
}

int nsh_process_pidfd(const struct nsh_process *process)
{
	return nsh_process_is_ours(process) ? process->pidfd : -1;
}

const char *nsh_process_launch(const struct nsh_process *process)
{
	return process->launch;
}

const char *nsh_process_command(const struct nsh_process *process)
{
	return process->command;
}

bool nsh_process_sandbox(const struct nsh_process *process, enum nsh_sandbox_part part,
			 struct nsh_part_state *ret_state)
{
	const struct sandbox_report *report = process->sandbox;
	bool is_enforced;

	if (!report || (unsigned)part >= NSH_PARTS || !(report->asked >> part & 1))
		return false;
	is_enforced = report->parts[part].means[0];
	*ret_state = (struct nsh_part_state){
		.means = is_enforced ? report->parts[part].means : NULL,
		.reason = is_enforced ? NULL : report->parts[part].reason,
	};
	return true;
}

struct nsh_stream *nsh_process_stream(struct nsh_process *process, int which)
{
	return which >= 0 && which < STREAMS ? process->streams[which] : NULL;
}

/* ---- pumping ----------------------------------------------------------- */

/* Reads the counters of the cgroup, and removes it. */
static void end_cgroup(struct nsh_process *process)
{
	struct nsh_result *result = &process->result;

	if (!process->cgroup)
		return;
	if (process->is_daemon) {
		nsh_cgroup_leave(&process->cgroup);
		return;
	}
	result->memory_peak = nsh_cgroup_peak(process->cgroup);
	result->out_of_memory = nsh_cgroup_events(process->cgroup, "oom_kill") > 0;
	/* Not our limit, but that of an enclosing cgroup, or the machine's memory. */
	if (result->out_of_memory && nsh_cgroup_events(process->cgroup, "oom") == 0)
		process->memory = 0;
	nsh_cgroup_drop(&process->cgroup);
}

static void finish(struct nsh_process *process)
{
	process->finished = true;
	process->result.unwritten = nsh_io_pending(&process->io);
	process->result.output_incomplete |= process->result.unwritten != NULL;
	nsh_io_close(&process->io);
	nsh_close(&process->pty_slave);
	nsh_escalation_report(process);
	nsh_tree_free(&process->tree);
	end_cgroup(process);
	if (process->result.duration <= 0)
		process->result.duration = nsh_now() - process->begun;
	nsh_process_conclude(process);
	nsh_close(&process->io.epoll);
	if (process->exited && !process->is_daemon)
		nsh_close(&process->pidfd);
}

/* Begins the escalation, which searches the tree, before it closes the pipe: closing
 * it may kill a process by SIGPIPE, and the children of a dead process are no longer
 * descendants and cannot be found. */
static void end_limited(struct nsh_process *process)
{
	if (!nsh_io_is_limited(&process->io))
		return;
	if (process->escalation == ESCALATION_NONE)
		nsh_held_terminate(process, NSH_ABORT_GRACE);
	nsh_io_close_limited(&process->io);
}

static void run_timers(struct nsh_process *process)
{
	double now = nsh_now();

	if (process->deadline >= 0 && now >= process->deadline && !process->finished) {
		process->result.timed_out = true;
		process->result.stopped_by = nsh_status_stopped(process);
		process->result.timed_out_after = process->deadline - process->started;
		process->deadline = -1;
		nsh_held_terminate(process, process->grace);
	}
	end_limited(process);
	nsh_escalation_pump(process, now);
}

/* True if it has exited and its output is at its end, or if the escalation is over,
 * even if another process still holds its pipes. */
static bool is_done(const struct nsh_process *process)
{
	if (process->escalation == ESCALATION_OVER)
		return true;
	return process->exited && process->escalation == ESCALATION_NONE
		&& !nsh_io_is_open(&process->io, false)
		&& !nsh_io_pending(&process->io);
}

/* True if waiting would never end, because only the caller can let the child
 * continue.  A child whose deadline has passed is ended, so its wait does end. */
static bool waits_for_handshake(const struct nsh_process *process)
{
	return (process->handshake_plan || process->dry_handshake)
		&& process->escalation == ESCALATION_NONE
		&& (process->deadline < 0 || nsh_now() < process->deadline);
}

/* True if the keeper ends it during its handshake.  The keeper does not drop the
 * handshake, because the owner may be waiting for its socket. */
static bool is_ending_unseen(const struct nsh_process *process)
{
	return process->handshake_plan && process->result.timed_out;
}

bool nsh_process_announces(const struct nsh_process *process)
{
	/* The start may have read more output than is allowed. */
	return !process->finished && !process->is_dry && !process->is_daemon
		&& !process->handshake_plan && !nsh_io_is_limited(&process->io)
		&& nsh_process_is_ours(process);
}

/* Pumps that move data and ask for no status, in a row. */
enum { UNASKED = 16 };

/* True if the status may be asked for later: the process cannot be done, because bytes
 * have come and its output is open.  Not at the deadline, which has not passed for a
 * program that ended in time, and whose terminal is open. */
static bool can_defer(struct nsh_process *process, int moved)
{
	return moved && nsh_io_is_open(&process->io, false)
		&& ++process->unasked < UNASKED
		&& (process->deadline < 0 || nsh_now() < process->deadline);
}

/* Moves data, and collects the status unless that can be deferred.  Once the status is
 * known, all output has been written, so it is then read to its end. */
static int move(struct nsh_process *process)
{
	int moved = nsh_io_pump(&process->io);

	if (moved < 0 || process->exited)
		return moved;
	if (can_defer(process, moved))
		return 0;
	process->unasked = 0;
	nsh_status_collect(process);
	return process->exited ? nsh_io_pump(&process->io) : 0;
}

int nsh_held_pump(struct nsh_process *process, struct nsh_failure *failure)
{
	if (process->finished)
		return 1;
	if (!nsh_process_is_ours(process))
		return nsh_process_fail_foreign(process, failure);
	if (waits_for_handshake(process))
		return nsh_fail_code(failure, NSH_INVALID,
				     "handshake_notify was not called: the child waits for it");
	if (process->is_dry)
		return 0;
	if (is_ending_unseen(process))
		nsh_handshake_drop(process);
	/* While we end the program, a target that fails is no error. */
	while (move(process) < 0)
		if (process->escalation == ESCALATION_NONE || !nsh_io_close_failed(&process->io))
			return nsh_fail(failure, NSH_STAGE_EXCHANGE, errno,
					process->io.failed ? process->io.failed->name : NULL);
	if (process->exited)
		nsh_io_end_terminal(&process->io);
	nsh_foreground_look(process);
	/* A program that ended in time has not timed out, even if this call is late. */
	if (!is_done(process))
		run_timers(process);
	if (is_done(process) && nsh_escalation_clear(process))
		finish(process);
	return process->finished;
}

/* Returns descriptor `i` of those that the process waits for: its pipes, its exit and
 * the members of its tree; -1 in place of a closed one. */
static struct nsh_watch watch_at(const struct nsh_process *process, size_t i)
{
	const struct io *io = &process->io;

	if (i < io->count) {
		short wanted = nsh_io_events(&io->pipes[i]);

		return (struct nsh_watch){ wanted ? io->pipes[i].fd : -1, wanted };
	}
	i -= io->count;
	if (i == 0)
		return (struct nsh_watch){
			process->exited ? process->init_pidfd
			: nsh_process_exit_fd(process), NSH_READABLE };
	return (struct nsh_watch){ process->tree.members[i - 1].pidfd, NSH_READABLE };
}

static size_t watch_count(const struct nsh_process *process)
{
	return process->io.count + 1 + process->tree.held;
}

size_t nsh_held_watches(struct nsh_process *process, struct nsh_watch *ret_watches,
			size_t room)
{
	size_t count = watch_count(process);

	if (count > room || process->io.epoll >= 0 || process->finished
	    || process->handshake_plan || !nsh_process_is_ours(process)) {
		*ret_watches = (struct nsh_watch){ nsh_held_pollfd(process), NSH_READABLE };
		return 1;
	}
	process->is_blind = true;
	for (size_t i = 0; i < count; i++) {
		ret_watches[i] = watch_at(process, i);
		process->is_blind &= ret_watches[i].fd < 0;
	}
	return count;
}

/* Watches every descriptor, or fails: a wait that misses one of them might not end. */
static int watch_all(struct nsh_process *process, int epoll)
{
	for (size_t i = 0; i < watch_count(process); i++) {
		struct nsh_watch it = watch_at(process, i);

		if (it.fd >= 0
		    && nsh_epoll_watch(epoll, it.fd, (uint32_t)it.events, 0) < 0)
			return -1;
		if (i < process->io.count)
			process->io.pipes[i].is_watched = it.fd >= 0;
	}
	process->io.epoll = epoll;
	process->io.generation++;
	return 0;
}

void nsh_process_watch(struct nsh_process *process, int fd)
{
	if (process->io.epoll >= 0 && fd >= 0
	    && nsh_epoll_watch(process->io.epoll, fd, EPOLLIN, 0) < 0)
		nsh_close(&process->io.epoll);
}

static int make_epoll(struct nsh_process *process)
{
	int epoll = nsh_epoll_new();

	if (epoll >= 0 && watch_all(process, epoll) < 0)
		nsh_close(&epoll);
	return epoll;
}

int nsh_process_use_epoll(struct nsh_process *process, int epoll)
{
	if (process->finished || process->exited || process->handshake_plan
	    || process->escalation != ESCALATION_NONE || process->io.epoll >= 0
	    || !nsh_io_is_open(&process->io, false))
		return -1;
	return watch_all(process, epoll);
}

int nsh_process_pump(struct nsh_process *process, struct nsh_failure *failure)
{
	int ret;

	nsh_process_hold(process);
	ret = nsh_held_pump(process, failure);
	nsh_process_let_go(process);
	return ret;
}

/* Returns the descriptor to wait for.  If only the exit is left, that needs no epoll
 * set. */
static int find_pollfd(struct nsh_process *process)
{
	const struct io *io = &process->io;

	if (!nsh_process_is_ours(process))
		return -1;
	if (process->handshake_plan)
		return process->handshake_plan->sync;
	if (io->epoll >= 0)
		return io->epoll;
	if (process->escalation == ESCALATION_NONE && !nsh_io_is_open(io, true)
	    && !nsh_io_is_open(io, false))
		return process->exited ? process->init_pidfd : nsh_process_exit_fd(process);
	return make_epoll(process);
}

int nsh_held_pollfd(struct nsh_process *process)
{
	int fd = process->finished ? -1 : find_pollfd(process);

	process->is_blind = fd < 0 && !process->finished;
	return fd;
}

/* True if some event has no descriptor, so that it must be checked for at intervals;
 * also true if no member of the tree has a pidfd. */
static bool is_blind(const struct nsh_process *process)
{
	for (int i = 0; i < STREAMS; i++)
		if (process->streams[i] && process->streams[i]->is_blind)
			return true;
	return process->is_blind || (process->tree.count > 0 && process->tree.held == 0)
		|| nsh_escalation_looks(process);
}

double nsh_process_deadline(const struct nsh_process *process, double *ret_seconds)
{
	*ret_seconds = process->deadline - process->started;
	return process->deadline;
}

size_t nsh_process_max_output(const struct nsh_process *process)
{
	return process->max_output;
}

int nsh_process_pollfd(struct nsh_process *process)
{
	int fd;

	nsh_process_hold(process);
	fd = nsh_held_pollfd(process);
	nsh_process_let_go(process);
	return fd;
}

double nsh_held_timeout(const struct nsh_process *process)
{
	double next, now;

	if (process->finished)
		return -1;
	/* Pump at once, too, if the keeper ends the child during its handshake. */
	if (process->is_dry || is_ending_unseen(process))
		return 0;
	next = process->deadline;
	if (process->escalation != ESCALATION_NONE)
		next = nsh_sooner(next, process->next_signal);
	next = nsh_sooner(next, nsh_foreground_due(process));
	now = nsh_now();
	if (is_blind(process))
		next = nsh_sooner(next, now + NSH_BLIND_INTERVAL);
	if (next < 0)
		return -1;
	return next > now ? next - now : 0;
}

double nsh_process_timeout(struct nsh_process *process)
{
	double seconds;

	nsh_process_hold(process);
	seconds = nsh_held_timeout(process);
	nsh_process_let_go(process);
	return seconds;
}

/* ---- the keeper's part ------------------------------------------------- */

void nsh_process_hold(struct nsh_process *process)
{
	if (process && process->is_lent && nsh_process_is_ours(process))
		nsh_keeper_take_back(process);
}

void nsh_process_let_go(struct nsh_process *process)
{
	if (process && process->is_left && !process->finished
	    && nsh_process_is_ours(process))
		nsh_keeper_lend(process);
}

void nsh_process_leave(struct nsh_process *process, double seconds, double grace)
{
	if (!nsh_process_is_ours(process) || process->is_dry)
		return;
	nsh_process_hold(process);
	if (seconds >= 0) {
		process->limit = nsh_now() + seconds;
		process->limit_grace = grace;
	}
	process->is_left = true;
	nsh_process_let_go(process);
}

/* True if no process holds the other end, even if data are left: poll(2) then
 * reports POLLHUP. */
static bool is_at_end(const struct io_pipe *pipe)
{
	if (pipe->source >= 0)
		return !nsh_io_events(pipe);
	return pipe->writes || pipe->fd < 0 || nsh_poll(pipe->fd, 0, 0) == 1;
}

/* True if the owner would find the process finished by pumping it now. */
static bool has_ended(const struct nsh_process *process)
{
	if (nsh_poll(nsh_process_exit_fd(process), NSH_READABLE, 0) != 1)
		return false;
	for (size_t i = 0; i < process->io.count; i++)
		if (!is_at_end(&process->io.pipes[i]))
			return false;
	return true;
}

static void enforce_deadline(struct nsh_process *process, double now)
{
	bool is_limit = process->deadline < 0 || now < process->deadline;

	process->result.timed_out_after = (is_limit ? process->limit : process->deadline)
		- process->started;
	process->deadline = process->limit = -1;
	process->result.timed_out = true;
	process->result.stopped_by = nsh_status_stopped(process);
	nsh_escalation_begin(process, is_limit ? process->limit_grace : process->grace);
}

int nsh_process_enforce(struct nsh_process *process)
{
	double now = nsh_now();

	if ((process->deadline >= 0 && now >= process->deadline)
	    || (process->limit >= 0 && now >= process->limit)) {
		if (has_ended(process))
			return 1;
		enforce_deadline(process, now);
	} else {
		nsh_escalation_pump(process, now);
	}
	return 0;
}
