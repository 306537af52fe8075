/* Lists of targets: what the program writes to one stream goes to several of them. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const methods[3] = { "set_stdin", "set_stdout", "set_stderr" };

void nsh_stdio_free(struct stdio *stream)
{
	for (size_t i = 0; i < stream->target_count; i++)
		free(stream->targets[i].path);
	free(stream->targets);
	free(stream->path);
	*stream = (struct stdio){ .fd = -1 };
}

static int copy_path(struct stdio *target)
{
	if (!target->path)
		return 0;
	target->path = strdup(target->path);
	return target->path ? 0 : -1;
}

/* The targets are counted one by one, so that a failure leaves a copy that can be
 * freed. */
int nsh_stdio_copy(struct stdio *target, const struct stdio *source)
{
	*target = *source;
	target->targets = NULL;
	target->target_count = 0;
	if (copy_path(target) < 0)
		return -1;
	if (source->target_count == 0)
		return 0;
	target->targets = nsh_memdup(source->targets,
				     source->target_count * sizeof *source->targets);
	while (target->targets && target->target_count < source->target_count)
		if (copy_path(&target->targets[target->target_count++]) < 0)
			return -1;
	return target->targets ? 0 : -1;
}

void nsh_command_set_stdio_list(struct nsh_command *cmd, int which, bool captures,
				bool listens)
{
	struct stdio *stream;

	if (which != 1 && which != 2)
		nsh_command_reject(cmd, "set_stdio", "", "only stdout and stderr have several targets");
	if (!nsh_command_usable(cmd))
		return;
	stream = &cmd->stdio[which];
	nsh_stdio_free(stream);
	stream->kind = NSH_STDIO_LIST;
	stream->captures = captures;
	stream->listens = listens;
}

/* Returns a new target of the list; NULL after an argument error. */
static struct stdio *add_target(struct nsh_command *cmd, int which, enum nsh_stdio kind)
{
	struct stdio *stream, *targets;

	if (which < 1 || which > 2 || !nsh_command_usable(cmd)
	    || cmd->stdio[which].kind != NSH_STDIO_LIST)
		return NULL;
	stream = &cmd->stdio[which];
	targets = realloc(stream->targets, (stream->target_count + 1) * sizeof *targets);
	if (!targets) {
		nsh_command_no_memory(cmd, methods[which]);
		return NULL;
	}
	stream->targets = targets;
	targets += stream->target_count++;
	*targets = (struct stdio){ .kind = kind, .fd = -1 };
	return targets;
}

void nsh_command_add_target(struct nsh_command *cmd, int which)
{
	(void)add_target(cmd, which, NSH_STDIO_INHERIT);
}

void nsh_command_add_target_fd(struct nsh_command *cmd, int which, int fd)
{
	struct stdio *target = add_target(cmd, which, NSH_STDIO_FD);
	char text[16];

	if (!target)
		return;
	target->fd = fd;
	(void)snprintf(text, sizeof text, "%d", fd);
	if (fd < 0)
		nsh_command_reject(cmd, methods[which], text, "not a descriptor number");
}

void nsh_command_add_target_file(struct nsh_command *cmd, int which, const char *path,
				 unsigned how, unsigned mode)
{
	const char *reason = nsh_stdio_check_file(which, path, how, mode);
	struct stdio *target;

	if (reason) {
		nsh_command_reject_string(cmd, which == 2 ? methods[2] : methods[1],
					  path ? path : "", reason);
		return;
	}
	target = add_target(cmd, which, NSH_STDIO_PATH);
	if (!target)
		return;
	target->how = how;
	target->mode = mode;
	nsh_command_replace(cmd, methods[which], &target->path, path);
}

void nsh_command_change_target_fd(struct nsh_command *cmd, int which, size_t index, int fd)
{
	if (cmd && which >= 1 && which <= 2 && index < cmd->stdio[which].target_count
	    && cmd->stdio[which].targets[index].kind == NSH_STDIO_FD)
		cmd->stdio[which].targets[index].fd = fd;
}
