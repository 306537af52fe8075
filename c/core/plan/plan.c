#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"
#include "command.h"
#include "fd.h"
#include "fork_lock.h"
#include "label.h"
#include "path.h"
#include "thread.h"

static int fail_memory(struct nsh_failure *failure)
{
	return nsh_fail(failure, NSH_STAGE_PLAN, ENOMEM, NULL);
}

static int fail_together(struct nsh_failure *failure, const char *reason)
{
	return nsh_fail_code(failure, NSH_INVALID, reason);
}

static int check_streams(const struct nsh_command *cmd, bool in_place,
			 struct nsh_failure *failure)
{
	if (cmd->stdio[1].kind == NSH_STDIO_STDERR && cmd->stdio[2].kind == NSH_STDIO_STDOUT)
		return fail_together(failure, "set_stdout(\"stderr\") and set_stderr(\"stdout\") "
				     "refer to each other: direct one of them elsewhere");
	if (cmd->pipe_count > 0 && in_place)
		return fail_together(failure, "set_pipes cannot be used with exec: no parent "
				     "remains at the pipes' other ends");
	if (cmd->pipe_count > 0 && cmd->attributes.daemonize)
		return fail_together(failure, "set_pipes cannot be used with daemonize: the "
				     "daemon has no parent at the pipes' other ends");
	return 0;
}

/* The session of the terminal has a leader, which leads a process group as well. */
static int check_pty(const struct nsh_command *cmd, bool in_place,
		     struct nsh_failure *failure)
{
	if (in_place)
		return fail_together(failure, "set_pty cannot be used with exec: no "
				     "parent remains at the terminal's other end");
	if (cmd->attributes.daemonize)
		return fail_together(failure, "set_pty cannot be used with daemonize: a "
				     "daemon has no terminal");
	if (cmd->attributes.new_process_group || cmd->attributes.process_group)
		return fail_together(failure, "a process group cannot be set with set_pty: "
				     "the program leads a session, and so a process "
				     "group, already");
	return 0;
}

static int check_foreground(const struct nsh_command *cmd, bool in_place,
			    struct nsh_failure *failure)
{
	const struct attributes *asked = &cmd->attributes;

	if (in_place)
		return fail_together(failure, "set_foreground cannot be used with exec: no parent "
				     "remains that could take the terminal back");
	if (cmd->pty.is_set)
		return fail_together(failure, "set_foreground cannot be used with set_pty: the "
				     "program has a terminal of its own then");
	if (asked->daemonize || asked->new_session)
		return fail_together(failure, "set_foreground cannot be used with daemonize or "
				     "new_session: another session does not have our terminal");
	if (asked->process_group)
		return fail_together(failure, "set_foreground cannot be used with "
				     "set_process_group: the program leads a process group then");
	return 0;
}

static int check_in_place(const struct sandbox *sandbox, struct nsh_failure *failure)
{
	if (nsh_sandbox_is_private(sandbox))
		return fail_together(failure, "a private sandbox cannot be used with exec: "
				     "this process may have threads");
	if (nsh_sandbox_has_cgroup(sandbox))
		return fail_together(failure, "the sandbox's memory, pids, cpu and cgroup "
				     "cannot be used with exec: no parent remains to "
				     "remove the cgroup");
	return 0;
}

/* Checks for conflicts between setters. */
int nsh_command_check(const struct nsh_command *cmd, bool in_place,
		      struct nsh_failure *failure)
{
	const struct attributes *asked = &cmd->attributes;

	if (check_streams(cmd, in_place, failure) < 0)
		return -1;
	if (asked->daemonize && asked->parent_death_signal)
		return fail_together(failure, "set_parent_death_signal cannot be used with "
				     "daemonize: the daemon's parent exits before "
				     "the program starts");
	if (asked->daemonize && cmd->timeout >= 0)
		return fail_together(failure, "set_timeout cannot be used with daemonize: "
				     "the daemon has no parent that could end it");
	if (in_place && (asked->daemonize || asked->require_handshake))
		return fail_together(failure, asked->daemonize
				     ? "daemonize cannot be used with exec: no process is started"
				     : "require_handshake cannot be used with exec: no parent remains to notify");
	if (in_place && cmd->timeout >= 0)
		return fail_together(failure, "set_timeout cannot be used with exec: no "
				     "parent remains to enforce it");
	if (in_place && cmd->sandbox && check_in_place(cmd->sandbox, failure) < 0)
		return -1;
	if (asked->foreground && check_foreground(cmd, in_place, failure) < 0)
		return -1;
	if (cmd->pty.is_set)
		return check_pty(cmd, in_place, failure);
	if (asked->process_group && (asked->new_process_group || asked->new_session
				     || asked->daemonize))
		return fail_together(failure, "set_process_group cannot be used with "
				     "new_process_group, new_session or daemonize: the "
				     "program leads a process group then");
	if (asked->new_process_group && (asked->new_session || asked->daemonize))
		return fail_together(failure, "new_process_group cannot be used with "
				     "new_session or daemonize: a session leader "
				     "leads a process group already");
	return 0;
}

