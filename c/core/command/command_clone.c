/* Copying a command: everything that nsh_command_free frees is duplicated. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "fork_lock.h"

static int copy_text(char **target, const char *source)
{
	*target = source ? strdup(source) : NULL;
	return source && !*target ? -1 : 0;
}

static int copy_array(void *target_pointer, const void *source, size_t size)
{
	void *copy = source ? nsh_memdup(source, size) : NULL;

	memcpy(target_pointer, &copy, sizeof copy);
	return source && !copy ? -1 : 0;
}

static int copy_stdio(struct nsh_command *target, const struct nsh_command *source)
{
	for (int i = 0; i < 3; i++)
		if (nsh_stdio_copy(&target->stdio[i], &source->stdio[i]) < 0)
			return -1;
	target->pty = source->pty;
	if (copy_array(&target->pipes, source->pipes,
		       source->pipe_count * sizeof *source->pipes) < 0)
		return -1;
	target->pipe_count = source->pipe_count;
	target->input.may_be_large = true;
	return nsh_buffer_append(&target->input, source->input.data,
				 source->input.size);
}

/* Both commands close the descriptors that they own, so the copy gets
 * duplicates.  They are counted one by one, so that a failure leaves a copy
 * that can be freed. */
static int copy_passed(struct nsh_command *target, const struct nsh_command *source)
{
	size_t count = source->passed_count;

	if (copy_array(&target->passed, source->passed,
		       count * sizeof *source->passed) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct passed_fd *passed = &target->passed[i];

		if (passed->close_parent && passed->source >= 0)
			passed->source = fcntl(passed->source, F_DUPFD_CLOEXEC, 3);
		target->passed_count++;
		if (passed->close_parent && passed->source < 0
		    && source->passed[i].source >= 0)
			return -1;
	}
	return 0;
}

static int copy_sends(struct nsh_command *target, const struct nsh_command *source)
{
	if (source->send_count == 0)
		return 0;
	target->sends = calloc(source->send_count, sizeof *target->sends);
	if (!target->sends)
		return -1;
	for (size_t i = 0; i < source->send_count; i++) {
		const struct send_buffer *from = &source->sends[i];

		target->sends[i].target = from->target;
		target->send_count++;
		if (nsh_buffer_append(&target->sends[i].data, from->data.data,
				      from->data.size) < 0)
			return -1;
	}
	return 0;
}

/* Every pointer is replaced, on failure by NULL: the copy owns none of the
 * source's. */
static int copy_attributes(struct attributes *target,
			   const struct attributes *source)
{
	int ret = 0;

	*target = *source;
	ret |= copy_array(&target->limits, source->limits,
			  source->limit_count * sizeof *source->limits);
	ret |= copy_array(&target->groups, source->groups,
			  source->group_count * sizeof *source->groups);
	ret |= copy_array(&target->cpus, source->cpus,
			  source->cpu_count * sizeof *source->cpus);
#define TEXT(name, key, ...) ret |= copy_text(&target->key, source->key);
#include "setters.def"
	return ret;
}

static int copy_sandbox(struct nsh_command *target, const struct nsh_command *source)
{
	if (source->sandbox)
		target->sandbox = nsh_sandbox_copy(source->sandbox);
	return source->sandbox && !target->sandbox ? -1 : 0;
}

static void copy_rules(struct nsh_command *target, const struct nsh_command *source)
{
	target->selinux_if_enabled = source->selinux_if_enabled;
	target->apparmor_if_enabled = source->apparmor_if_enabled;
	target->clear_caps = source->clear_caps;
	target->allow_caps = source->allow_caps;
	target->timeout = source->timeout;
	target->grace = source->grace;
	target->start_deadline = source->start_deadline;
	target->max_output = source->max_output;
}

static int copy_texts(struct nsh_command *target, const struct nsh_command *source)
{
	if (nsh_strv_copy(&target->argv, &source->argv) < 0
	    || nsh_env_copy(&target->env, &source->env) < 0
	    || copy_array(&target->secret, source->secret,
			  source->secret_capacity * sizeof *source->secret) < 0)
		return -1;
	target->secret_capacity = source->secret_capacity;
	return copy_text(&target->arg0, source->arg0) < 0
		|| copy_text(&target->selinux_label, source->selinux_label) < 0
		|| copy_text(&target->apparmor_profile, source->apparmor_profile) < 0
		? -1 : 0;
}

static void copy_argument_error(struct nsh_command *target,
			 const struct nsh_command *source)
{
	if (!source->argument_error.made)
		return;
	nsh_command_set_argument_error(target, source->argument_error.method,
				source->argument_error.value, source->argument_error.reason,
				source->argument_error.errnum);
	if (source->argument_error.where)
		nsh_command_set_argument_error_where(target, source->argument_error.where);
	if (source->argument_error.key)
		nsh_command_set_argument_error_key(target, source->argument_error.key);
}

struct nsh_command *nsh_command_clone(const struct nsh_command *cmd)
{
	struct nsh_command *copy = cmd ? calloc(1, sizeof *copy) : NULL;

	if (!copy)
		return NULL;
	copy->owner = nsh_fork_id();
	copy_rules(copy, cmd);
	if (copy_texts(copy, cmd) < 0 || copy_stdio(copy, cmd) < 0
	    || copy_passed(copy, cmd) < 0 || copy_sends(copy, cmd) < 0
	    || copy_attributes(&copy->attributes, &cmd->attributes) < 0
	    || copy_sandbox(copy, cmd) < 0)
		nsh_command_set_argument_error(copy, "clone", NULL,
					"out of memory or descriptors", errno);
	copy_argument_error(copy, cmd);
	return copy;
}
