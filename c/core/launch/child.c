#include <time.h>

#include "child.h"
#include "child_steps.h"

static int run_hook(const struct plan *plan)
{
	if (!plan->hook)
		return 0;
	if (plan->call_hook(plan) != 0)
		return -ECANCELED;
	plan->record->message[0] = 0;
	nsh_close_others(plan);
	return 0;
}

/* An end of file means that the parent is gone, or gave up: no exec then. */
static int handshake(const struct plan *plan)
{
	char answer = 0;
	long ret;

	if (!plan->require_handshake)
		return 0;
	ret = nsh_sys_write(plan->staged[plan->sync_move], "1", 1);
	if (ret == 1)
		ret = nsh_sys_read(plan->staged[plan->sync_move], &answer, 1);
	if (ret < 0)
		return (int)ret;
	return ret == 1 && answer == '1' ? 0 : -ECANCELED;
}

/* For how long a program may be open for writing, 1 ms a try: a table that is
 * just being copied holds a writer's descriptor for a moment after the writer
 * has closed it.  Ours is no exception: the kernel copies the first 64 before
 * it cuts off what we do not want (dup_fd, sane_fdtable_size); seen once in
 * 50,000 launches on a busy machine. */
enum { BUSY_TRIES = 50 };

static int execute_one(const struct plan *plan, const char *path)
{
	static const struct timespec pause = { 0, 1000000 };
	int ret = -ETXTBSY;

	for (int i = 0; ret == -ETXTBSY && i < BUSY_TRIES; i++) {
		if (i > 0)
			nsh_sys(SYS_nanosleep, (long)&pause, 0, 0, 0, 0);
		ret = (int)nsh_sys(SYS_execve, (long)path, (long)plan->argv,
				   (long)plan->envp, 0, 0);
	}
	return ret;
}

typedef int try_candidate(const struct plan *plan, const char *path);

/* A candidate that cannot be found or entered here, as the target user, gives
 * way to the next; the most telling error is reported. */
static int each_candidate(const struct plan *plan, try_candidate *try)
{
	int error = -ENOENT;

	for (size_t i = 0; plan->candidates[i]; i++) {
		int ret = try(plan, plan->candidates[i]);

		if (i == 0 || ret != -ENOENT) {
			error = ret;
			plan->record->index = (int)i;
		}
		if (ret != -ENOENT && ret != -ENOTDIR && ret != -EACCES)
			break;
	}
	return error;
}

static int execute(const struct plan *plan)
{
	return each_candidate(plan, execute_one);
}

/* In place a failure after the next step may have cost what it cannot give
 * back: a signal that waited behind the mask. */
static int check_program(const struct plan *plan)
{
	if (plan->table != TABLE_IN_PLACE)
		return 0;
	nsh_at(plan, NSH_STAGE_EXEC, 0);
	return each_candidate(plan, nsh_check_candidate);
}

/*
 * What happens between the launch and the program, in this order:
 * the parent is followed into death from the first moment where a step may take
 * for ever;
 * a table of our own before any descriptor is touched, since it may still be
 * the parent's; daemon and session before the pid file, which holds the final
 * pid; descriptors before the umask, since files that are created here obey
 * the caller's; scheduling while we may still raise it; the hook and the labels
 * while we still are who we were; limits after all that opens a file of ours,
 * and while we may still raise them; bounding set before groups
 * before gid before uid, each needs a privilege that a later one takes away,
 * and the capability sets after the uid, which changes them; the directory as
 * the target user; the parent-death signal after the ids, which clear it;
 * no_new_privs late, since it forbids some label transitions only at exec but
 * restricts nothing that we do; the handshake when all else has succeeded,
 * but for the exec, of which is checked what can be; signals last, when nothing of ours can be interrupted any more.
 */
static const struct step {
	enum nsh_stage stage;
	nsh_step *run;
} steps[] = {
	{ NSH_STAGE_PARENT_DEATH_SIGNAL, nsh_step_follow_parent },
	{ NSH_STAGE_DESCRIPTORS, nsh_step_own_table },
	{ NSH_STAGE_DAEMONIZE, nsh_step_daemonize },
	{ NSH_STAGE_SESSION, nsh_step_new_session },
	{ NSH_STAGE_PROCESS_GROUP, nsh_step_new_process_group },
	{ NSH_STAGE_DESCRIPTORS, nsh_step_place_descriptors },
	{ NSH_STAGE_PID_FILE, nsh_step_lock_pid_file },
	{ NSH_STAGE_UMASK, nsh_step_set_umask },
	{ NSH_STAGE_NICE, nsh_step_set_nice },
	{ NSH_STAGE_CPU_AFFINITY, nsh_step_set_cpu_affinity },
	{ NSH_STAGE_CORE_SCHEDULING, nsh_step_set_core_scheduling },
	{ NSH_STAGE_PRE_EXEC_HOOK, run_hook },
	{ NSH_STAGE_SELINUX_LABEL, nsh_step_set_selinux_label },
	{ NSH_STAGE_APPARMOR_PROFILE, nsh_step_set_apparmor_profile },
	{ NSH_STAGE_LIMIT, nsh_step_set_limits },
	{ NSH_STAGE_CAPS, nsh_step_drop_bounding_set },
	{ NSH_STAGE_GROUPS, nsh_step_set_groups },
	{ NSH_STAGE_GID, nsh_step_set_gid },
	{ NSH_STAGE_UID, nsh_step_set_uid },
	{ NSH_STAGE_CAPS, nsh_step_set_caps },
	{ NSH_STAGE_WORKING_DIRECTORY, nsh_step_change_directory },
	{ NSH_STAGE_PARENT_DEATH_SIGNAL, nsh_step_arm_parent_death_signal },
	{ NSH_STAGE_NO_NEW_PRIVS, nsh_step_set_no_new_privs },
	{ NSH_STAGE_HANDSHAKE, handshake },
	{ NSH_STAGE_SIGNALS, check_program },
	{ NSH_STAGE_SIGNALS, nsh_step_reset_signals },
	{ NSH_STAGE_EXEC, execute },
};

int nsh_child_run(void *data)
{
	const struct plan *plan = data;

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		int ret;

		nsh_at(plan, steps[i].stage, 0);
		ret = steps[i].run(plan);
		if (ret < 0) {
			plan->record->error = -ret;
			break;
		}
	}
	if (plan->table != TABLE_IN_PLACE)
		nsh_sys_exit(127);
	for (;;)
		nsh_sys(SYS_exit, 0, 0, 0, 0, 0);
	return -1;
}
