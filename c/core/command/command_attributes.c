/* The setters of limits, scheduling, sessions, starting and ending. */
#include "command.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "limits.h"
#include "sys.h"

void nsh_command_set_working_directory(struct nsh_command *cmd, const char *path)
{
	static const char method[] = "set_working_directory";

	if (path && !*path)
		nsh_command_reject_string(cmd, method, "", "a path is needed");
	nsh_command_replace(cmd, method, cmd ? &cmd->working_directory : NULL, path);
}

void nsh_command_set_umask(struct nsh_command *cmd, unsigned mask)
{
	if (mask > 0777)
		nsh_command_reject_number(cmd, "set_umask", mask, "not a mask from 0 to 0777");
	if (!nsh_command_usable(cmd))
		return;
	cmd->attributes.set_umask = true;
	cmd->attributes.umask = mask;
}

/* ---- limits, scheduling ------------------------------------------------ */

static struct limit *limit_of(struct nsh_command *cmd, int resource)
{
	size_t count = cmd->attributes.limit_count;
	struct limit *limits;

	for (size_t i = 0; i < count; i++)
		if (cmd->limits[i].resource == resource)
			return &cmd->limits[i];
	limits = realloc(cmd->limits, (count + 1) * sizeof *limits);
	if (!limits)
		return NULL;
	cmd->limits = limits;
	cmd->attributes.limit_count++;
	return &limits[count];
}

static void set_limit(struct nsh_command *cmd, const char *method,
		      const char *name, uint64_t soft, uint64_t hard)
{
	int resource = name ? nsh_limit_resource(name) : -1;
	struct limit *limit;
	char text[64];

	if (!nsh_command_usable(cmd))
		return;
	if (resource < 0) {
		nsh_command_reject_string(cmd, method, name, "no such limit");
	} else if (soft > hard) {
		(void)snprintf(text, sizeof text, "%s, %" PRIu64 ", %" PRIu64,
			       name, soft, hard);
		nsh_command_reject(cmd, method, text,
				   "the soft limit is above the hard one");
	} else if (!(limit = limit_of(cmd, resource))) {
		nsh_command_no_memory(cmd, method);
	} else {
		*limit = (struct limit){ resource, { soft, hard } };
	}
}

void nsh_command_set_limit(struct nsh_command *cmd, const char *name,
			   uint64_t soft, uint64_t hard)
{
	set_limit(cmd, "set_limit", name, soft, hard);
}

void nsh_command_set_max_files(struct nsh_command *cmd, uint64_t count)
{
	set_limit(cmd, "set_max_files", "nofile", count, count);
}

void nsh_command_set_max_processes(struct nsh_command *cmd, uint64_t count)
{
	set_limit(cmd, "set_max_processes", "nproc", count, count);
}

void nsh_command_set_max_mem_lock(struct nsh_command *cmd, uint64_t bytes)
{
	set_limit(cmd, "set_max_mem_lock", "memlock", bytes, bytes);
}

void nsh_command_set_max_core_size(struct nsh_command *cmd, uint64_t bytes)
{
	set_limit(cmd, "set_max_core_size", "core", bytes, bytes);
}

void nsh_command_set_nice(struct nsh_command *cmd, int nice)
{
	if (nice < -20 || nice > 19)
		nsh_command_reject_number(cmd, "set_nice", nice, "not from -20 to 19");
	if (!nsh_command_usable(cmd))
		return;
	cmd->attributes.set_nice = true;
	cmd->attributes.nice = nice;
}

void nsh_command_run_alone(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		cmd->attributes.core_scheduling = NSH_PR_SCHED_CORE_CREATE;
}

void nsh_command_run_among(struct nsh_command *cmd, pid_t pid)
{
	if (pid <= 0)
		nsh_command_reject_number(cmd, "run_among", pid, "not a process id");
	if (!nsh_command_usable(cmd))
		return;
	cmd->attributes.core_scheduling = NSH_PR_SCHED_CORE_SHARE_FROM;
	cmd->attributes.core_among = pid;
}

/* ---- sessions, the parent, privileges ---------------------------------- */

void nsh_command_new_session(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		cmd->attributes.new_session = true;
}

void nsh_command_new_process_group(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		cmd->attributes.new_process_group = true;
}

void nsh_command_set_parent_death_signal(struct nsh_command *cmd, int signal)
{
	if (signal < 1 || signal > NSH_SIGNALS)
		nsh_command_reject_number(cmd, "set_parent_death_signal", signal, "no such signal");
	if (nsh_command_usable(cmd))
		cmd->attributes.parent_death_signal = signal;
}

void nsh_command_set_no_new_privs(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		cmd->attributes.no_new_privs = true;
}

/* ---- starting and ending ----------------------------------------------- */

void nsh_command_set_pre_exec_hook(struct nsh_command *cmd,
				   nsh_pre_exec_hook *hook, void *data)
{
	if (!hook)
		nsh_command_reject(cmd, "set_pre_exec_hook", "NULL",
				   "a function is needed");
	if (!nsh_command_usable(cmd))
		return;
	cmd->attributes.hook = hook;
	cmd->attributes.hook_data = data;
}

void nsh_command_require_handshake(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		cmd->attributes.handshake = true;
}

void nsh_command_daemonize(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		cmd->attributes.daemonize = true;
}

void nsh_command_set_pid_file(struct nsh_command *cmd, const char *path)
{
	static const char method[] = "set_pid_file";

	if (path && !*path)
		nsh_command_reject_string(cmd, method, "", "a path is needed");
	nsh_command_replace(cmd, method, cmd ? &cmd->pid_file : NULL, path);
}

void nsh_command_set_timeout(struct nsh_command *cmd, double seconds,
			     double grace)
{
	char text[64];

	(void)snprintf(text, sizeof text, "%g, %g", seconds, grace);
	if (!(seconds >= 0) || !isfinite(seconds) || !(grace >= 0) || !isfinite(grace))
		nsh_command_reject(cmd, "set_timeout", text,
				   "seconds and grace are finite and not negative");
	if (!nsh_command_usable(cmd))
		return;
	cmd->timeout = seconds;
	cmd->grace = grace;
}

void nsh_command_set_max_output(struct nsh_command *cmd, size_t bytes)
{
	if (nsh_command_usable(cmd))
		cmd->max_output = bytes;
}

void nsh_command_allow_exit(struct nsh_command *cmd, int code)
{
	if (code < 0 || code > 255)
		nsh_command_reject_number(cmd, "allow_exit", code, "not an exit code from 0 to 255");
	if (nsh_command_usable(cmd))
		nsh_exits_add(&cmd->allowed_exit, code);
}

void nsh_command_allow_any_exit(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		cmd->allow_any_exit = true;
}

void nsh_command_raw_status(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		cmd->raw_status = true;
}
