#include "args.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "secret.h"

/* ---- begin and end ----------------------------------------------------- */

static void check_count(const struct setter *setter, int min, int max)
{
	if (setter->count < min)
		nsh_lua_reject(setter, nsh_lua_argument(setter->count + 1),
			       "is missing");
	if (max >= 0 && setter->count > max)
		nsh_lua_reject(setter, nsh_lua_argument(max + 1),
			       "is one too many: %s takes %d",
			       setter->method, max);
}

struct setter nsh_lua_setter_begin(lua_State *L, const char *method, int min,
				   int max)
{
	const struct command *command = nsh_lua_check_self(L, NSH_LUA_COMMAND, method);
	struct nsh_command *cmd = command->cmd;
	struct setter setter = { L, cmd, method, lua_gettop(L) - 1, false };

	setter.spoiled = nsh_command_argument_error(cmd);
	/* f(x, nil) is the same as f(x), as in Lua's own functions. */
	while (max >= 0 && setter.count > max && lua_isnil(L, setter.count + 1))
		setter.count--;
	check_count(&setter, min, max);
	if (setter.count < max)
		lua_settop(L, max + 1);
	return setter;
}

int nsh_lua_setter_end(const struct setter *setter)
{
	nsh_lua_setter_note(setter);
	lua_settop(setter->L, 1);
	return 1;
}

bool nsh_lua_setter_works(const struct setter *setter)
{
	return !setter->spoiled && !nsh_command_argument_error(setter->cmd);
}

/* ---- argument errors and places ------------------------------------------ */

void nsh_lua_reject(const struct setter *setter, struct place place,
		    const char *reason, ...)
{
	char value[NSH_LUA_VALUE_SIZE], text[512];
	va_list arguments;
	int used;

	if (!nsh_lua_setter_works(setter))
		return;
	nsh_lua_describe(setter->L, place.index, value);
	if (place.number > 0)
		used = snprintf(text, sizeof text, "%s %d ", place.name, place.number);
	else
		used = snprintf(text, sizeof text, "option '%s' ", place.name);
	va_start(arguments, reason);
	(void)vsnprintf(text + used, sizeof text - (size_t)used, reason, arguments);
	va_end(arguments);
	nsh_command_set_argument_error(setter->cmd, setter->method, value, text, EINVAL);
}

struct place nsh_lua_argument(int number)
{
	return (struct place){ number + 1, "argument", number };
}

struct place nsh_lua_item(lua_State *L, int number)
{
	return (struct place){ lua_gettop(L), "item", number };
}

struct place nsh_lua_push_option(const struct setter *setter,
				 struct place options, const char *name)
{
	lua_State *L = setter->L;

	lua_pushstring(L, name);
	/* Raw, because a metamethod could raise an error. */
	if (lua_istable(L, options.index))
		lua_rawget(L, options.index);
	else
		lua_pushnil(L);
	return (struct place){ lua_gettop(L), name, 0 };
}

/* ---- strings ----------------------------------------------------------- */

static void reject_type(const struct setter *setter, struct place place,
			const char *wanted)
{
	nsh_lua_reject(setter, place, "must be %s", wanted);
}

static bool get_number_text(const struct setter *setter, struct place place,
			    struct bytes *ret_bytes)
{
	char text[NSH_LUA_NUMBER_SIZE];

	if (!nsh_lua_number_text(setter->L, place.index, text)) {
		nsh_lua_reject(setter, place, "must be a finite number");
		return false;
	}
	lua_pushstring(setter->L, text);
	lua_replace(setter->L, place.index);
	ret_bytes->data = lua_tolstring(setter->L, place.index, &ret_bytes->size);
	return true;
}

bool nsh_lua_get_bytes(const struct setter *setter, struct place place,
		       struct bytes *ret_bytes)
{
	const struct secret *secret = nsh_lua_test_secret(setter->L, place.index);
	struct bytes bytes = { NULL, 0, secret };

	if (!nsh_lua_setter_works(setter))
		return false;
	if (secret) {
		bytes.data = secret->data;
		bytes.size = secret->size;
	} else if (lua_type(setter->L, place.index) == LUA_TSTRING) {
		bytes.data = lua_tolstring(setter->L, place.index, &bytes.size);
	} else if (lua_type(setter->L, place.index) != LUA_TNUMBER) {
		reject_type(setter, place, "a string or a number");
		return false;
	} else if (!get_number_text(setter, place, &bytes)) {
		return false;
	}
	*ret_bytes = bytes;
	return true;
}

bool nsh_lua_get_argument(const struct setter *setter, struct place place,
			  struct bytes *ret_bytes)
{
	struct bytes bytes;

	if (!nsh_lua_get_bytes(setter, place, &bytes))
		return false;
	if (memchr(bytes.data, 0, bytes.size)) {
		nsh_lua_reject(setter, place, "contains a zero byte");
		return false;
	}
	*ret_bytes = bytes;
	return true;
}

