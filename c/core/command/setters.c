/* Setters of a single scalar, generated from setters.def. */
#include <stdio.h>

#include "command.h"
#include "sys.h"

static bool check_range(struct nsh_command *cmd, const char *method,
			int value, int minimum, int maximum)
{
	char reason[64];

	if (value < minimum || value > maximum) {
		(void)snprintf(reason, sizeof reason, "not from %d to %d",
			       minimum, maximum);
		nsh_command_reject_number(cmd, method, value, reason);
	}
	return nsh_command_usable(cmd);
}

static bool check_mask(struct nsh_command *cmd, const char *method,
		       unsigned value, unsigned maximum)
{
	char reason[64];

	if (value > maximum) {
		(void)snprintf(reason, sizeof reason, "not a mask from 0 to 0%o",
			       maximum);
		nsh_command_reject_number(cmd, method, value, reason);
	}
	return nsh_command_usable(cmd);
}

static bool check_signal(struct nsh_command *cmd, const char *method, int number)
{
	if (number < 1 || number > NSH_SIGNALS)
		nsh_command_reject_number(cmd, method, number, "no such signal");
	return nsh_command_usable(cmd);
}

static void set_text(struct nsh_command *cmd, const char *method, char **target,
		     const char *text)
{
	if (text && !*text)
		nsh_command_reject_string(cmd, method, "", "the path is empty");
	nsh_command_replace(cmd, method, target, text);
}

#define FLAG(name, key, ...) \
	void nsh_command_##name(struct nsh_command *cmd) \
	{ \
		if (nsh_command_usable(cmd)) \
			cmd->attributes.key = true; \
	}
#define RULE(name, key, text) FLAG(name, key, NONE, text)
#define INTEGER(name, key, minimum, maximum, ...) \
	void nsh_command_##name(struct nsh_command *cmd, int value) \
	{ \
		if (!check_range(cmd, #name, value, minimum, maximum)) \
			return; \
		cmd->attributes.has_##key = true; \
		cmd->attributes.key = value; \
	}
#define MASK(name, key, maximum, ...) \
	void nsh_command_##name(struct nsh_command *cmd, unsigned mask) \
	{ \
		if (!check_mask(cmd, #name, mask, maximum)) \
			return; \
		cmd->attributes.has_##key = true; \
		cmd->attributes.key = mask; \
	}
#define SIGNAL(name, key, ...) \
	void nsh_command_##name(struct nsh_command *cmd, int signal) \
	{ \
		if (check_signal(cmd, #name, signal)) \
			cmd->attributes.key = signal; \
	}
#define LIMIT(name, key, limit, ...) \
	void nsh_command_##name(struct nsh_command *cmd, uint64_t value) \
	{ \
		nsh_command_set_limit_by(cmd, #name, limit, value, value); \
	}
#define TEXT(name, key, ...) \
	void nsh_command_##name(struct nsh_command *cmd, const char *text) \
	{ \
		set_text(cmd, #name, cmd ? &cmd->attributes.key : NULL, text); \
	}
#include "setters.def"

/* ---- the rows as data ----------------------------------------------------- *
 * Bindings read them through nsh_setter and generate their methods. */

#define ROW(name, key, KIND, low, high, stage_, description, member) \
	{ #name, #key, description, NSH_SETTER_##KIND, low, high, NSH_STAGE_##stage_, \
	  { .member = nsh_command_##name } },
#define FLAG(name, key, stage, words) \
	ROW(name, key, FLAG, 0, 0, stage, words, flag)
#define RULE(name, key, words) FLAG(name, key, NONE, words)
#define INTEGER(name, key, minimum, maximum, stage, words) \
	ROW(name, key, INTEGER, minimum, maximum, stage, words, integer)
#define MASK(name, key, maximum, stage, words) \
	ROW(name, key, MASK, 0, maximum, stage, words, mask)
#define SIGNAL(name, key, stage, words) \
	ROW(name, key, SIGNAL, 1, NSH_SIGNALS, stage, words, integer)
#define LIMIT(name, key, rlimit, words) \
	ROW(name, key, LIMIT, 0, 0, LIMIT, words, limit)
#define TEXT(name, key, stage, words) \
	ROW(name, key, TEXT, 0, 0, stage, words, text)

static const struct nsh_setter rows[] = {
#include "setters.def"
};

enum row {
#define FLAG(name, ...) ROW_##name,
#define RULE(name, ...) ROW_##name,
#define INTEGER(name, ...) ROW_##name,
#define MASK(name, ...) ROW_##name,
#define SIGNAL(name, ...) ROW_##name,
#define LIMIT(name, ...) ROW_##name,
#define TEXT(name, ...) ROW_##name,
#include "setters.def"
	ROW_COUNT
};

const struct nsh_setter *nsh_setter(size_t index)
{
	return index < ROW_COUNT ? &rows[index] : NULL;
}

bool nsh_command_setter_value(const struct nsh_command *cmd, size_t index,
			      int *ret_value, const char **ret_text)
{
	const struct attributes *asked = &cmd->attributes;
	const char *text = NULL;
	bool is_set = false;
	int value = 0;

/* A LIMIT has no case: nsh_command_limit reports it. */
#define IS(name, condition, number) \
	case ROW_##name: \
		is_set = condition; \
		value = (int)(number); \
		break;
	switch ((enum row)index) {
#define FLAG(name, key, ...) IS(name, asked->key, 1)
#define RULE(name, key, ...) IS(name, asked->key, 1)
#define INTEGER(name, key, ...) IS(name, asked->has_##key, asked->key)
#define MASK(name, key, ...) IS(name, asked->has_##key, asked->key)
#define SIGNAL(name, key, ...) IS(name, asked->key != 0, asked->key)
#define TEXT(name, key, ...) case ROW_##name: text = asked->key; break;
#include "setters.def"
	default:
		break;
	}
	if (!is_set && !text)
		return false;
	*ret_value = value;
	*ret_text = text;
	return true;
}
