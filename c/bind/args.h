/*
 * args.h: the arguments of a command's setter.  A setter never raises an error for
 * its arguments: it records an argument error in the command, with the method, the
 * value, the reason and the caller's file:line, and running the command returns
 * it.  Each setter has the form
 *
 *	struct setter setter = nsh_lua_setter_begin(L, "set_x", 1, 1);
 *
 *	if (nsh_lua_get_text(&setter, nsh_lua_argument(1), &text))
 *		nsh_command_set_x(setter.cmd, text);
 *	return nsh_lua_setter_end(&setter);
 *
 * A get function returns false if it has recorded an argument error, or if there was
 * one before; the `ret_` parameters are then unchanged.
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
	bool spoiled;  /* there was an argument error before this call */
};

/* The place of a value on the stack, and its name in messages. */
struct place {
	int index;         /* on the stack; positive */
	const char *name;  /* "argument", "item", or an option's key */
	int number;        /* 0 for an option */
};

struct bytes {
	const char *data;  /* followed by a zero byte; valid as long as the value */
	size_t size;
	bool secret;
};

/* Begins a setter.  Raises an error if index 1 is not a command.  Records an
 * argument error unless min to max arguments follow (max < 0: no maximum).
 * Pushes nil for missing optional ones. */
struct setter nsh_lua_setter_begin(lua_State *L, const char *method, int min,
				   int max);
/* Ends a setter: records the caller's place if the setter made an argument
 * error, and returns the command to Lua. */
int nsh_lua_setter_end(const struct setter *setter);
/* Records the caller's place if the setter made an argument error. */
void nsh_lua_setter_note(const struct setter *setter);
/* True if the command can still be changed. */
bool nsh_lua_setter_works(const struct setter *setter);

/* Records an argument error: the value at `place`, and "argument 2
 * <reason>". */
void nsh_lua_reject(const struct setter *setter, struct place place,
		    const char *reason, ...)
	__attribute__((format(printf, 3, 4)));

struct place nsh_lua_argument(int number);
/* Returns the place of the value on top of the stack, item `number` of a
 * list. */
struct place nsh_lua_item(lua_State *L, int number);
/* Pushes options[name]. */
struct place nsh_lua_push_option(const struct setter *setter,
				 struct place options, const char *name);

/* Gets a string without zero bytes, or a number, but no secret. */
bool nsh_lua_get_text(const struct setter *setter, struct place place,
		      const char **ret_text);
/* Gets a string without zero bytes, a number or a secret. */
bool nsh_lua_get_argument(const struct setter *setter, struct place place,
			  struct bytes *ret_bytes);
/* Gets a string of any bytes, a number or a secret. */
bool nsh_lua_get_bytes(const struct setter *setter, struct place place,
		       struct bytes *ret_bytes);
bool nsh_lua_get_integer(const struct setter *setter, struct place place,
			 int64_t min, int64_t max, int64_t *ret_integer);
bool nsh_lua_get_int(const struct setter *setter, struct place place, int min,
		     int max, int *ret_integer);
/* Gets a finite number that is not negative. */
bool nsh_lua_get_seconds(const struct setter *setter, struct place place,
			 double *ret_seconds);
/* Gets octal text such as "022", as umask(1) takes it, or one digit.  `example` and
 * `what` ("mask") are for the messages. */
bool nsh_lua_get_octal(const struct setter *setter, struct place place, int maximum,
		       const char *what, const char *example, int *ret_value);
/* Gets an integer of at least 0; "unlimited" and math.huge are
 * NSH_UNLIMITED. */
bool nsh_lua_get_limit(const struct setter *setter, struct place place,
		       uint64_t *ret_limit);
/* Gets true or false; leaves *ret_flag unchanged for nil. */
bool nsh_lua_get_flag(const struct setter *setter, struct place place,
		      bool *ret_flag);
/* Checks for a table without keys other than `names`, which ends in NULL. */
bool nsh_lua_get_options(const struct setter *setter, struct place place,
			 const char *const *names);
/* Checks for a list without holes, and returns its length. */
bool nsh_lua_get_list(const struct setter *setter, struct place place,
		      int *ret_length);

/* ---- the caller's place -------------------------------------------------- */

/* core.set_source_prefix(prefix): frames whose source starts with the prefix
 * are noshell's own. */
int nsh_lua_set_source_prefix(lua_State *L);
/* core.where(): "file:line" of the nearest frame that is not noshell's, or "", and
 * true if a tail call hides the call: the line is then that of an outer call. */
int nsh_lua_where(lua_State *L);
/* The first character of an argument error's place if a tail call hides the call. */
#define NSH_LUA_HIDDEN '\t'
/* Raises an error that begins with core.where(): errors report the caller's line, not
 * ours. */
int nsh_lua_raise(lua_State *L, const char *text);
/* Returns the userdata at index 1, the object whose method was called.  Raises an error
 * if it is not of that type: the method was called with a dot.  `method` is the name
 * for the error; NULL: that of the running function. */
void *nsh_lua_check_self(lua_State *L, const char *type, const char *method);

#endif
