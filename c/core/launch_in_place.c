/* Exec of this very process, and the way back where it fails. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "fd.h"
#include "signals.h"
#include "sys.h"

struct set_aside {
	int copy;               /* of what was under a target; -1: nothing was */
	int flags;              /* FD_CLOEXEC or 0 */
};

/* What the steps change and a failing exec gives back.
 * Limit: ids, capabilities, limits, nice value, session, no_new_privs and
 * the close-on-exec flags of other descriptors stay as the steps left them. */
struct before {
	struct set_aside *targets;      /* one per move */
	int directory;
	mode_t umask;
	uint64_t mask;
	/* As the kernel has them: libc hides the two signals it uses. */
	char actions[NSH_SIGNALS + 1][NSH_KERNEL_SIGACTION];
};

/* ---- descriptors ------------------------------------------------------- */

static bool is_target(const struct plan *plan, int fd)
{
	for (size_t i = 0; i < plan->move_count; i++)
		if (plan->moves[i].target == fd)
			return true;
	return false;
}

/* A duplicate of fd under a number that no step writes to. */
static int duplicate(const struct plan *plan, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	while (copy >= 0 && is_target(plan, copy)) {
		int next = fcntl(fd, F_DUPFD_CLOEXEC, copy + 1);

		nsh_close(&copy);
		copy = next;
	}
	return copy;
}

static int set_targets_aside(const struct plan *plan, struct before *before)
{
	before->targets = calloc(plan->move_count + 1, sizeof *before->targets);
	for (size_t i = 0; before->targets && i < plan->move_count; i++) {
		plan->staged[i] = -1;
		before->targets[i].copy = -1;
	}
	for (size_t i = 0; before->targets && i < plan->move_count; i++) {
		int target = plan->moves[i].target;
		struct set_aside *aside = &before->targets[i];

		if (target < 0 || nsh_fd_check(target) < 0)
			continue;
		aside->flags = fcntl(target, F_GETFD);
		aside->copy = duplicate(plan, target);
		if (aside->copy < 0)
			return -1;
	}
	return before->targets ? 0 : -1;
}

static void give_targets_back(const struct plan *plan, struct before *before)
{
	for (size_t i = 0; i < plan->move_count; i++) {
		int target = plan->moves[i].target;
		struct set_aside *aside = &before->targets[i];

		nsh_close(&plan->staged[i]);
		if (target >= 0 && aside->copy < 0)
			(void)close(target);
		else if (target >= 0)
			(void)dup3(aside->copy, target,
				   aside->flags & FD_CLOEXEC ? O_CLOEXEC : 0);
	}
}

static void drop_copies(const struct plan *plan, struct before *before)
{
	for (size_t i = 0; before->targets && i < plan->move_count; i++)
		nsh_close(&before->targets[i].copy);
	free(before->targets);
}

/* ---- everything else --------------------------------------------------- */

static void remember(struct before *before)
{
	nsh_signals_block(&before->mask);
	before->directory = nsh_fd_raise(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
	before->umask = umask(0);
	umask(before->umask);
	for (int number = 1; number <= NSH_SIGNALS; number++)
		nsh_sys(SYS_rt_sigaction, number, 0, (long)before->actions[number],
			NSH_KERNEL_SIGSET, 0);
}

static void give_back(struct before *before)
{
	if (before->directory >= 0)
		(void)!fchdir(before->directory);
	nsh_close(&before->directory);
	umask(before->umask);
	for (int number = 1; number <= NSH_SIGNALS; number++)
		nsh_sys(SYS_rt_sigaction, number, (long)before->actions[number], 0,
			NSH_KERNEL_SIGSET, 0);
	nsh_signals_restore(before->mask);
}

int nsh_launch_in_place(struct plan *plan, struct nsh_failure *failure)
{
	struct before before = { .directory = -1 };
	struct record record;

	if (set_targets_aside(plan, &before) < 0) {
		nsh_fail(failure, NSH_STAGE_DESCRIPTORS, errno, NULL);
		drop_copies(plan, &before);
		return -1;
	}
	memset(&record, 0, sizeof record);
	plan->record = &record;
	plan->table = TABLE_IN_PLACE;
	remember(&before);
	(void)nsh_child_run(plan);
	give_targets_back(plan, &before);
	drop_copies(plan, &before);
	give_back(&before);
	plan->record = NULL;
	return nsh_launch_fail(plan, &record, 0, failure);
}
