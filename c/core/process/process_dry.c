/* Processes of a dry run: like other processes, but without a program. */
#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "command.h"
#include "fd.h"
#include "process.h"

/* ---- starting ---------------------------------------------------------- */

/* Makes a stream whose descriptor is always readable, so that waiting for it returns
 * at once. */
static int add_stream(struct nsh_process *process, int which)
{
	int fd = nsh_fd_raise(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));

	if (fd < 0)
		return -1;
	process->streams[which] = nsh_stream_new(process, which, fd);
	return process->streams[which] ? 0 : -1;
}

/* Returns how a standard stream is directed; with a terminal that is captured, its
 * output is stdout, or stderr if only that is on it. */
static enum nsh_stdio kind_of(const struct nsh_process *process,
			      const struct nsh_command *cmd, int which)
{
	if (!process->dry_on_pty[which])
		return cmd->stdio[which].kind;
	if (which == 0 || !cmd->pty.is_captured)
		return NSH_STDIO_PTY;
	return which == 1 || !process->dry_on_pty[1] ? NSH_STDIO_CAPTURE : NSH_STDIO_PTY;
}

static int add_pipes(struct nsh_process *process, const struct nsh_command *cmd)
{
	for (size_t i = 0; i < cmd->pipe_count; i++) {
		int fd = nsh_fd_raise(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));

		if (fd < 0 || nsh_process_add_pipe(process, i, fd, cmd) < 0)
			return -1;
	}
	return 0;
}

static int add_ends(struct nsh_process *process, const struct nsh_command *cmd)
{
	if (cmd->pty.is_set && !cmd->pty.is_captured && add_stream(process, NSH_PTY) < 0)
		return -1;
	for (int which = 0; which < 3; which++) {
		enum nsh_stdio kind;
		int ret = 0;

		process->dry_on_pty[which] = cmd->pty.is_set
			&& cmd->stdio[which].kind == NSH_STDIO_DEFAULT;
		kind = kind_of(process, cmd, which);
		if (kind == NSH_STDIO_PIPE)
			ret = add_stream(process, which);
		else if (which > 0 && (kind == NSH_STDIO_DEFAULT || kind == NSH_STDIO_LIST
				       || kind == NSH_STDIO_CAPTURE))
			ret = nsh_process_add_reader(process, which, -1,
						     cmd->max_output);
		if (ret < 0)
			return -1;
		if (kind == NSH_STDIO_LIST)
			nsh_process_take_list(process, which, &cmd->stdio[which]);
	}
	return add_pipes(process, cmd);
}

static void begin(struct nsh_process *process, const struct nsh_command *cmd,
		  pid_t pid)
{
	nsh_process_take_rules(process, cmd);
	process->deadline = -1;
	process->is_dry = true;
	process->dry_handshake = cmd->attributes.require_handshake;
	process->launch = NSH_DRY;
	process->pid = process->result.pid = pid;
	process->result.user_time = process->result.system_time = 0;
	process->result.max_rss = 0;
}

int nsh_command_start_dry(struct nsh_command *cmd, pid_t pid,
			  struct nsh_process **ret_process,
			  struct nsh_failure *failure)
{
	struct nsh_process *process;

	if (nsh_command_fail(cmd, failure) < 0
	    || nsh_command_check(cmd, false, failure) < 0)
		return -1;
	process = nsh_process_new(cmd);
	if (!process)
		return nsh_fail(failure, NSH_STAGE_PLAN, ENOMEM, NULL);
	begin(process, cmd, pid);
	if (add_ends(process, cmd) < 0) {
		int saved = errno;

		nsh_process_release(process);
		return nsh_fail(failure, NSH_STAGE_DESCRIPTORS, saved, NULL);
	}
	nsh_command_close_passed(cmd);
	*ret_process = process;
	return 0;
}

/* ---- while it "runs" --------------------------------------------------- */

/* A pipe that this process only writes to has no other use for its buffer. */
ssize_t nsh_stream_write_dry(struct nsh_stream *stream, const void *data, size_t size)
{
	struct buffer *buffer = stream->which < NSH_PIPES ? &stream->process->dry_input
		: &stream->data;

	return nsh_buffer_append(buffer, data, size) < 0 ? -1 : (ssize_t)size;
}

