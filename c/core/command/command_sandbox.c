/* Setters of the sandbox. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the sandbox as an object --------------------------------------------- */

static void free_paths(struct sandbox_paths *paths)
{
	nsh_strv_clear(&paths->paths);
	free(paths->optional);
	*paths = (struct sandbox_paths){ .is_set = false };
}

void nsh_sandbox_free(struct sandbox *sandbox)
{
	if (!sandbox)
		return;
	for (int i = 0; i < NSH_SANDBOX_ACCESSES; i++)
		free_paths(&sandbox->access[i]);
	free_paths(&sandbox->hide);
	free(sandbox->connect.ports);
	free(sandbox->bind.ports);
	nsh_strv_clear(&sandbox->deny);
	nsh_strv_clear(&sandbox->allow);
	free(sandbox->cgroup);
	free(sandbox);
}

bool nsh_sandbox_is_private(const struct sandbox *sandbox)
{
	return sandbox->tmp || sandbox->pid || sandbox->private_network
		|| sandbox->hide.paths.count > 0;
}

bool nsh_sandbox_has_cgroup(const struct sandbox *sandbox)
{
	return sandbox->memory || sandbox->pids || sandbox->cpu > 0 || sandbox->cgroup;
}

static int copy_paths(struct sandbox_paths *target, const struct sandbox_paths *source)
{
	target->is_set = source->is_set;
	target->is_all = source->is_all;
	if (nsh_strv_copy(&target->paths, &source->paths) < 0)
		return -1;
	if (source->optional)
		target->optional = nsh_memdup(source->optional, source->paths.count
					      * sizeof *source->optional);
	return source->optional && !target->optional ? -1 : 0;
}

static int copy_ports(struct sandbox_ports *target, const uint16_t *ports, size_t count)
{
	uint16_t *copy = nsh_memdup(count ? (const void *)ports : "",
				    count * sizeof *ports);

	if (!copy)
		return -1;
	free(target->ports);
	target->ports = copy;
	target->count = count;
	return 0;
}

struct sandbox *nsh_sandbox_copy(const struct sandbox *sandbox)
{
	struct sandbox *copy = calloc(1, sizeof *copy);
	bool failed;

	if (!copy)
		return NULL;
	copy->network = sandbox->network;
	copy->filters_calls = sandbox->filters_calls;
	copy->require = sandbox->require;
	copy->memory = sandbox->memory;
	copy->pids = sandbox->pids;
	copy->cpu = sandbox->cpu;
	copy->tmp = sandbox->tmp;
	copy->pid = sandbox->pid;
	copy->private_network = sandbox->private_network;
	if (sandbox->cgroup)
		copy->cgroup = strdup(sandbox->cgroup);
	failed = (sandbox->cgroup && !copy->cgroup)
		|| copy_paths(&copy->hide, &sandbox->hide) < 0
		|| copy_ports(&copy->connect, sandbox->connect.ports,
			    sandbox->connect.count) < 0
		|| copy_ports(&copy->bind, sandbox->bind.ports, sandbox->bind.count) < 0
		|| nsh_strv_copy(&copy->deny, &sandbox->deny) < 0
		|| nsh_strv_copy(&copy->allow, &sandbox->allow) < 0;
	for (int i = 0; !failed && i < NSH_SANDBOX_ACCESSES; i++)
		failed = copy_paths(&copy->access[i], &sandbox->access[i]) < 0;
	if (!failed)
		return copy;
	nsh_sandbox_free(copy);
	return NULL;
}

/* ---- setters -------------------------------------------------------------- */

/* Returns the command's sandbox, a new one if it has none; NULL after an argument
 * error. */
static struct sandbox *sandbox_of(struct nsh_command *cmd, const char *method)
{
	if (!nsh_command_usable(cmd))
		return NULL;
	if (cmd->sandbox)
		return cmd->sandbox;
	cmd->sandbox = calloc(1, sizeof *cmd->sandbox);
	if (cmd->sandbox)
		cmd->sandbox->require = NSH_ALL_PARTS;
	else
		nsh_command_no_memory(cmd, method);
	return cmd->sandbox;
}