/* Collects all candidates if the ids change, and the child tries them as the target
 * user: a candidate may be executable for that user only, or for us only. */
static int find_program(const struct nsh_command *cmd, struct strv *found,
			struct nsh_failure *failure)
{
	const struct attributes *asked = &cmd->attributes;
	bool all = asked->set_uid || asked->set_gid || asked->set_groups;
	bool elsewhere = asked->cwd || asked->daemonize;

	return nsh_path_resolve(cmd->argv.items[0], asked->search_path, elsewhere, all,
				found, failure);
}

int nsh_command_find_program(const struct nsh_command *cmd,
			     struct nsh_failure *failure)
{
	struct strv found = { NULL, 0, 0 };
	int ret = nsh_command_fail(cmd, failure);

	if (ret == 0)
		ret = find_program(cmd, &found, failure);
	nsh_strv_clear(&found);
	return ret;
}

static int plan_program(struct plan *plan, const struct nsh_command *cmd,
			struct nsh_failure *failure)
{
	struct strv found = { NULL, 0, 0 };
	int ret = find_program(cmd, &found, failure);

	plan->found = found.items;
	plan->candidates = (const char **)found.items;
	return ret;
}

static int plan_lists(struct plan *plan, const struct nsh_command *cmd,
		      struct nsh_failure *failure)
{
	size_t size = (cmd->argv.count + 1) * sizeof *plan->argv_list;

	plan->argv_list = nsh_memdup(cmd->argv.items, size);
	if (nsh_env_pwd(plan->attributes.cwd, &plan->pwd) == 0)
		plan->envp_list = nsh_env_build(&cmd->env, plan->pwd);
	if (!plan->argv_list || !plan->envp_list)
		return fail_memory(failure);
	if (cmd->arg0)
		plan->argv_list[0] = cmd->arg0;
	plan->argv = plan->argv_list;
	plan->envp = plan->envp_list;
	return 0;
}

/* A child that changes its uid or gid also gets the groups of that account:
 * with ours it would keep access that its ids do not imply.  Without CAP_SETGID
 * the kernel refuses that, and the child keeps ours. */
static int plan_groups(struct plan *plan, struct nsh_failure *failure)
{
	struct attributes *asked = &plan->attributes;
	struct groups groups;

	if (!(asked->set_uid || asked->set_gid) || asked->set_groups
	    || !nsh_caps_can_set_groups())
		return 0;
	if (!nsh_accounts_groups(asked->set_uid ? asked->uid : (uid_t)-1,
				 asked->set_gid ? asked->gid : (gid_t)-1, &groups))
		return fail_memory(failure);
	plan->kept[plan->kept_count++] = groups.ids;
	asked->groups = groups.ids;
	asked->group_count = groups.count;
	asked->set_groups = true;
	return 0;
}

static int plan_affinity(struct plan *plan, struct nsh_failure *failure)
{
	const struct attributes *asked = &plan->attributes;
	struct cpu_mask *mask;

	if (!asked->set_cpu_affinity)
		return 0;
	mask = calloc(1, sizeof *mask);
	if (!mask)
		return fail_memory(failure);
	if (!asked->cpus)
		memset(mask, 0xff, sizeof *mask);
	for (size_t i = 0; i < asked->cpu_count; i++)
		mask->words[asked->cpus[i] / NSH_CPUS_PER_WORD] |=
			1UL << asked->cpus[i] % NSH_CPUS_PER_WORD;
	plan->kept[plan->kept_count++] = mask;
	plan->cpu_mask = mask;
	return 0;
}

static int plan_security(struct plan *plan, const struct nsh_command *cmd,
			 struct nsh_failure *failure)
{
	if (plan_groups(plan, failure) < 0)
		return -1;
	if (cmd->selinux_label
	    && nsh_label_selinux(cmd->selinux_label, cmd->selinux_if_enabled,
				 &plan->selinux, &plan->selinux_text, failure) < 0)
		return -1;
	if (cmd->apparmor_profile
	    && nsh_label_apparmor(cmd->apparmor_profile, cmd->apparmor_if_enabled,
				  &plan->apparmor, &plan->apparmor_text, failure) < 0)
		return -1;
	return nsh_caps_plan(plan, cmd->clear_caps, cmd->allow_caps, &plan->caps,
			     failure);
}