const void *nsh_process_pipe_input_dry(const struct nsh_process *process, int which,
				       size_t *ret_size)
{
	const struct nsh_stream *stream = which >= NSH_PIPES && which < STREAMS
		? process->streams[which] : NULL;

	if (!process->is_dry || !stream || !stream->writes)
		return NULL;
	*ret_size = stream->data.size;
	return stream->data.data ? stream->data.data : "";
}

const void *nsh_process_input_dry(const struct nsh_process *process,
				  size_t *ret_size)
{
	*ret_size = process->dry_input.size;
	return process->dry_input.data ? process->dry_input.data : "";
}

/* ---- its end ----------------------------------------------------------- */

static int give_captured(struct nsh_process *process, int which,
			 const void *data, size_t size)
{
	struct io_pipe *pipe
		= &process->io.pipes[process->output_pipe[which]];

	pipe->limited = size > pipe->cap;
	pipe->ended = true;
	return nsh_buffer_append(&pipe->data, data,
				 pipe->limited ? pipe->cap : size);
}

static int give_stream(struct nsh_stream *stream, const void *data, size_t size)
{
	if (nsh_stream_is_closed(stream))
		return 0;
	if (nsh_buffer_append(&stream->data, data, size) < 0)
		return -1;
	stream->ended = true;
	nsh_close(&stream->epoll);
	nsh_close(&stream->fd);
	return 0;
}

static int give_output(struct nsh_process *process, int which,
		       const struct nsh_dry_end *end)
{
	const void *data = end->output[which] ? end->output[which] : "";
	size_t size = end->output[which] ? end->output_size[which] : 0;

	if (process->output_pipe[which] >= 0)
		return give_captured(process, which, data, size);
	if (process->dry_on_pty[which])
		which = NSH_PTY;
	return process->streams[which]
		? give_stream(process->streams[which], data, size) : 0;
}

int nsh_process_give_dry(struct nsh_process *process, int which, const void *data,
			 size_t size)
{
	struct nsh_stream *stream = nsh_process_stream(process, which);

	if (!process->is_dry || !stream || which < NSH_PIPES || stream->writes) {
		errno = EBADF;
		return -1;
	}
	return stream->ended ? 0 : give_stream(stream, data, size);
}

static int end_pipes(struct nsh_process *process)
{
	for (int which = NSH_PIPES; which < STREAMS; which++)
		if (process->streams[which] && !process->streams[which]->writes
		    && nsh_process_give_dry(process, which, "", 0) < 0)
			return -1;
	return 0;
}

static void set_status(struct nsh_process *process,
		       const struct nsh_dry_end *end)
{
	struct nsh_result *result = &process->result;

	result->timed_out = end->timed_out;
	result->out_of_memory = end->out_of_memory;
	result->output_limited = end->output_limited
		|| nsh_io_is_limited(&process->io);
	if (end->output_limited && !nsh_io_is_limited(&process->io))
		result->limited_stream = process->output_pipe[1] >= 0 ? 1 : 2;
	if (end->lost)
		return;
	result->signal = end->signal;
	if (!end->signal && result->out_of_memory)
		result->signal = SIGKILL;
	if (!end->signal && (result->timed_out || result->output_limited))
		result->signal = process->stop_signal;
	result->core_dumped = result->signal && end->core_dumped;
	result->exit_code = result->signal ? -1 : end->exit_code;
	result->raw_status = result->signal
		? result->signal | (result->core_dumped ? 0x80 : 0)
		: end->exit_code << 8;
}

int nsh_process_end_dry(struct nsh_process *process,
			const struct nsh_dry_end *end)
{
	if (!process->is_dry || process->finished) {
		errno = ESRCH;
		return -1;
	}
	for (int which = 1; which <= 2; which++)
		if (give_output(process, which, end) < 0)
			return -1;
	if (end_pipes(process) < 0)
		return -1;
	set_status(process, end);
	process->exited = process->finished = true;
	process->dry_handshake = false;
	nsh_process_conclude(process);
	return 0;
}

void nsh_process_terminate_dry(struct nsh_process *process)
{
	struct nsh_dry_end end = { .signal = process->is_daemon ? 0 : process->stop_signal };

	(void)nsh_process_end_dry(process, &end);
}
