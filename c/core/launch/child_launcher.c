/* Executes the launcher (launcher.h), and prepares it for the steps. */
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "child_steps.h"

/* Passes neither arguments nor environment, which can be read in /proc.  Checks the
 * seals first: if another thread of the host has closed our descriptor, its number
 * may name any file. */
int nsh_step_enter_launcher(const struct plan *plan)
{
	static const char *const argv[] = { "noshell", NULL }, *const envp[] = { NULL };
	int image, ret;

	if (plan->launcher != BEFORE_LAUNCHER)
		return 0;
	plan->record->probing = PROBING_LAUNCHER;
	image = plan->staged[plan->image_move];
	ret = nsh_sys_fcntl(image, F_GET_SEALS, 0);
	if (ret < 0 || (ret & NSH_LAUNCHER_SEALS) != NSH_LAUNCHER_SEALS)
		return -ESTALE;
	plan->record->entered = 1;
	ret = (int)nsh_sys(SYS_execveat, image, (long)"",
			   (long)argv, (long)envp, AT_EMPTY_PATH);
	plan->record->entered = 0;
	return ret;
}

/* ---- in the launcher ----------------------------------------------------- */

static int map_record(struct plan *plan)
{
	int fd = plan->moves[plan->record_move].target;
	int seals = nsh_sys_fcntl(fd, F_GET_SEALS, 0);
	long at;

	if (seals < 0 || (seals & NSH_RECORD_SEALS) != NSH_RECORD_SEALS)
		return -ESTALE;
	at = nsh_sys6(SYS_mmap, 0, sizeof *plan->record, PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (at < 0 && at > -4096)
		return (int)at;
	plan->record = (struct failure_record *)at;
	nsh_sys_close(fd);
	return 0;
}

/* Drops the capabilities that the exec has added for root.  Fails if the exec has
 * removed any: the launcher cannot act for the caller then. */
static int restore_caps(const struct plan *plan)
{
	const struct cap_sets *held = &plan->held;
	struct cap_sets now;
	int ret = nsh_get_cap_sets(&now);

	if (ret < 0)
		return ret;
	if (held->permitted & ~now.permitted || held->inheritable != now.inheritable)
		return -ESTALE;
	if (held->permitted == now.permitted && held->effective == now.effective)
		return 0;
	return nsh_set_cap_sets(held);
}

static bool same_text(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static int check_security_label(const struct plan *plan)
{
	char label[512];
	long size;
	int fd;

	if (!plan->security_label)
		return 0;
	fd = nsh_sys_open("/proc/thread-self/attr/current", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	size = nsh_sys_read(fd, label, sizeof label - 1);
	nsh_sys_close(fd);
	if (size < 0)
		return (int)size;
	label[size] = 0;
	return same_text(label, plan->security_label) ? 0 : -ESTALE;
}

/* Until the record is changed at the end, a failure means that the launcher cannot be
 * used, and the host forks. */
static int take_over(struct plan *plan)
{
	/* The first call: see launcher.h. */
	int ret = (int)nsh_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

	if (ret == 0)
		ret = map_record(plan);
	if (ret < 0)
		return ret;
	ret = nsh_sys_fcntl(plan->moves[plan->sync_move].target, F_SETFD, FD_CLOEXEC);
	if (ret == 0)
		ret = restore_caps(plan);
	if (ret == 0)
		ret = check_security_label(plan);
	if (ret == 0)
		plan->record->probing = PROBING_NOTHING;
	else
		plan->record->error = -ret;
	return ret;
}

void nsh_launcher_run(struct plan *plan)
{
	if (take_over(plan) == 0)
		(void)nsh_child_run(plan);
	nsh_sys_exit(127);
}
