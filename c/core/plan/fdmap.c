/* The descriptors of a command's child, as moves of the plan; creates the pipes and
 * memory files (memfd_create(2)) that they come from. */
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command.h"
#include "fd.h"
#include "path.h"

static const enum nsh_stage stages[3] = {
	NSH_STAGE_STDIN, NSH_STAGE_STDOUT, NSH_STAGE_STDERR,
};

enum nsh_stage nsh_stdio_stage(int which)
{
	return stages[which];
}

static struct move *add_move(struct plan *plan, int target, enum nsh_stage stage)
{
	struct move *move = &plan->moves[plan->move_count++];

	*move = (struct move){
		.source = -1, .target = target, .same_as = -1, .stage = stage,
	};
	return move;
}

/* Adds a descriptor that only the child uses; the parent closes it after the
 * launch, so that the other end sees the end of file. */
static void add_child_end(struct plan *plan, int fd, int target,
			  enum nsh_stage stage)
{
	struct move *move = add_move(plan, target, stage);

	move->source = fd;
	move->is_ours = true;
	plan->child_ends[plan->child_end_count++] = fd;
}

static struct move *add_path(struct plan *plan, int which, const char *path, int flags)
{
	struct move *move = add_move(plan, which, stages[which]);

	move->path = path;
	move->flags = flags;
	return move;
}

static int add_source(struct plan *plan, int fd, int target,
		      enum nsh_stage stage, struct nsh_failure *failure)
{
	char subject[32];

	if (nsh_fd_check(fd) == 0) {
		add_move(plan, target, stage)->source = fd;
		return 0;
	}
	(void)snprintf(subject, sizeof subject, "descriptor %d", fd);
	return nsh_fail(failure, stage, EBADF, subject);
}

static const char null_path[] = "/dev/null";

/* Adds /dev/null, which is opened once for all streams that use it. */
static void add_null(struct plan *plan, int which)
{
	for (size_t i = 0; i < plan->move_count; i++)
		if (plan->moves[i].path == null_path) {
			add_move(plan, which, stages[which])->same_as = (int)i;
			return;
		}
	add_path(plan, which, null_path, O_RDWR);
}

/* Adds the caller's stream, or /dev/null if the stream is closed: otherwise the first
 * file that the program opens would become its standard stream, and receive its
 * output. */
static int add_inherited(struct plan *plan, int which, struct nsh_failure *failure)
{
	if (nsh_fd_check(which) < 0) {
		add_null(plan, which);
		return 0;
	}
	return add_source(plan, which, which, stages[which], failure);
}

/* Adds the terminal under a number of its own, so that the child has it even if no
 * standard stream is on it, and copies of it as the streams. */
static int add_pty(struct plan *plan, const struct nsh_command *cmd,
		   struct nsh_failure *failure)
{
	int fd;

	if (nsh_pty_plan(plan, cmd, &fd, failure) < 0)
		return -1;
	if (fd < 0)
		return 0;
	plan->pty_move = (int)plan->move_count;
	add_child_end(plan, fd, -1, NSH_STAGE_PTY);
	return 0;
}

/* Opens the targets of a list first: if that fails, nothing is started. */
static int add_pipe(struct plan *plan, const struct stdio *stream, int which,
		    struct nsh_failure *failure)
{
	int child = which == 0 ? 0 : 1;
	int ends[2];

	if (nsh_sinks_plan(plan, stream, which, failure) < 0)
		return -1;
	if (nsh_fd_pipe_for(ends, 1 - child) < 0)
		return nsh_fail(failure, stages[which], errno, "pipe");
	plan->parent_ends[which] = ends[1 - child];
	add_child_end(plan, ends[child], which, stages[which]);
	return 0;
}

/* Returns a memory file with `data`, for a child whose parent does not stay to
 * write to a pipe.  It is sealed: the program and its descendants share it. */
