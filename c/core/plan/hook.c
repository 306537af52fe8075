/* The call of a pre-exec hook, and the descriptors that it keeps open. */
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* The list of the hook that this thread is running, or NULL.  Thread-local: an
 * exec in place runs the hook in a process that has other threads. */
static _Thread_local struct hook_fds *current;

static int call(const struct plan *plan)
{
	struct failure_record *record = plan->record;
	int ret;

	current = plan->hook_fds;
	ret = plan->attributes.hook(plan->attributes.hook_data, record->message,
				    sizeof record->message);
	current = NULL;
	return ret;
}

int nsh_hook_plan(struct plan *plan)
{
	if (!plan->attributes.hook)
		return 0;
	plan->call_hook = call;
	plan->hook_fds = calloc(1, sizeof *plan->hook_fds);
	return plan->hook_fds ? 0 : -1;
}

void nsh_hook_free(struct plan *plan)
{
	if (plan->hook_fds)
		free(plan->hook_fds->fds);
	free(plan->hook_fds);
	plan->hook_fds = NULL;
}

int nsh_hook_keep_fd(int fd)
{
	int *larger;

	if (!current) {
		errno = EINVAL;
		return -1;
	}
	if (fcntl(fd, F_SETFD, 0) < 0)
		return -1;
	larger = realloc(current->fds, (current->count + 1) * sizeof *larger);
	if (!larger)
		return -1;
	larger[current->count++] = fd;
	current->fds = larger;
	return 0;
}