/* Returns the index of the move. */
static int add_end(struct plan *plan, int take_fd, int target)
{
	plan->child_ends[plan->child_end_count++] = take_fd;
	plan->moves[plan->move_count] = (struct move){
		.source = take_fd, .target = target, .same_as = -1,
		.stage = NSH_STAGE_DESCRIPTORS,
	};
	return (int)plan->move_count++;
}

int nsh_plan_add_sync(struct plan *plan)
{
	int ends[2];

	if (plan->sync >= 0)
		return 0;
	if (nsh_socketpair(ends) < 0)
		return -1;
	plan->sync = ends[0];
	plan->sync_end = plan->child_end_count;
	plan->sync_move = add_end(plan, ends[1], -1);
	return 0;
}

int nsh_plan_add_launchers(struct plan *plan, int take_fd, int target)
{
	int move = add_end(plan, take_fd, target);

	plan->moves[move].is_launchers = true;
	return move;
}

void nsh_plan_drop_launchers(struct plan *plan)
{
	for (size_t i = plan->sync_end + 1; i < plan->child_end_count; i++)
		nsh_close(&plan->child_ends[i]);
	plan->child_end_count = plan->sync_end + 1;
	plan->move_count = (size_t)plan->sync_move + 1;
	plan->moves[plan->sync_move].target = -1;
	plan->moves[plan->sync_move].is_launchers = false;
	if (plan->sandbox.ruleset_move >= 0)
		plan->moves[plan->sandbox.ruleset_move].target = -1;
	if (plan->pty_move >= 0)
		plan->moves[plan->pty_move].target = -1;
}

void nsh_plan_drop_sync(struct plan *plan)
{
	if (plan->sync_move < 0)
		return;
	nsh_plan_drop_launchers(plan);
	nsh_close(&plan->sync);
	nsh_close(&plan->child_ends[plan->sync_end]);
	plan->child_end_count--;
	plan->move_count--;
	plan->sync_move = -1;
}

/* A child that changes its privileges or makes namespaces never shares memory: its set*id call
 * would clear the dumpable flag of the shared memory, and thus of the host
 * (PR_SET_DUMPABLE (2const)), and for a moment a less privileged process could
 * write to the memory of a more privileged one. */
static bool changes_privileges(const struct plan *plan)
{
	const struct attributes *asked = &plan->attributes;

	return asked->set_uid || asked->set_gid || asked->set_groups
		|| plan->caps.apply || plan->selinux.path || plan->apparmor.path
		|| plan->sandbox.isolation.spaces;
}

static int plan_launch(struct plan *plan, bool in_place,
		       struct nsh_failure *failure)
{
	const struct attributes *asked = &plan->attributes;
	bool waits = asked->hook || asked->require_handshake || asked->daemonize
		|| plan->opens_fifo;

	plan->parent_pid = (int)nsh_self();
	plan->parent_thread = (int)nsh_thread();
	plan->own_memory = changes_privileges(plan) || waits;
	plan->after_fork = asked->hook;
	if (nsh_hook_plan(plan) < 0)
		return fail_memory(failure);
	if (in_place || !waits)
		return 0;
	return nsh_plan_add_sync(plan) == 0 ? 0
		: nsh_fail(failure, NSH_STAGE_CLONE, errno, "socketpair");
}

/* The command's own timeout, or the rest of one that it shares. */
static void set_patience(struct plan *plan, const struct nsh_command *cmd)
{
	double left = cmd->start_deadline - nsh_now();

	plan->patience = cmd->timeout;
	if (cmd->start_deadline < 0 || (cmd->timeout >= 0 && cmd->timeout <= left))
		return;
	plan->patience = left > 0 ? left : 0;
	plan->shares_patience = true;
}

static void start_empty(struct plan *plan, const struct nsh_command *cmd)
{
	static char root[] = "/";

	*plan = (struct plan){
		NSH_NOTHING_PLANNED
	};
	if (!cmd)
		return;
	plan->attributes = cmd->attributes;
	set_patience(plan, cmd);
	if (plan->attributes.daemonize && !plan->attributes.cwd)
		plan->attributes.cwd = root;
}

/* Returns a copy that the plan owns.  NULL: `borrowed` is NULL, or memory is
 * exhausted; then *failed is set. */
static void *keep(struct plan *plan, const void *borrowed, size_t size, bool *failed)
{
	void *copy = borrowed ? nsh_memdup(borrowed, size) : NULL;

	if (copy)
		plan->kept[plan->kept_count++] = copy;
	*failed |= borrowed && !copy;
	return copy;
}

