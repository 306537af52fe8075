/*
 * args.h: the arguments of a builder's setter.  A setter never raises: what
 * it cannot take becomes the command's first mistake, with the method, the
 * value, the reason and the caller's file:line, and running tells.  Each has
 * the form
 *
 *	struct setter setter = nsh_lua_setter_begin(L, "set_x", 1, 1);
 *
 *	if (nsh_lua_get_text(&setter, nsh_lua_argument(1), &text))
 *		nsh_command_set_x(setter.cmd, text);
 *	return nsh_lua_setter_end(&setter);
 *
 * A get function that returns false has made the mistake, or there was one
 * before; what `ret_` points to is then untouched.
 */
#ifndef NSH_LUA_ARGS_H
#define NSH_LUA_ARGS_H

#include "../noshell.h"
#include "compat.h"
#include "value.h"

struct setter {
	lua_State *L;
	struct nsh_command *cmd;
	const char *method;
	int count;     /* arguments, without the command itself */
	bool spoiled;  /* there was a mistake before this call */
};

/* Where a value stands, and how a message calls it. */
struct place {
	int index;         /* on the stack; positive */
	const char *name;  /* "argument", "item", or an option's key */
	int number;        /* 0 for an option */
};

struct bytes {
	const char *data;  /* zero byte behind it; lives as long as the value */
	size_t size;
	bool secret;
};

/* The command is at index 1, else this raises.  Between min and max arguments
 * (max < 0: any number) follow, else that is the mistake.  Missing optional
 * ones are nil. */
struct setter nsh_lua_setter_begin(lua_State *L, const char *method, int min,
				   int max);
/* Notes where a mistake was made, and returns the command to Lua. */
int nsh_lua_setter_end(const struct setter *setter);
/* Notes where a mistake was made. */
void nsh_lua_setter_note(const struct setter *setter);
/* Whether the command can still be changed. */
bool nsh_lua_setter_works(const struct setter *setter);

/* Makes the mistake: the value at `place`, and "argument 2 <reason>". */
void nsh_lua_reject(const struct setter *setter, struct place place,
		    const char *reason, ...)
	__attribute__((format(printf, 3, 4)));

struct place nsh_lua_argument(int number);
/* The value on top of the stack, as item `number` of a list. */
struct place nsh_lua_item(lua_State *L, int number);
/* Pushes options[name]. */
struct place nsh_lua_push_option(const struct setter *setter,
				 struct place options, const char *name);

/* A string without zero bytes, or a number; secrets are refused. */
bool nsh_lua_get_text(const struct setter *setter, struct place place,
		      const char **ret_text);
/* The same, and secrets are taken too. */
bool nsh_lua_get_argument(const struct setter *setter, struct place place,
			  struct bytes *ret_bytes);
/* A string of any bytes, a number or a secret. */
bool nsh_lua_get_bytes(const struct setter *setter, struct place place,
		       struct bytes *ret_bytes);
bool nsh_lua_get_integer(const struct setter *setter, struct place place,
			 int64_t min, int64_t max, int64_t *ret_integer);
bool nsh_lua_get_int(const struct setter *setter, struct place place, int min,
		     int max, int *ret_integer);
/* A number that is not negative and not infinite. */
bool nsh_lua_get_seconds(const struct setter *setter, struct place place,
			 double *ret_seconds);
/* An integer from 0; "unlimited" and math.huge are NSH_UNLIMITED. */
bool nsh_lua_get_limit(const struct setter *setter, struct place place,
		       uint64_t *ret_limit);
/* true or false; nil leaves *ret_flag alone. */
bool nsh_lua_get_flag(const struct setter *setter, struct place place,
		      bool *ret_flag);
/* A table with no other keys than those in `names`, ended by NULL. */
bool nsh_lua_get_options(const struct setter *setter, struct place place,
			 const char *const *names);
/* A table that is a list without holes, and its length. */
bool nsh_lua_get_list(const struct setter *setter, struct place place,
		      int *ret_length);

/* ---- where ------------------------------------------------------------- */

/* core.set_source_prefix(prefix): frames of chunks whose source starts with
 * it are not the caller. */
int nsh_lua_set_source_prefix(lua_State *L);
/* core.where(): "file:line" of the nearest frame that is, or "". */
int nsh_lua_where(lua_State *L);
/* Raises the text after that place: what was done wrong was not done here. */
int nsh_lua_raise(lua_State *L, const char *text);

#endif
