/* Reading a command's attributes back, for dry runs and bindings. */
#include "command.h"
#include "sys.h"

static void describe_stdio(const struct nsh_command *cmd,
			   struct nsh_description *description)
{
	for (int which = 0; which < 3; which++) {
		description->path[which] = cmd->stdio[which].path;
		description->file_how[which] = cmd->stdio[which].how;
		description->file_mode[which] = cmd->stdio[which].mode;
		description->fd[which] = cmd->stdio[which].fd;
		description->captures[which] = cmd->stdio[which].captures;
	}
}

static void describe_identity(const struct nsh_command *cmd,
			      struct nsh_description *description)
{
	const struct attributes *asked = &cmd->attributes;

	description->set_uid = asked->set_uid;
	description->set_gid = asked->set_gid;
	description->set_groups = asked->set_groups;
	description->uid = asked->uid;
	description->gid = asked->gid;
	description->groups = asked->groups;
	description->group_count = asked->group_count;
	description->clear_caps = cmd->clear_caps;
	description->allow_caps = cmd->allow_caps;
	description->selinux_label = cmd->selinux_label;
	description->apparmor_profile = cmd->apparmor_profile;
}

void nsh_command_describe(const struct nsh_command *cmd,
			  struct nsh_description *ret_description)
{
	const struct attributes *asked = &cmd->attributes;
	bool among = asked->core_scheduling == NSH_PR_SCHED_CORE_SHARE_FROM;

	*ret_description = (struct nsh_description){
		.arg0 = cmd->arg0,
		.run_alone = asked->core_scheduling && !among,
		.run_among = among ? asked->core_among : 0,
		.process_group = asked->process_group,
		.set_cpu_affinity = asked->set_cpu_affinity,
		.cpus = asked->cpus, .cpu_count = asked->cpu_count,
		.has_hook = asked->hook != NULL,
		.timeout = cmd->timeout, .grace = cmd->grace,
		.max_output = cmd->max_output,
		.has_sandbox = cmd->sandbox != NULL,
		.env_set = (const char *const *)cmd->env.set.items,
		.env_removed = (const char *const *)cmd->env.removed.items,
		.inherits_env = cmd->env.inherit
			|| !(cmd->env.named || cmd->env.cleared),
		.has_pty = cmd->pty.is_set, .echo = cmd->pty.echo,
		.rows = cmd->pty.rows, .columns = cmd->pty.columns,
	};
	describe_stdio(cmd, ret_description);
	describe_identity(cmd, ret_description);
}

bool nsh_command_limit(const struct nsh_command *cmd, size_t index,
		       struct nsh_limit_set *ret_limit)
{
	const struct limit *limit = cmd->attributes.limits + index;

	if (index >= cmd->attributes.limit_count)
		return false;
	*ret_limit = (struct nsh_limit_set){
		.name = nsh_limit_name(limit->resource),
		.soft = limit->value.rlim_cur, .hard = limit->value.rlim_max,
	};
	return true;
}

bool nsh_command_passed_fd(const struct nsh_command *cmd, size_t index,
			   int *ret_fd, int *ret_child_fd)
{
	if (index >= cmd->passed_count)
		return false;
	*ret_fd = cmd->passed[index].source;
	*ret_child_fd = cmd->passed[index].target;
	return true;
}

int nsh_command_send_buffer_fd(const struct nsh_command *cmd, size_t index)
{
	return index < cmd->send_count ? cmd->sends[index].target : -1;
}
