/* Exec of this very process, and the way back where it fails. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "fd.h"
#include "signals.h"
#include "sys.h"

/* What the steps change and a failing exec gives back.
 * Limit: ids, capabilities, limits, nice value, session, no_new_privs and
 * close-on-exec flags stay as the steps left them. */
struct before {
	int streams[3], directory;
	mode_t umask;
	uint64_t mask;
	struct sigaction actions[NSH_SIGNALS + 1];
};

static void remember(struct before *before)
{
	nsh_signals_block(&before->mask);
	for (int fd = 0; fd < 3; fd++)
		before->streams[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	before->directory = nsh_fd_raise(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
	before->umask = umask(0);
	umask(before->umask);
	for (int number = 1; number <= NSH_SIGNALS; number++)
		if (sigaction(number, NULL, &before->actions[number]) < 0)
			before->actions[number].sa_handler = SIG_DFL;
}

static void give_back(struct before *before)
{
	for (int fd = 0; fd < 3; fd++) {
		if (before->streams[fd] < 0)
			(void)close(fd);
		else
			(void)dup2(before->streams[fd], fd);
		nsh_close(&before->streams[fd]);
	}
	if (before->directory >= 0)
		(void)!fchdir(before->directory);
	nsh_close(&before->directory);
	umask(before->umask);
	for (int number = 1; number <= NSH_SIGNALS; number++)
		(void)sigaction(number, &before->actions[number], NULL);
	nsh_signals_restore(before->mask);
}

int nsh_launch_in_place(struct plan *plan, struct nsh_failure *failure)
{
	struct record record;
	struct before before;

	memset(&record, 0, sizeof record);
	plan->record = &record;
	plan->table = TABLE_IN_PLACE;
	remember(&before);
	(void)nsh_child_run(plan);
	give_back(&before);
	plan->record = NULL;
	return nsh_launch_fail(plan, &record, 0, failure);
}
