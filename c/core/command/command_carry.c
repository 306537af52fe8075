/* Turns a command for another machine into the one that is run here in its place. */
#include "command.h"

#include <stdlib.h>

static void clear_text(char **text)
{
	free(*text);
	*text = NULL;
}

/* Keeps the rules by which the end of the program is a success. */
static void clear_attributes(struct attributes *asked)
{
	struct attributes kept = { .allowed_exit = asked->allowed_exit };

#define RULE(name, key, ...) kept.key = asked->key;
#define TEXT(name, key, ...) free(asked->key);
#include "setters.def"
	free(asked->limits);
	free(asked->cpus);
	free(asked->groups);
	*asked = kept;
}

void nsh_command_carry(struct nsh_command *cmd, const char *const *argv)
{
	if (!nsh_command_usable(cmd))
		return;
	nsh_strv_clear(&cmd->argv);
	free(cmd->secret);
	cmd->secret = NULL;
	cmd->secret_capacity = 0;
	nsh_env_free(&cmd->env);
	clear_text(&cmd->arg0);
	clear_text(&cmd->selinux_label);
	clear_text(&cmd->apparmor_profile);
	nsh_sandbox_free(cmd->sandbox);
	cmd->sandbox = NULL;
	cmd->clear_caps = false;
	cmd->allow_caps = 0;
	clear_attributes(&cmd->attributes);
	cmd->timeout = -1;
	for (; *argv; argv++)
		if (nsh_strv_add(&cmd->argv, *argv) < 0) {
			nsh_command_no_memory(cmd, "command");
			return;
		}
}
