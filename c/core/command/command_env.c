/* The environment setters of a command. */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Records the error of an env.h function. */
static void check(struct nsh_command *cmd, const char *method,
		  const char *value, int ret)
{
	if (ret == 0)
		return;
	if (errno == EINVAL)
		nsh_command_reject_string(cmd, method, value,
				   "a variable name must not be empty or contain '='");
	else
		nsh_command_no_memory(cmd, method);
}

static bool ready(struct nsh_command *cmd, const char *method, const char *text)
{
	if (!nsh_command_usable(cmd))
		return false;
	if (!text)
		nsh_command_reject(cmd, method, "NULL", "a string is required");
	return text;
}

void nsh_command_add_env_pair(struct nsh_command *cmd, const char *name,
			      const char *value)
{
	static const char method[] = "add_env_pair";

	if (ready(cmd, method, name) && ready(cmd, method, value))
		check(cmd, method, name, nsh_env_set(&cmd->env, name, value));
}

static void add_string(struct nsh_command *cmd, const char *method,
		       const char *pair)
{
	if (!ready(cmd, method, pair))
		return;
	if (!strchr(pair, '=') || *pair == '=')
		nsh_command_reject_string(cmd, method, pair, "not of the form NAME=value");
	else
		check(cmd, method, pair, nsh_env_set_pair(&cmd->env, pair));
}

void nsh_command_add_env_string(struct nsh_command *cmd, const char *pair)
{
	add_string(cmd, "add_env_string", pair);
}

void nsh_command_add_env_format(struct nsh_command *cmd, const char *format, ...)
{
	va_list arguments;
	char *pair = NULL;

	if (!ready(cmd, "add_env_format", format))
		return;
	va_start(arguments, format);
	if (vasprintf(&pair, format, arguments) < 0)
		nsh_command_no_memory(cmd, "add_env_format");
	else
		add_string(cmd, "add_env_format", pair);
	va_end(arguments);
	free(pair);
}

static void pass(struct nsh_command *cmd, const char *method, const char *name)
{
	if (ready(cmd, method, name))
		check(cmd, method, name, nsh_env_pass(&cmd->env, name));
}

void nsh_command_pass_env(struct nsh_command *cmd, const char *name)
{
	pass(cmd, "pass_env", name);
}

void nsh_command_pass_env_allow_suid(struct nsh_command *cmd, const char *name)
{
	pass(cmd, "pass_env_allow_suid", name);
}

void nsh_command_pass_env_block_suid(struct nsh_command *cmd, const char *name,
				     const char *fallback)
{
	static const char method[] = "pass_env_block_suid";

	if (ready(cmd, method, name))
		check(cmd, method, name,
		      nsh_env_pass_unless_suid(&cmd->env, name, fallback));
}

/* The list is that of libvirt's virCommandAddEnvPassCommon on Linux.  LC_ALL=C,
 * so that callers parse messages and numbers of one locale. */
void nsh_command_pass_env_common(struct nsh_command *cmd)
{
	static const char method[] = "pass_env_common";
	static const char *const names[] = {
		"LD_PRELOAD", "LD_LIBRARY_PATH", "PATH", "HOME", "USER",
		"LOGNAME", "TMPDIR",
	};

	if (!nsh_command_usable(cmd))
		return;
	check(cmd, method, "LC_ALL", nsh_env_set(&cmd->env, "LC_ALL", "C"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		pass(cmd, method, names[i]);
}

void nsh_command_add_env_xdg(struct nsh_command *cmd, const char *base)
{
	static const char method[] = "add_env_xdg";
	static const char *const formats[] = {
		"XDG_DATA_HOME=%s/.local/share",
		"XDG_CACHE_HOME=%s/.cache",
		"XDG_CONFIG_HOME=%s/.config",
	};

	if (!ready(cmd, method, base))
		return;
	if (*base != '/')
		nsh_command_reject_string(cmd, method, base, "not an absolute path");
	for (size_t i = 0; i < 3 && nsh_command_usable(cmd); i++) {
		char *pair;

		if (asprintf(&pair, formats[i], base) < 0) {
			nsh_command_no_memory(cmd, method);
			return;
		}
		add_string(cmd, method, pair);
		free(pair);
	}
}

void nsh_command_inherit_env(struct nsh_command *cmd)
{
	if (!nsh_command_usable(cmd))
		return;
	cmd->env.inherit = true;
	cmd->env.cleared = false;
}

void nsh_command_unset_env(struct nsh_command *cmd, const char *name)
{
	if (ready(cmd, "unset_env", name))
		check(cmd, "unset_env", name, nsh_env_unset(&cmd->env, name));
}

void nsh_command_clear_env(struct nsh_command *cmd)
{
	if (nsh_command_usable(cmd))
		nsh_env_clear(&cmd->env);
}

/* Returns the directory that the command sets; NULL: none. */
static const char *directory(const struct nsh_command *cmd)
{
	const struct attributes *asked = &cmd->attributes;

	return asked->daemonize && !asked->cwd ? "/" : asked->cwd;
}

char **nsh_command_environment(const struct nsh_command *cmd)
{
	const char **list = NULL;
	struct strv copy = { NULL, 0, 0 };
	char *pwd = NULL;
	bool failed;

	if (cmd && nsh_env_pwd(directory(cmd), &pwd) == 0)
		list = nsh_env_build(&cmd->env, pwd);
	failed = cmd && !list;
	for (const char **s = list; !failed && *s; s++)
		failed = nsh_strv_add(&copy, *s) < 0;
	free(list);
	free(pwd);
	if (failed) {
		nsh_strv_clear(&copy);
		return NULL;
	}
	return copy.items ? copy.items : calloc(1, sizeof *copy.items);
}
