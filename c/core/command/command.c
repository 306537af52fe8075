#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "fork_lock.h"

/* Captured output is bounded by default: a program that does not stop writing
 * must not exhaust the host's memory. */
enum { DEFAULT_MAX_OUTPUT = 64 << 20, DEFAULT_GRACE = 2 };

/* ---- creating and freeing ------------------------------------------------ */

struct nsh_command *nsh_command_new(const char *program)
{
	struct nsh_command *cmd = calloc(1, sizeof *cmd);

	if (!cmd)
		return NULL;
	cmd->owner = nsh_fork_id();
	cmd->timeout = -1;
	cmd->start_deadline = -1;
	cmd->grace = DEFAULT_GRACE;
	cmd->max_output = DEFAULT_MAX_OUTPUT;
	nsh_exits_add(&cmd->attributes.allowed_exit, 0);
	if (!program || !*program)
		nsh_command_reject_string(cmd, "command", program,
					  "a program name is required");
	else
		nsh_command_add_arg(cmd, program);
	return cmd;
}

/* The list ends with NULL.  A NULL in the middle ends it, too, and cannot be
 * detected; nsh_command_add_arg rejects one. */
static void add_all(struct nsh_command *cmd, va_list arguments)
{
	const char *argument;

	while ((argument = va_arg(arguments, const char *)))
		nsh_command_add_arg(cmd, argument);
}

struct nsh_command *nsh_command_new_args(const char *program, ...)
{
	struct nsh_command *cmd = nsh_command_new(program);
	va_list arguments;

	va_start(arguments, program);
	add_all(cmd, arguments);
	va_end(arguments);
	return cmd;
}

void nsh_command_close_passed(struct nsh_command *cmd)
{
	for (size_t i = 0; i < cmd->passed_count; i++)
		if (cmd->passed[i].close_parent)
			nsh_close(&cmd->passed[i].source);
}

void nsh_command_free(struct nsh_command *cmd)
{
	if (!cmd)
		return;
	nsh_strv_clear(&cmd->argv);
	nsh_env_free(&cmd->env);
	for (int i = 0; i < 3; i++)
		nsh_stdio_free(&cmd->stdio[i]);
	/* Input and send buffers may be secrets, so wipe them. */
	nsh_buffer_wipe(&cmd->input);
	/* In a child of the host the numbers may refer to its own files. */
	if (cmd->owner == nsh_fork_id())
		nsh_command_close_passed(cmd);
	for (size_t i = 0; i < cmd->send_count; i++)
		nsh_buffer_wipe(&cmd->sends[i].data);
	free(cmd->passed);
	free(cmd->sends);
	free(cmd->pipes);
	free(cmd->secret);
	free(cmd->arg0);
#define TEXT(name, key, ...) free(cmd->attributes.key);
#include "setters.def"
	free(cmd->selinux_label);
	free(cmd->apparmor_profile);
	nsh_sandbox_free(cmd->sandbox);
	free(cmd->attributes.limits);
	free(cmd->attributes.groups);
	free(cmd->attributes.cpus);
	free(cmd->argument_error.method);
	free(cmd->argument_error.value);
	free(cmd->argument_error.reason);
	free(cmd->argument_error.where);
	free(cmd->argument_error.key);
	free(cmd);
}

/* ---- argument errors ----------------------------------------------------- */

bool nsh_command_usable(const struct nsh_command *cmd)
{
	return cmd && !cmd->argument_error.made;
}

/* True if the text is the name of a variable and may be shown.  A text in quotes is a
 * string of the caller's, which for these setters contains a value. */
static bool is_name(const char *method, const char *value)
{
	if (*value != '"' || value[1] == '"')
		return true;
	return !strstr(method, "env_string") && !strstr(method, "env_format")
		&& !strstr(method, "env_pair") && !strstr(method, "block_suid");
}

/* True if the value is data for the program, which often is a secret. */
static bool has_data(const char *method, const char *value)
{
	return *value == '"' && (strstr(method, "input") || strstr(method, "send_buffer")
				 || strcmp(method, "set_env") == 0);
}

/* Returns a copy of an argument error's value for a message.  If `method` sets
 * variables, hides the part that may be a variable's value.  Malloc'd; NULL: memory is
 * exhausted. */
static char *hide_variable(const char *method, const char *value)
{
	const char *sign = strchr(value, '=');
	char *text = NULL;

	if (has_data(method, value))
		return strdup("***");
	if (!strstr(method, "env"))
		return strdup(value);
	if (!sign)
		return strdup(is_name(method, value) ? value : "***");
	if (asprintf(&text, "%.*s***%s", (int)(sign + 1 - value), value,
		     *value == '"' ? "\"" : "") < 0)
		return NULL;
	return text;
}

