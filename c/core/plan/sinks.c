/* The targets of a list: this process copies the program's output to each of them.
 * Writing must not block.  But O_NONBLOCK belongs to the open file description, which
 * other processes share, such as the shell that uses our terminal.  So pipes and
 * terminals are opened again. */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "fd.h"

/* Returns a descriptor of a new open file description, or -1. */
static int open_again(int fd)
{
	char path[32];

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return nsh_fd_raise(open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

/* True for a file whose write(2) may wait for another process.  Opening the master of a
 * pseudoterminal again would make another terminal. */
static bool may_block(int fd, const struct stat *file, bool *ret_is_master)
{
	int number;

	*ret_is_master = ioctl(fd, TIOCGPTN, &number) == 0;
	return S_ISFIFO(file->st_mode) || (S_ISCHR(file->st_mode) && isatty(fd));
}

/* Fills in the sink of a descriptor of the caller.  Returns 0, or -1 with errno. */
static int share(struct sink *sink, int fd)
{
	bool is_master = false;
	struct stat file;

	if (fstat(fd, &file) < 0)
		return -1;
	sink->is_socket = S_ISSOCK(file.st_mode);
	sink->may_block = may_block(fd, &file, &is_master);
	if (sink->may_block && !is_master)
		sink->fd = open_again(fd);
	if (sink->fd >= 0)
		sink->may_block = false;
	else
		sink->fd = nsh_fd_own(nsh_fd_duplicate(fd));
	return sink->fd < 0 ? -1 : 0;
}

/* O_NONBLOCK: opening a FIFO that no process reads fails with ENXIO. */
static int open_target(struct sink *sink, const struct stdio *target)
{
	if (target->kind != NSH_STDIO_PATH)
		return share(sink, target->kind == NSH_STDIO_FD ? target->fd : sink->which);
	sink->fd = nsh_open_output(target, O_NONBLOCK);
	return sink->fd < 0 ? -1 : 0;
}

static int fail(struct nsh_failure *failure, const struct sink *sink)
{
	int saved = errno;

	nsh_fail(failure, nsh_stdio_stage(sink->which), saved, sink->name);
	if (saved == ENXIO)
		nsh_fail_reason(failure, "no process reads this FIFO");
	return -1;
}

static char *name_of(const struct stdio *target, int which)
{
	char text[32];

	if (target->kind == NSH_STDIO_PATH)
		return strdup(target->path);
	(void)snprintf(text, sizeof text, "descriptor %d",
		       target->kind == NSH_STDIO_FD ? target->fd : which);
	return strdup(text);
}

int nsh_sinks_plan(struct plan *plan, const struct stdio *stream, int which,
		   struct nsh_failure *failure)
{
	size_t room = plan->sink_count + stream->target_count;
	struct sink *sinks;

	if (stream->target_count == 0)
		return 0;
	sinks = realloc(plan->sinks, room * sizeof *sinks);
	if (!sinks)
		return nsh_fail(failure, NSH_STAGE_PLAN, ENOMEM, NULL);
	plan->sinks = sinks;
	for (size_t i = 0; i < stream->target_count; i++) {
		const struct stdio *target = &stream->targets[i];
		struct sink *sink = &sinks[plan->sink_count];

		/* As with a plain "inherit", a closed stream of ours is no error. */
		if (target->kind == NSH_STDIO_INHERIT && nsh_fd_check(which) < 0)
			continue;
		*sink = (struct sink){ .fd = -1, .which = which };
		sink->name = name_of(target, which);
		plan->sink_count++;
		if (!sink->name)
			return nsh_fail(failure, NSH_STAGE_PLAN, ENOMEM, NULL);
		if (open_target(sink, target) < 0)
			return fail(failure, sink);
	}
	return 0;
}