/* Also discards what the other functions have set, so that a second sandbox replaces the
 * first. */
void nsh_command_set_sandbox(struct nsh_command *cmd)
{
	if (!nsh_command_usable(cmd))
		return;
	nsh_sandbox_free(cmd->sandbox);
	cmd->sandbox = NULL;
	(void)sandbox_of(cmd, "set_sandbox");
}

static int add_path(struct sandbox_paths *target, const struct nsh_sandbox_path *path)
{
	size_t count = target->paths.count;
	bool *optional = realloc(target->optional, (count + 1) * sizeof *optional);

	if (!optional)
		return -1;
	target->optional = optional;
	optional[count] = path->is_optional;
	return nsh_strv_add(&target->paths, path->path);
}

static void set_paths(struct nsh_command *cmd, const char *method,
		      struct sandbox_paths *target, const struct nsh_sandbox_path *paths,
		      size_t count)
{
	free_paths(target);
	target->is_set = true;
	for (size_t i = 0; paths && i < count; i++) {
		if (!paths[i].path || !*paths[i].path)
			nsh_command_reject_string(cmd, method, paths[i].path,
						  "the path is empty");
		else if (add_path(target, &paths[i]) < 0)
			nsh_command_no_memory(cmd, method);
	}
}

void nsh_command_set_sandbox_paths(struct nsh_command *cmd,
				   enum nsh_sandbox_access access,
				   const struct nsh_sandbox_path *paths, size_t count)
{
	static const char method[] = "set_sandbox_paths";
	struct sandbox *sandbox = sandbox_of(cmd, method);
	struct sandbox_paths *target;

	if (!sandbox)
		return;
	if ((unsigned)access >= NSH_SANDBOX_ACCESSES) {
		nsh_command_reject_number(cmd, method, access, "no such kind of access");
		return;
	}
	target = &sandbox->access[access];
	set_paths(cmd, method, target, paths, count);
	target->is_all = !paths;
}

void nsh_command_set_sandbox_private(struct nsh_command *cmd,
				     const struct nsh_sandbox_private *private_)
{
	static const char method[] = "set_sandbox_private";
	struct sandbox *sandbox = sandbox_of(cmd, method);

	if (!sandbox)
		return;
	sandbox->tmp = private_->tmp;
	sandbox->pid = private_->pid;
	sandbox->private_network = private_->network;
	set_paths(cmd, method, &sandbox->hide, private_->hide, private_->hide_count);
}

void nsh_command_set_sandbox_network(struct nsh_command *cmd, bool is_allowed)
{
	struct sandbox *sandbox = sandbox_of(cmd, "set_sandbox_network");

	if (sandbox)
		sandbox->network = is_allowed ? SANDBOX_NETWORK : SANDBOX_NO_NETWORK;
}

void nsh_command_set_sandbox_ports(struct nsh_command *cmd,
				   const uint16_t *connect, size_t connect_count,
				   const uint16_t *bind, size_t bind_count)
{
	static const char method[] = "set_sandbox_ports";
	struct sandbox *sandbox = sandbox_of(cmd, method);

	for (size_t i = 0; sandbox && i < connect_count; i++)
		if (connect[i] == 0)
			nsh_command_reject_number(cmd, method, 0,
						  "not a port from 1 to 65535");
	if (!sandbox || !nsh_command_usable(cmd))
		return;
	sandbox->network = SANDBOX_PORTS;
	if (copy_ports(&sandbox->connect, connect, connect_count) < 0
	    || copy_ports(&sandbox->bind, bind, bind_count) < 0)
		nsh_command_no_memory(cmd, method);
}

static void copy_names(struct nsh_command *cmd, struct strv *target,
		       const char *const *names)
{
	static const char method[] = "set_sandbox_syscalls";

	nsh_strv_clear(target);
	for (; names && *names; names++) {
		if (!nsh_sandbox_has_call(*names))
			nsh_command_reject_string(cmd, method, *names,
						  "no such system call or group");
		else if (nsh_strv_add(target, *names) < 0)
			nsh_command_no_memory(cmd, method);
	}
}