void nsh_command_set_argument_error(struct nsh_command *cmd, const char *method,
			     const char *value, const char *reason, int errnum)
{
	if (!nsh_command_usable(cmd))
		return;
	/* If memory is exhausted, a text stays NULL: the error itself must not
	 * get lost. */
	cmd->argument_error.made = true;
	cmd->argument_error.method = strdup(method);
	cmd->argument_error.value = hide_variable(method, value ? value : "");
	cmd->argument_error.reason = strdup(reason ? reason : "");
	cmd->argument_error.errnum = errnum;
}

void nsh_command_set_argument_error_where(struct nsh_command *cmd, const char *where)
{
	if (cmd && cmd->argument_error.made && !cmd->argument_error.where)
		cmd->argument_error.where = strdup(where);
}

void nsh_command_set_argument_error_key(struct nsh_command *cmd, const char *key)
{
	if (cmd && cmd->argument_error.made && !cmd->argument_error.key)
		cmd->argument_error.key = strdup(key);
}

void nsh_command_reject(struct nsh_command *cmd, const char *method,
			const char *value, const char *reason)
{
	nsh_command_set_argument_error(cmd, method, value, reason, EINVAL);
}

void nsh_command_reject_string(struct nsh_command *cmd, const char *method,
			       const char *string, const char *reason)
{
	char *quoted = NULL;

	if (string && asprintf(&quoted, "\"%s\"", string) < 0)
		quoted = NULL;
	nsh_command_reject(cmd, method, string ? quoted : "NULL", reason);
	free(quoted);
}

void nsh_command_reject_number(struct nsh_command *cmd, const char *method,
			       long long number, const char *reason)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%lld", number);
	nsh_command_reject(cmd, method, text, reason);
}

