#include "thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fork_lock.h"
#include "sys.h"

pid_t nsh_thread(void)
{
	static _Thread_local struct {
		unsigned fork_id;
		pid_t number;
	} known;

	if (known.fork_id != nsh_fork_id()) {
		known.number = (pid_t)nsh_sys(SYS_gettid, 0, 0, 0, 0, 0);
		known.fork_id = nsh_fork_id();
	}
	return known.number;
}

/* ---- the status file --------------------------------------------------- */

/* Returns what follows `name`, or NULL. */
static const char *find_value(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? line + strlen(name) : NULL;
}

static int parse(const char *text, struct nsh_thread_status *ret_status)
{
	const char *ignored = find_value(text, "\nSigIgn:");
	const char *mode = find_value(text, "\nSeccomp:");
	const char *count = find_value(text, "\nSeccomp_filters:");
	int filters = mode ? atoi(mode) : -1;

	if (!ignored) {
		errno = ENODATA;
		return -1;
	}
	if (filters > 0)
		filters = count && atoi(count) > 0 ? 1 + atoi(count) : 1;
	*ret_status = (struct nsh_thread_status){
		.filters = filters, .ignored = strtoull(ignored, NULL, 16),
	};
	return 0;
}

int nsh_thread_look(struct nsh_thread_status *ret_status)
{
	/* Limit: the list of groups precedes what is read here, so that this fails for
	 * a thread that is in more than a thousand. */
	char text[8192];
	int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	ssize_t size;

	if (fd < 0)
		return -1;
	size = read(fd, text, sizeof text - 1);
	(void)close(fd);
	if (size < 0)
		return -1;
	/* Without a line that is cut off: half a number is a wrong number. */
	while (size > 0 && text[size - 1] != '\n')
		size--;
	text[size] = 0;
	return parse(text, ret_status);
}
