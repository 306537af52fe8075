/* Setters of limits, scheduling, starting and ending that setters.def cannot
 * generate, because they take several values or change several fields. */
#include "command.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

/* ---- limits, scheduling ------------------------------------------------ */

static const char *const limit_names[] = {
	[RLIMIT_AS] = "as", [RLIMIT_CORE] = "core", [RLIMIT_CPU] = "cpu",
	[RLIMIT_DATA] = "data", [RLIMIT_FSIZE] = "fsize",
	[RLIMIT_LOCKS] = "locks", [RLIMIT_MEMLOCK] = "memlock",
	[RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
	[RLIMIT_NOFILE] = "nofile", [RLIMIT_NPROC] = "nproc",
	[RLIMIT_RSS] = "rss", [RLIMIT_RTPRIO] = "rtprio",
	[RLIMIT_RTTIME] = "rttime", [RLIMIT_SIGPENDING] = "sigpending",
	[RLIMIT_STACK] = "stack",
};

enum { LIMIT_COUNT = sizeof limit_names / sizeof *limit_names };

/* Returns RLIMIT_NOFILE for "nofile"; -1 if the name is unknown. */
static int limit_resource(const char *name)
{
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (limit_names[i] && strcmp(limit_names[i], name) == 0)
			return i;
	return -1;
}

const char *nsh_limit_name(int resource)
{
	return resource >= 0 && resource < LIMIT_COUNT && limit_names[resource]
		? limit_names[resource] : "";
}

/* Returns the entry of a resource, a new one if necessary: a later call for the
 * resource replaces its value. */
static struct limit *limit_of(struct nsh_command *cmd, int resource)
{
	size_t count = cmd->attributes.limit_count;
	struct limit *limits;

	for (size_t i = 0; i < count; i++)
		if (cmd->attributes.limits[i].resource == resource)
			return &cmd->attributes.limits[i];
	limits = realloc(cmd->attributes.limits, (count + 1) * sizeof *limits);
	if (!limits)
		return NULL;
	cmd->attributes.limits = limits;
	cmd->attributes.limit_count++;
	return &limits[count];
}

static void describe_limits(char *ret_text, size_t size)
{
	int used = snprintf(ret_text, size, "no such limit; there are");

	for (int i = 0; i < LIMIT_COUNT && used > 0 && (size_t)used < size; i++)
		if (limit_names[i])
			used += snprintf(ret_text + used, size - (size_t)used, " %s",
					 limit_names[i]);
}

void nsh_command_set_limit_by(struct nsh_command *cmd, const char *method,
			      const char *name, uint64_t soft, uint64_t hard)
{
	int resource = name ? limit_resource(name) : -1;
	struct limit *limit;
	char text[256];

	if (!nsh_command_usable(cmd))
		return;
	if (resource < 0) {
		describe_limits(text, sizeof text);
		nsh_command_reject_string(cmd, method, name, text);
	} else if (soft > hard) {
		(void)snprintf(text, sizeof text, "%s, %" PRIu64 ", %" PRIu64,
			       name, soft, hard);
		nsh_command_reject(cmd, method, text,
				   "the soft limit exceeds the hard limit");
	} else if (!(limit = limit_of(cmd, resource))) {
		nsh_command_no_memory(cmd, method);
	} else {
		*limit = (struct limit){ resource, { soft, hard } };
	}
}

void nsh_command_set_limit(struct nsh_command *cmd, const char *name,
			   uint64_t soft, uint64_t hard)
{
	nsh_command_set_limit_by(cmd, "set_limit", name, soft, hard);
}

static void take_cpus(struct nsh_command *cmd, unsigned *take_cpus, size_t count)
{
	free(cmd->attributes.cpus);
	cmd->attributes.cpus = take_cpus;
	cmd->attributes.cpu_count = count;
	cmd->attributes.set_cpu_affinity = true;
}

/* An empty list would leave the program no processor: sched_setaffinity(2) fails
 * with EINVAL. */
void nsh_command_set_cpu_affinity(struct nsh_command *cmd, const unsigned *cpus,
				  size_t count)
{
	static const char method[] = "set_cpu_affinity";
	unsigned *copy = NULL;

	if (cpus && count == 0)
		nsh_command_reject(cmd, method, "{}", "the list of processors is empty");
	for (size_t i = 0; cpus && i < count; i++)
		if (cpus[i] >= NSH_CPUS)
			nsh_command_reject_number(cmd, method, cpus[i],
						  "not a processor number from 0 to 8191");
	if (!nsh_command_usable(cmd))
		return;
	if (cpus && !(copy = nsh_memdup(cpus, count * sizeof *cpus)))
		nsh_command_no_memory(cmd, method);
	else
		take_cpus(cmd, copy, cpus ? count : 0);
}

void nsh_command_run_alone(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		cmd->attributes.core_scheduling = NSH_PR_SCHED_CORE_CREATE;
}

/* 0 would be the child itself (prctl(2), PR_SCHED_CORE). */
void nsh_command_set_process_group(struct nsh_command *cmd, pid_t group)
{
	if (nsh_command_usable(cmd) && group < 0)
		nsh_command_reject_number(cmd, "set_process_group", group,
					  "not a process group");
	if (!nsh_command_usable(cmd))
		return;
	cmd->attributes.new_process_group = group == 0;
	cmd->attributes.process_group = group;
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

/* ---- starting and ending ----------------------------------------------- */

void nsh_command_set_pre_exec_hook(struct nsh_command *cmd,
				   nsh_pre_exec_hook *hook, void *data)
{
	if (!hook)
		nsh_command_reject(cmd, "set_pre_exec_hook", "NULL",
				   "a function is required");
	if (!nsh_command_usable(cmd))
		return;
	cmd->attributes.hook = hook;
	cmd->attributes.hook_data = data;
}

void nsh_command_set_timeout(struct nsh_command *cmd, double seconds,
			     double grace)
{
	char text[64];

	(void)snprintf(text, sizeof text, "%g, %g", seconds, grace);
	/* `!(x >= 0)` also rejects NaN. */
	if (!(seconds >= 0) || !(grace >= 0) || !isfinite(grace))
		nsh_command_reject(cmd, "set_timeout", text,
				   "seconds and grace must not be negative, and grace must be finite");
	if (!nsh_command_usable(cmd))
		return;
	cmd->timeout = isfinite(seconds) ? seconds : -1;
	cmd->grace = grace;
}

void nsh_command_set_start_deadline(struct nsh_command *cmd, double deadline)
{
	if (nsh_command_usable(cmd))
		cmd->start_deadline = deadline;
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
		nsh_exits_add(&cmd->attributes.allowed_exit, code);
}