bool nsh_lua_get_text(const struct setter *setter, struct place place,
		      const char **ret_text)
{
	struct bytes bytes;

	if (!nsh_lua_get_argument(setter, place, &bytes))
		return false;
	if (bytes.secret) {
		nsh_lua_reject(setter, place, "is a secret, which cannot be "
			       "hidden here");
		return false;
	}
	*ret_text = bytes.data;
	return true;
}

/* ---- numbers ----------------------------------------------------------- */

bool nsh_lua_get_integer(const struct setter *setter, struct place place,
			 int64_t min, int64_t max, int64_t *ret_integer)
{
	int64_t integer;

	if (!nsh_lua_setter_works(setter))
		return false;
	if (!nsh_lua_integer(setter->L, place.index, &integer)) {
		reject_type(setter, place, "an integer");
		return false;
	}
	if (integer < min || integer > max) {
		if (max == INT64_MAX)
			nsh_lua_reject(setter, place, "must be at least %lld",
				       (long long)min);
		else
			nsh_lua_reject(setter, place, "must be from %lld to %lld",
				       (long long)min, (long long)max);
		return false;
	}
	*ret_integer = integer;
	return true;
}

bool nsh_lua_get_int(const struct setter *setter, struct place place, int min,
		     int max, int *ret_integer)
{
	int64_t integer;

	if (!nsh_lua_get_integer(setter, place, min, max, &integer))
		return false;
	*ret_integer = (int)integer;
	return true;
}

bool nsh_lua_get_seconds(const struct setter *setter, struct place place,
			 double *ret_seconds)
{
	double seconds;

	if (!nsh_lua_setter_works(setter))
		return false;
	if (lua_type(setter->L, place.index) != LUA_TNUMBER) {
		reject_type(setter, place, "a number of seconds");
		return false;
	}
	seconds = lua_tonumber(setter->L, place.index);
	if (!isfinite(seconds) || seconds < 0) {
		nsh_lua_reject(setter, place, "must be finite and not negative");
		return false;
	}
	*ret_seconds = seconds;
	return true;
}

/* Lua has no octal literals: it reads 022 as decimal 22, which is octal 026. */
static bool get_digit(const struct setter *setter, struct place place,
		      const char *example, int *ret_value)
{
	if (!nsh_lua_setter_works(setter))
		return false;
	if (lua_tonumber(setter->L, place.index) > 7) {
		nsh_lua_reject(setter, place, "is a decimal number: write the octal "
			       "digits as a string, such as \"%s\"", example);
		return false;
	}
	return nsh_lua_get_int(setter, place, 0, 7, ret_value);
}

bool nsh_lua_get_octal(const struct setter *setter, struct place place, int maximum,
		       const char *what, const char *example, int *ret_value)
{
	const char *text;
	size_t size;

	if (lua_type(setter->L, place.index) != LUA_TSTRING)
		return get_digit(setter, place, example, ret_value);
	text = lua_tolstring(setter->L, place.index, &size);
	if (size == 0 || size > 4 || strspn(text, "01234567") != size
	    || strtol(text, NULL, 8) > maximum) {
		nsh_lua_reject(setter, place, "must be an octal %s from 0 to %o", what,
			       (unsigned)maximum);
		return false;
	}
	*ret_value = (int)strtol(text, NULL, 8);
	return true;
}

static bool is_unlimited(lua_State *L, int index)
{
	if (lua_type(L, index) == LUA_TSTRING)
		return strcmp(lua_tostring(L, index), "unlimited") == 0;
	return lua_type(L, index) == LUA_TNUMBER
		&& lua_tonumber(L, index) == (double)INFINITY;
}

bool nsh_lua_get_limit(const struct setter *setter, struct place place,
		       uint64_t *ret_limit)
{
	int64_t limit;

	if (!nsh_lua_setter_works(setter))
		return false;
	if (is_unlimited(setter->L, place.index)) {
		*ret_limit = NSH_UNLIMITED;
		return true;
	}
	if (!nsh_lua_integer(setter->L, place.index, &limit) || limit < 0) {
		reject_type(setter, place, "an integer of at least 0, math.huge or "
			    "\"unlimited\"");
		return false;
	}
	*ret_limit = (uint64_t)limit;
	return true;
}

bool nsh_lua_get_flag(const struct setter *setter, struct place place,
		      bool *ret_flag)
{
	if (!nsh_lua_setter_works(setter))
		return false;
	if (lua_isnil(setter->L, place.index))
		return true;
	if (!lua_isboolean(setter->L, place.index)) {
		reject_type(setter, place, "true or false");
		return false;
	}
	*ret_flag = lua_toboolean(setter->L, place.index);
	return true;
}