void nsh_command_no_memory(struct nsh_command *cmd, const char *method)
{
	nsh_command_set_argument_error(cmd, method, NULL, "out of memory", ENOMEM);
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

const struct nsh_argument_error *nsh_command_argument_error(const struct nsh_command *cmd)
{
	struct nsh_argument_error *view;

	if (!cmd || !cmd->argument_error.made)
		return NULL;
	/* The view is a cache inside of a const command; filling it changes
	 * nothing that a caller can observe. */
	view = (struct nsh_argument_error *)(uintptr_t)&cmd->argument_error.view;
	view->method = or_empty(cmd->argument_error.method);
	view->value = or_empty(cmd->argument_error.value);
	view->reason = or_empty(cmd->argument_error.reason);
	view->where = or_empty(cmd->argument_error.where);
	view->key = or_empty(cmd->argument_error.key);
	view->errnum = cmd->argument_error.errnum;
	return view;
}

/* A NULL command comes from a failed nsh_command_new: no setter could record that. */
int nsh_command_fail(const struct nsh_command *cmd, struct nsh_failure *failure)
{
	const struct nsh_argument_error *error = nsh_command_argument_error(cmd);

	if (!cmd)
		return nsh_fail(failure, NSH_STAGE_PLAN, ENOMEM, NULL);
	if (!error)
		return 0;
	nsh_fail(failure, NSH_STAGE_NONE, error->errnum, error->method);
	if (failure)
		failure->code = NSH_INVALID;
	nsh_fail_reason(failure, *error->key ? "%s = %s: %s%s%s%s"
			: "%s(%s): %s%s%s%s",
			*error->key ? error->key : error->method,
			error->value, error->reason,
			*error->where ? " (" : "", error->where,
			*error->where ? ")" : "");
	return -1;
}

void nsh_command_replace(struct nsh_command *cmd, const char *method,
			 char **target, const char *text)
{
	char *copy;

	if (!nsh_command_usable(cmd))
		return;
	copy = text ? strdup(text) : NULL;
	if (!text) {
		nsh_command_reject(cmd, method, "NULL", "a string is required");
	} else if (!copy) {
		nsh_command_no_memory(cmd, method);
	} else {
		free(*target);
		*target = copy;
	}
}

/* ---- arguments --------------------------------------------------------- */

static void add(struct nsh_command *cmd, const char *method, const char *arg)
{
	if (!nsh_command_usable(cmd))
		return;
	if (!arg)
		nsh_command_reject(cmd, method, "NULL", "a string is required");
	else if (nsh_strv_add(&cmd->argv, arg) < 0)
		nsh_command_no_memory(cmd, method);
}

void nsh_command_add_arg(struct nsh_command *cmd, const char *arg)
{
	add(cmd, "add_arg", arg);
}

void nsh_command_add_args(struct nsh_command *cmd, ...)
{
	va_list arguments;

	va_start(arguments, cmd);
	add_all(cmd, arguments);
	va_end(arguments);
}

/* Rejects an empty list: the caller more likely failed to fill it than wanted to add
 * nothing. */
void nsh_command_add_arg_list(struct nsh_command *cmd, const char *const *args)
{
	if (!args || !*args)
		nsh_command_reject(cmd, "add_arg_list", args ? "{}" : "NULL",
				   "at least one argument is required");
	for (; args && *args; args++)
		add(cmd, "add_arg_list", *args);
}

static char *format_text(const char *format, va_list arguments)
	__attribute__((format(printf, 1, 0)));

static char *format_text(const char *format, va_list arguments)
{
	char *text;

	return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

/* Adds a malloc'd text; NULL means that memory was exhausted. */
static void add_taken(struct nsh_command *cmd, const char *method, char *take)
{
	if (!nsh_command_usable(cmd))
		free(take);
	else if (nsh_strv_add_taken(&cmd->argv, take) < 0)
		nsh_command_no_memory(cmd, method);
}

void nsh_command_add_arg_pair(struct nsh_command *cmd, const char *name,
			      const char *value)
{
	char *text;

	if (!name || !value)
		nsh_command_reject(cmd, "add_arg_pair", "NULL",
				   "a name and a value are required");
	else if (nsh_command_usable(cmd))
		add_taken(cmd, "add_arg_pair",
			  asprintf(&text, "%s=%s", name, value) < 0 ? NULL : text);
}

void nsh_command_add_arg_format(struct nsh_command *cmd, const char *format, ...)
{
	va_list arguments;

	if (!nsh_command_usable(cmd))
		return;
	va_start(arguments, format);
	add_taken(cmd, "add_arg_format", format_text(format, arguments));
	va_end(arguments);
}

void nsh_command_set_arg0(struct nsh_command *cmd, const char *arg0)
{
	nsh_command_replace(cmd, "set_arg0", cmd ? &cmd->arg0 : NULL, arg0);
}

/* The flags are separate from argv and absent without secrets, so that the
 * common command pays nothing for them. */
void nsh_command_mark_secret(struct nsh_command *cmd)
{
	size_t count = cmd ? cmd->argv.count : 0;
	bool *secret;

	if (!nsh_command_usable(cmd))
		return;
	if (count > cmd->secret_capacity) {
		secret = realloc(cmd->secret, count * 2 * sizeof *secret);
		if (!secret) {
			nsh_command_no_memory(cmd, "mark_secret");
			return;
		}
		/* Arguments that are added later are not secret. */
		memset(secret + cmd->secret_capacity, 0,
		       (count * 2 - cmd->secret_capacity) * sizeof *secret);
		cmd->secret = secret;
		cmd->secret_capacity = count * 2;
	}
	cmd->secret[count - 1] = true;
}

bool nsh_command_arg_is_secret(const struct nsh_command *cmd, size_t index)
{
	return cmd && index < cmd->secret_capacity && cmd->secret[index];
}

/* ---- getters -------------------------------------------------------------- */

const char *const *nsh_command_argv(const struct nsh_command *cmd)
{
	static const char *const none[] = { NULL };

	if (!cmd || !cmd->argv.items)
		return none;
	return (const char *const *)cmd->argv.items;
}

const void *nsh_command_input(const struct nsh_command *cmd, size_t *ret_size)
{
	if (!cmd || cmd->stdio[0].kind != NSH_STDIO_BUFFER)
		return NULL;
	*ret_size = cmd->input.size;
	return cmd->input.data ? cmd->input.data : "";
}

const char *nsh_command_working_directory(const struct nsh_command *cmd)
{
	return cmd ? cmd->attributes.cwd : NULL;
}

int nsh_command_find_pipe(const struct nsh_command *cmd, int from)
{
	for (int which = from; which < 3; which++)
		if (nsh_command_stdio(cmd, which) == NSH_STDIO_PIPE)
			return which;
	return -1;
}

enum nsh_stdio nsh_command_stdio(const struct nsh_command *cmd, int which)
{
	return cmd && which >= 0 && which <= 2 ? cmd->stdio[which].kind
		: NSH_STDIO_DEFAULT;
}
