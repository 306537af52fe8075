/* Setters of standard streams and other descriptors. */
#include "command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"

static const char *const methods[3] = { "set_stdin", "set_stdout", "set_stderr" };

/* The mode of a new file, less the umask. */
enum { DEFAULT_MODE = 0666, MOST_MODE = 07777 };

/* Returns the stream to change, or NULL after an argument error. */
static struct stdio *stream_of(struct nsh_command *cmd, int which)
{
	if (which < 0 || which > 2)
		nsh_command_reject(cmd, "set_stdio", "", "the stream must be 0, 1 or 2");
	return nsh_command_usable(cmd) ? &cmd->stdio[which] : NULL;
}

/* Replaces the stream's earlier target: the last call wins. */
static void direct(struct stdio *stream, enum nsh_stdio kind)
{
	nsh_stdio_free(stream);
	stream->kind = kind;
}

/* Returns why the stream cannot be of this kind, or NULL. */
static const char *conflict_of(int which, enum nsh_stdio kind)
{
	switch (kind) {
	case NSH_STDIO_CAPTURE:
		return which == 0 ? "stdin cannot be captured" : NULL;
	case NSH_STDIO_STDOUT:
		return which == 2 ? NULL : "only stderr can be directed to stdout";
	case NSH_STDIO_STDERR:
		return which == 1 ? NULL : "only stdout can be directed to stderr";
	case NSH_STDIO_BUFFER:
		return "the bytes are set with set_input_buffer";
	case NSH_STDIO_FD:
	case NSH_STDIO_PATH:
		return "a descriptor or a path is required";
	case NSH_STDIO_LIST:
		return "a list is set with set_stdio_list";
	case NSH_STDIO_PTY:
		return "the terminal is the default of set_pty";
	default:
		return NULL;
	}
}

void nsh_command_set_stdio(struct nsh_command *cmd, int which,
			   enum nsh_stdio kind)
{
	static const char *const names[] = {
		"default", "null", "inherit", "pipe", "capture", "stdout",
		"buffer", "descriptor", "path", "pty", "stderr", "list",
	};
	struct stdio *stream = stream_of(cmd, which);
	const char *reason = stream ? conflict_of(which, kind) : NULL;

	if (reason)
		nsh_command_reject_string(cmd, methods[which], names[kind], reason);
	else if (stream)
		direct(stream, kind);
}

void nsh_command_set_stdio_fd(struct nsh_command *cmd, int which, int fd)
{
	struct stdio *stream = stream_of(cmd, which);
	char text[16];

	(void)snprintf(text, sizeof text, "%d", fd);
	if (stream && fd < 0) {
		nsh_command_reject(cmd, methods[which], text, "not a descriptor number");
	} else if (stream) {
		direct(stream, NSH_STDIO_FD);
		stream->fd = fd;
	}
}

/* An empty path is rejected here, where the caller's line is known: open(2) would fail
 * with ENOENT in the child. */
const char *nsh_stdio_check_file(int which, const char *path, unsigned how, unsigned mode)
{
	if (path && !*path)
		return "the path is empty";
	if (which == 0 && (how || mode != DEFAULT_MODE))
		return "stdin is only read: no option of a file applies to it";
	return mode > MOST_MODE ? "the mode must be from 0 to 07777" : NULL;
}

void nsh_command_set_stdio_file(struct nsh_command *cmd, int which, const char *path,
				unsigned how, unsigned mode)
{
	struct stdio *stream = stream_of(cmd, which);
	const char *reason = stream ? nsh_stdio_check_file(which, path, how, mode) : NULL;

	if (reason)
		nsh_command_reject_string(cmd, methods[which], path ? path : "", reason);
	if (!stream || reason)
		return;
	direct(stream, NSH_STDIO_PATH);
	nsh_command_replace(cmd, methods[which], &stream->path, path);
	stream->how = how;
	stream->mode = mode;
}

void nsh_command_set_stdio_path(struct nsh_command *cmd, int which,
				const char *path, bool append)
{
	nsh_command_set_stdio_file(cmd, which, path,
				   append && which > 0 ? NSH_FILE_APPEND : 0, DEFAULT_MODE);
}

void nsh_command_set_input_buffer(struct nsh_command *cmd, const void *data,
				  size_t size)
{
	if (!nsh_command_usable(cmd))
		return;
	/* The input may be a secret. */
	nsh_buffer_wipe(&cmd->input);
	cmd->input.may_be_large = true;
	direct(&cmd->stdio[0], NSH_STDIO_BUFFER);
	if (nsh_buffer_append(&cmd->input, data, size) < 0)
		nsh_command_no_memory(cmd, "set_input_buffer");
}

void nsh_command_set_pty(struct nsh_command *cmd, int rows, int columns, bool echo)
{
	char text[32];

	if (!nsh_command_usable(cmd))
		return;
	if (rows < 1 || rows > USHRT_MAX || columns < 1 || columns > USHRT_MAX) {
		(void)snprintf(text, sizeof text, "%d, %d", rows, columns);
		nsh_command_reject(cmd, "set_pty", text,
				   "rows and columns must be from 1 to 65535");
		return;
	}
	cmd->pty.is_set = true;
	cmd->pty.echo = echo;
	cmd->pty.rows = (unsigned short)rows;
	cmd->pty.columns = (unsigned short)columns;
}