/* These are made after the filter is in force. */
static bool is_needed_to_start(const char *name)
{
	return strcmp(name, "execve") == 0 || strcmp(name, "exit_group") == 0;
}

void nsh_command_set_sandbox_syscalls(struct nsh_command *cmd, const char *const *deny,
				      const char *const *allow)
{
	static const char method[] = "set_sandbox_syscalls";
	struct sandbox *sandbox = sandbox_of(cmd, method);

	for (const char *const *name = deny; sandbox && name && *name; name++)
		if (is_needed_to_start(*name))
			nsh_command_reject_string(cmd, method, *name,
						  "no program could start without it");
	if (!sandbox || !nsh_command_usable(cmd))
		return;
	sandbox->filters_calls = true;
	copy_names(cmd, &sandbox->deny, deny);
	copy_names(cmd, &sandbox->allow, allow);
}

/* No program can run in less. */
enum { LEAST_MEMORY = 64 << 10 };

void nsh_command_set_sandbox_memory(struct nsh_command *cmd, uint64_t bytes)
{
	static const char method[] = "set_sandbox_memory";
	struct sandbox *sandbox = sandbox_of(cmd, method);

	if (sandbox && (bytes < LEAST_MEMORY || bytes > INT64_MAX))
		nsh_command_reject_number(cmd, method, (long long)bytes,
					  "not a number of bytes from 65536");
	else if (sandbox)
		sandbox->memory = bytes;
}

void nsh_command_set_sandbox_pids(struct nsh_command *cmd, unsigned count)
{
	static const char method[] = "set_sandbox_pids";
	struct sandbox *sandbox = sandbox_of(cmd, method);

	if (sandbox && (count == 0 || count > NSH_MOST_PIDS))
		nsh_command_reject_number(cmd, method, count,
					  "not a number of processes from 1 to 4194304");
	else if (sandbox)
		sandbox->pids = count;
}

void nsh_command_set_sandbox_cpu(struct nsh_command *cmd, double processors)
{
	static const char method[] = "set_sandbox_cpu";
	struct sandbox *sandbox = sandbox_of(cmd, method);

	if (sandbox && !(processors >= 0.01 && processors <= NSH_CPUS))
		nsh_command_reject_number(cmd, method, (long long)processors,
					  "not a number of processors from 0.01 to 8192");
	else if (sandbox)
		sandbox->cpu = processors;
}

void nsh_command_set_sandbox_cgroup(struct nsh_command *cmd, const char *path)
{
	static const char method[] = "set_sandbox_cgroup";
	struct sandbox *sandbox = sandbox_of(cmd, method);

	if (sandbox && (!path || *path != '/'))
		nsh_command_reject_string(cmd, method, path, "not an absolute path");
	else if (sandbox)
		nsh_command_replace(cmd, method, &sandbox->cgroup, path);
}

void nsh_command_set_sandbox_require(struct nsh_command *cmd, unsigned parts)
{
	static const char method[] = "set_sandbox_require";
	struct sandbox *sandbox = sandbox_of(cmd, method);

	if (sandbox && parts > NSH_ALL_PARTS)
		nsh_command_reject_number(cmd, method, parts, "not a mask of parts");
	else if (sandbox)
		sandbox->require = parts;
}

/* ---- names ------------------------------------------------------------------ */

const char *nsh_part_name(enum nsh_sandbox_part part)
{
	static const char *const names[NSH_PARTS] = {
		[NSH_PART_READ] = "read", [NSH_PART_EXEC] = "exec",
		[NSH_PART_WRITE] = "write", [NSH_PART_SIGNALS] = "signals",
		[NSH_PART_NETWORK] = "network", [NSH_PART_UNIX] = "unix",
		[NSH_PART_SYSCALLS] = "syscalls", [NSH_PART_MEMORY] = "memory",
		[NSH_PART_PIDS] = "pids", [NSH_PART_CPU] = "cpu",
		[NSH_PART_CGROUP] = "cgroup",
		[NSH_PART_PRIVATE] = "private",
	};

	return (unsigned)part < NSH_PARTS ? names[part] : "";
}
