/* The terminal of a process: our side of it. */
#include <errno.h>
#include <limits.h>
#include <sys/ioctl.h>

#include "command.h"
#include "process.h"

int nsh_pty_number(int fd)
{
	int number;

	return ioctl(fd, TIOCGPTN, &number) == 0 ? number : -1;
}

/* True if that stream is on the terminal. */
static bool is_on_terminal(const struct nsh_command *cmd, int which)
{
	return cmd->stdio[which].kind == NSH_STDIO_DEFAULT;
}

/* Captures it as stdout or stderr.  If neither is on it, the output is read and
 * discarded: a program whose terminal is full waits. */
static int capture(struct nsh_process *process, int take_fd, const struct nsh_command *cmd)
{
	int which = is_on_terminal(cmd, 1) ? 1 : 2;
	struct io_pipe *pipe;

	if (which == 2 && !is_on_terminal(cmd, 2)) {
		pipe = nsh_io_add(&process->io, take_fd, false);
		if (!pipe)
			return -1;
		pipe->discards = true;
	} else {
		if (nsh_process_add_reader(process, which, take_fd, cmd->max_output) < 0)
			return -1;
		pipe = &process->io.pipes[process->output_pipe[which]];
	}
	pipe->is_terminal = true;
	return 0;
}

int nsh_process_take_pty(struct nsh_process *process, struct plan *plan,
			 const struct nsh_command *cmd)
{
	int fd = plan->pty_master;

	if (fd < 0)
		return 0;
	process->pty_slave = plan->pty_slave;
	plan->pty_master = plan->pty_slave = -1;
	if (cmd->pty.is_captured)
		return capture(process, fd, cmd);
	process->streams[NSH_PTY] = nsh_stream_new(process, NSH_PTY, fd);
	return process->streams[NSH_PTY] ? 0 : -1;
}

int nsh_process_resize(struct nsh_process *process, int rows, int columns)
{
	struct nsh_stream *stream = process->streams[NSH_PTY];
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

	errno = EINVAL;
	if (rows < 1 || rows > USHRT_MAX || columns < 1 || columns > USHRT_MAX)
		return -1;
	errno = ENOTTY;
	if (!stream || nsh_stream_fd(stream) < 0)
		return -1;
	return process->is_dry ? 0 : ioctl(stream->fd, TIOCSWINSZ, &size);
}