static int memory_file(const struct buffer *data)
{
	int fd = nsh_fd_raise(memfd_create("noshell", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	size_t done = 0;

	while (fd >= 0 && done < data->size) {
		ssize_t count = write(fd, data->data + done, data->size - done);

		if (count < 0 && errno != EINTR)
			nsh_close(&fd);
		else if (count > 0)
			done += (size_t)count;
	}
	if (fd >= 0 && (lseek(fd, 0, SEEK_SET) < 0
			|| fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW
				 | F_SEAL_SHRINK | F_SEAL_SEAL) < 0))
		nsh_close(&fd);
	return fd;
}

static int add_memory(struct plan *plan, const struct buffer *data, int target,
		      enum nsh_stage stage, struct nsh_failure *failure)
{
	int fd = memory_file(data);

	if (fd < 0)
		return nsh_fail(failure, stage, errno, "memfd_create");
	add_child_end(plan, fd, target, stage);
	return 0;
}

static int fail_pipe(int which, const char *what, bool in_place,
		     struct nsh_failure *failure)
{
	nsh_fail(failure, stages[which], EINVAL, NULL);
	if (failure)
		failure->code = NSH_INVALID;
	nsh_fail_reason(failure, in_place
			? "%s: a %s cannot be used with exec: no parent remains at its other end"
			: "%s: a %s cannot be used with daemonize: the daemon has no parent at its other end",
			nsh_stage_name(stages[which]), what);
	return -1;
}

/* Resolves the default: exec behaves like execve(2), a daemon has no terminal,
 * and otherwise stdin is empty, so that a program never reads the host's
 * input. */
static enum nsh_stdio kind_of(const struct nsh_command *cmd, int which,
			      bool in_place)
{
	enum nsh_stdio kind = cmd->stdio[which].kind;

	if (kind != NSH_STDIO_DEFAULT)
		return kind;
	if (in_place)
		return NSH_STDIO_INHERIT;
	if (cmd->pty.is_set)
		return NSH_STDIO_PTY;
	return which == 0 || cmd->attributes.daemonize ? NSH_STDIO_NULL
		: NSH_STDIO_CAPTURE;
}

static int output_flags(unsigned how)
{
	return O_CREAT | (how & NSH_FILE_READ ? O_RDWR : O_WRONLY)
		| (how & NSH_FILE_APPEND ? O_APPEND : O_TRUNC)
		| (how & NSH_FILE_EXCLUSIVE ? O_EXCL : 0);
}

int nsh_open_output(const struct stdio *file, int flags)
{
	flags |= output_flags(file->how) | O_NOCTTY | O_CLOEXEC;
	return nsh_fd_raise(open(file->path, flags, file->mode));
}

/* The child opens files, because open(2) may block.  With NSH_FILE_EXCLUSIVE, this
 * process creates the file: if the kernel refuses a launch path, a second child would
 * find the file of the first. */
static int add_file(struct plan *plan, int which, const struct stdio *stream,
		    struct nsh_failure *failure)
{
	int fd;

	if (which == 0) {
		add_path(plan, which, stream->path, O_RDONLY);
		return 0;
	}
	if (!(stream->how & NSH_FILE_EXCLUSIVE)) {
		add_path(plan, which, stream->path, output_flags(stream->how))->mode = stream->mode;
		return 0;
	}
	fd = nsh_open_output(stream, 0);
	if (fd < 0)
		return nsh_fail(failure, stages[which], errno, stream->path);
	add_child_end(plan, fd, which, stages[which]);
	return 0;
}

static int add_stream(struct plan *plan, const struct nsh_command *cmd,
		      int which, bool in_place, struct nsh_failure *failure)
{
	const struct stdio *stream = &cmd->stdio[which];
	bool alone = in_place || cmd->attributes.daemonize;
	const char *what;
	int last;

	switch (kind_of(cmd, which, in_place)) {
	case NSH_STDIO_INHERIT:
		return add_inherited(plan, which, failure);
	case NSH_STDIO_FD:
		return add_source(plan, stream->fd, which, stages[which], failure);
	case NSH_STDIO_PATH:
		plan->opens_fifo |= nsh_path_is_fifo(stream->path);
		return add_file(plan, which, stream, failure);
	case NSH_STDIO_BUFFER:
		return alone
			? add_memory(plan, &cmd->input, 0, NSH_STAGE_STDIN, failure)
			: add_pipe(plan, stream, 0, failure);
	case NSH_STDIO_PIPE:
	case NSH_STDIO_CAPTURE:
	case NSH_STDIO_LIST:
		what = stream->kind == NSH_STDIO_LIST ? "list of targets" : "pipe";
		return alone ? fail_pipe(which, what, in_place, failure)
			: add_pipe(plan, stream, which, failure);
	case NSH_STDIO_STDOUT:
	case NSH_STDIO_STDERR:
		/* The other one was added just before. */
		last = (int)plan->move_count - 1;
		add_move(plan, which, stages[which])->same_as = last;
		return 0;
	case NSH_STDIO_PTY:
		add_move(plan, which, NSH_STAGE_PTY)->same_as = plan->pty_move;
		return 0;
	default:
		add_null(plan, which);
		return 0;
	}
}

/* Adds a stream that is directed to another one after that one. */
static int add_streams(struct plan *plan, const struct nsh_command *cmd, bool in_place,
		       struct nsh_failure *failure)
{
	int first = cmd->stdio[1].kind == NSH_STDIO_STDERR ? 2 : 1;

	if (add_stream(plan, cmd, 0, in_place, failure) < 0
	    || add_stream(plan, cmd, first, in_place, failure) < 0)
		return -1;
	return add_stream(plan, cmd, 3 - first, in_place, failure);
}

static int add_send(struct plan *plan, const struct send_buffer *send,
		    bool alone, struct nsh_failure *failure)
{
	int *parent_end = &plan->send_ends[plan->send_count++];
	int ends[2];

	*parent_end = -1;
	if (alone)
		return add_memory(plan, &send->data, send->target,
				  NSH_STAGE_SEND_BUFFER, failure);
	if (nsh_fd_pipe_for(ends, 1) < 0)
		return nsh_fail(failure, NSH_STAGE_SEND_BUFFER, errno, "pipe");
	*parent_end = ends[1];
	add_child_end(plan, ends[0], send->target, NSH_STAGE_SEND_BUFFER);
	return 0;
}

/* Adds a pipe beside the standard streams. */
static int add_extra(struct plan *plan, const struct extra_pipe *extra,
		     struct nsh_failure *failure)
{
	int *parent_end = &plan->pipe_ends[plan->pipe_count++];
	int ours = extra->reads ? 0 : 1, ends[2];

	*parent_end = -1;
	if (nsh_fd_pipe_for(ends, ours) < 0)
		return nsh_fail(failure, NSH_STAGE_PIPES, errno, "pipe");
	*parent_end = ends[ours];
	add_child_end(plan, ends[1 - ours], extra->target, NSH_STAGE_PIPES);
	return 0;
}

static int add_passed(struct plan *plan, const struct passed_fd *passed,
		      struct nsh_failure *failure)
{
	if (passed->source < 0) {
		nsh_fail(failure, NSH_STAGE_PASS_FD, EBADF, NULL);
		nsh_fail_reason(failure, "already consumed (close_parent) by an earlier start");
		return -1;
	}
	return add_source(plan, passed->source, passed->target,
			  NSH_STAGE_PASS_FD, failure);
}

static int check_targets(const struct nsh_command *cmd, struct nsh_failure *failure)
{
	char subject[32];

	for (int which = 1; which <= 2; which++)
		for (size_t i = 0; i < cmd->stdio[which].target_count; i++) {
			const struct stdio *target = &cmd->stdio[which].targets[i];

			if (target->kind != NSH_STDIO_FD || nsh_fd_check(target->fd) == 0)
				continue;
			(void)snprintf(subject, sizeof subject, "descriptor %d", target->fd);
			return nsh_fail(failure, stages[which], EBADF, subject);
		}
	return 0;
}

/* Called before the plan creates descriptors: a new one could get a number that the
 * caller believes to be open, and would be passed in its place. */
int nsh_fdmap_check(const struct nsh_command *cmd, bool in_place,
		    struct nsh_failure *failure)
{
	struct plan scratch = { .moves = (struct move[1]){ { .source = -1 } } };

	for (int which = 0; which < 3; which++) {
		scratch.move_count = 0;
		if (kind_of(cmd, which, in_place) == NSH_STDIO_FD
		    && add_source(&scratch, cmd->stdio[which].fd, which,
				  stages[which], failure) < 0)
			return -1;
	}
	if (check_targets(cmd, failure) < 0)
		return -1;
	for (size_t i = 0; i < cmd->passed_count; i++) {
		scratch.move_count = 0;
		if (add_passed(&scratch, &cmd->passed[i], failure) < 0)
			return -1;
	}
	return 0;
}

static int make_room(struct plan *plan, size_t room, size_t pipes)
{
	plan->moves = calloc(room, sizeof *plan->moves);
	plan->staged = calloc(room, sizeof *plan->staged);
	plan->child_ends = calloc(room, sizeof *plan->child_ends);
	plan->send_ends = calloc(room, sizeof *plan->send_ends);
	plan->pipe_ends = pipes > 0 ? calloc(pipes, sizeof *plan->pipe_ends) : NULL;
	return plan->moves && plan->staged && plan->child_ends && plan->send_ends
		&& (plan->pipe_ends || pipes == 0) ? 0 : -1;
}

static int add_others(struct plan *plan, const struct nsh_command *cmd, bool alone,
		      struct nsh_failure *failure)
{
	for (size_t i = 0; i < cmd->passed_count; i++)
		if (add_passed(plan, &cmd->passed[i], failure) < 0)
			return -1;
	for (size_t i = 0; i < cmd->send_count; i++)
		if (add_send(plan, &cmd->sends[i], alone, failure) < 0)
			return -1;
	for (size_t i = 0; i < cmd->pipe_count; i++)
		if (add_extra(plan, &cmd->pipes[i], failure) < 0)
			return -1;
	return 0;
}

int nsh_fdmap_plan(struct plan *plan, const struct nsh_command *cmd,
		   bool in_place, struct nsh_failure *failure)
{
	bool alone = in_place || cmd->attributes.daemonize;
	size_t room = 3 + cmd->passed_count + cmd->send_count + cmd->pipe_count + NSH_LAUNCH_MOVES
		+ (cmd->sandbox ? 2 : 0) + (cmd->pty.is_set ? 1 : 0);

	if (make_room(plan, room, cmd->pipe_count) < 0)
		return nsh_fail(failure, NSH_STAGE_PLAN, ENOMEM, NULL);
	if (nsh_fdmap_check(cmd, in_place, failure) < 0)
		return -1;
	if (add_pty(plan, cmd, failure) < 0)
		return -1;
	if (add_streams(plan, cmd, in_place, failure) < 0)
		return -1;
	return add_others(plan, cmd, alone, failure);
}