static char *keep_text(struct plan *plan, const char *text, bool *failed)
{
	return keep(plan, text, text ? strlen(text) : 0, failed);
}

/* Copies the strings and limits that a failure may name: a plan with a
 * handshake outlives the call, and perhaps the command.  At most three moves
 * have a path, so that plan->kept has room. */
static int plan_keep(struct plan *plan, struct nsh_failure *failure)
{
	struct attributes *asked = &plan->attributes;
	bool failed = false;

	if (!asked->require_handshake)
		return 0;
	asked->limits = keep(plan, asked->limits,
			     asked->limit_count * sizeof *asked->limits, &failed);
	asked->cwd = keep_text(plan, asked->cwd, &failed);
	asked->pid_file = keep_text(plan, asked->pid_file, &failed);
	for (size_t i = 0; i < plan->move_count; i++)
		plan->moves[i].path = keep_text(plan, plan->moves[i].path, &failed);
	return failed ? fail_memory(failure) : 0;
}

int nsh_plan_init(struct plan *plan, const struct nsh_command *cmd, bool in_place,
		  const struct nsh_means *means, struct nsh_failure *failure)
{
	start_empty(plan, cmd);
	if (nsh_command_fail(cmd, failure) < 0
	    || nsh_command_check(cmd, in_place, failure) < 0
	    || plan_program(plan, cmd, failure) < 0
	    || plan_lists(plan, cmd, failure) < 0
	    || plan_affinity(plan, failure) < 0
	    || plan_security(plan, cmd, failure) < 0
	    || nsh_fdmap_plan(plan, cmd, in_place, failure) < 0
	    || plan_keep(plan, failure) < 0
	    || (cmd->sandbox && nsh_sandbox_plan(plan, cmd, means, failure) < 0))
		return -1;
	return plan_launch(plan, in_place, failure);
}

void nsh_plan_close_child_ends(struct plan *plan)
{
	for (size_t i = 0; i < plan->child_end_count; i++)
		nsh_close(&plan->child_ends[i]);
	plan->child_end_count = 0;
}

void nsh_plan_forget_descriptors(struct plan *plan)
{
	for (size_t i = 0; i < plan->child_end_count; i++)
		nsh_fd_forget(&plan->child_ends[i]);
	for (int i = 0; i < 3; i++)
		nsh_fd_forget(&plan->parent_ends[i]);
	for (size_t i = 0; i < plan->send_count; i++)
		nsh_fd_forget(&plan->send_ends[i]);
	for (size_t i = 0; i < plan->sink_count; i++)
		nsh_fd_forget(&plan->sinks[i].fd);
	for (size_t i = 0; i < plan->pipe_count; i++)
		nsh_fd_forget(&plan->pipe_ends[i]);
	nsh_fd_forget(&plan->pty_master);
	nsh_fd_forget(&plan->pty_slave);
	nsh_fd_forget(&plan->sync);
	nsh_ruleset_forget(&plan->sandbox.ruleset);
	nsh_cgroup_forget(&plan->sandbox.cgroup);
}

void nsh_plan_free(struct plan *plan)
{
	nsh_plan_close_child_ends(plan);
	for (int i = 0; i < 3; i++)
		nsh_close(&plan->parent_ends[i]);
	for (size_t i = 0; i < plan->send_count; i++)
		nsh_close(&plan->send_ends[i]);
	for (size_t i = 0; i < plan->sink_count; i++) {
		nsh_close(&plan->sinks[i].fd);
		free(plan->sinks[i].name);
	}
	free(plan->sinks);
	for (size_t i = 0; i < plan->pipe_count; i++)
		nsh_close(&plan->pipe_ends[i]);
	free(plan->pipe_ends);
	nsh_close(&plan->pty_master);
	nsh_close(&plan->pty_slave);
	nsh_close(&plan->sync);
	nsh_ruleset_put(&plan->sandbox.ruleset);
	nsh_cgroup_drop(&plan->sandbox.cgroup);
	free(plan->sandbox.report);
	nsh_strv_free(plan->sandbox.hidden);
	nsh_strv_free(plan->found);
	nsh_hook_free(plan);
	free(plan->moves);
	free(plan->staged);
	free(plan->child_ends);
	free(plan->send_ends);
	free(plan->argv_list);
	free(plan->envp_list);
	free(plan->pwd);
	free(plan->selinux_text);
	free(plan->apparmor_text);
	for (size_t i = 0; i < plan->kept_count; i++)
		free(plan->kept[i]);
	start_empty(plan, NULL);
}