void nsh_command_capture_pty(struct nsh_command *cmd, bool is_captured)
{
	if (cmd)
		cmd->pty.is_captured = is_captured;
}

bool nsh_command_has_pty(const struct nsh_command *cmd)
{
	return cmd && cmd->pty.is_set;
}

/* ---- descriptors beyond 2 ---------------------------------------------- */

static bool target_taken(const struct nsh_command *cmd, int target)
{
	for (size_t i = 0; i < cmd->passed_count; i++)
		if (cmd->passed[i].target == target)
			return true;
	for (size_t i = 0; i < cmd->send_count; i++)
		if (cmd->sends[i].target == target)
			return true;
	for (size_t i = 0; i < cmd->pipe_count; i++)
		if (cmd->pipes[i].target == target)
			return true;
	return false;
}

int nsh_command_send_buffer(struct nsh_command *cmd, const void *data,
			    size_t size)
{
	struct send_buffer *sends, *send;
	int target = SEND_BUFFER_FIRST_FD;

	if (!nsh_command_usable(cmd))
		return -1;
	sends = realloc(cmd->sends, (cmd->send_count + 1) * sizeof *sends);
	if (!sends) {
		nsh_command_no_memory(cmd, "send_buffer");
		return -1;
	}
	cmd->sends = sends;
	/* The lowest free number, so that a caller can predict it. */
	while (target_taken(cmd, target))
		target++;
	send = &sends[cmd->send_count++];
	*send = (struct send_buffer){ .target = target };
	if (nsh_buffer_append(&send->data, data, size) < 0)
		nsh_command_no_memory(cmd, "send_buffer");
	return target;
}

/* Returns why the descriptor cannot be passed, or NULL. */
static const char *pass_conflict(const struct nsh_command *cmd, int fd, int target)
{
	if (fd < 0 || nsh_fd_check(fd) < 0)
		return "not an open descriptor";
	if (target < 3)
		return "descriptors 0 to 2 are set with set_stdin, set_stdout and set_stderr";
	if (target_taken(cmd, target))
		return "the child's descriptor is already in use";
	return NULL;
}

/* Closes the descriptor on failure if the command owns it. */
static void pass_taken(struct nsh_command *cmd, int fd, int target, bool close_parent)
{
	size_t count = cmd->passed_count;
	struct passed_fd *passed = realloc(cmd->passed, (count + 1) * sizeof *passed);

	if (!passed) {
		nsh_command_no_memory(cmd, "pass_fd");
		if (close_parent)
			nsh_close(&fd);
		return;
	}
	passed[count] = (struct passed_fd){ fd, target, close_parent };
	cmd->passed = passed;
	cmd->passed_count++;
}

void nsh_command_pass_fd(struct nsh_command *cmd, int fd, int child_fd,
			 bool close_parent)
{
	const char *reason;
	char text[32];

	/* With close_parent the descriptor is the command's even if the call
	 * fails, as in git's run-command.  0 to 2 are never closed: they are
	 * the host's standard streams. */
	if (!nsh_command_usable(cmd)) {
		if (close_parent && fd > 2)
			nsh_close(&fd);
		return;
	}
	reason = pass_conflict(cmd, fd, child_fd);
	(void)snprintf(text, sizeof text, fd == child_fd ? "%d" : "%d as %d",
		       fd, child_fd);
	if (!reason && close_parent && fd <= 2)
		reason = "close_parent must not close a standard stream of the caller";
	if (reason) {
		nsh_command_reject(cmd, "pass_fd", text, reason);
		if (close_parent && fd > 2)
			nsh_close(&fd);
		return;
	}
	pass_taken(cmd, fd, child_fd, close_parent);
}

void nsh_command_clear_pipes(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		cmd->pipe_count = 0;
}

/* Returns why there can be no such pipe, or NULL. */
static const char *pipe_conflict(const struct nsh_command *cmd, int target)
{
	if (target < 3)
		return "descriptors 0 to 2 are set with set_stdin, set_stdout and set_stderr";
	if (target_taken(cmd, target))
		return "the child's descriptor is already in use";
	return cmd->pipe_count == NSH_MOST_PIPES ? "there can be at most 16 pipes" : NULL;
}

void nsh_command_add_pipe(struct nsh_command *cmd, int target, bool reads)
{
	struct extra_pipe *pipes;
	const char *reason;

	if (!nsh_command_usable(cmd))
		return;
	reason = pipe_conflict(cmd, target);
	if (reason) {
		nsh_command_reject_number(cmd, "set_pipes", target, reason);
		return;
	}
	pipes = realloc(cmd->pipes, (cmd->pipe_count + 1) * sizeof *pipes);
	if (!pipes) {
		nsh_command_no_memory(cmd, "set_pipes");
		return;
	}
	cmd->pipes = pipes;
	pipes[cmd->pipe_count++] = (struct extra_pipe){ target, reads };
}

bool nsh_command_pipe(const struct nsh_command *cmd, size_t index, int *ret_target,
		      bool *ret_reads)
{
	if (!cmd || index >= cmd->pipe_count)
		return false;
	*ret_target = cmd->pipes[index].target;
	*ret_reads = cmd->pipes[index].reads;
	return true;
}
