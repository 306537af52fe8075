/* Setters of arguments and environment. */
#include "command.h"
#include "secret.h"

void nsh_lua_add_argument(const struct setter *setter, struct place place)
{
	struct bytes argument;

	if (!nsh_lua_get_argument(setter, place, &argument))
		return;
	nsh_command_add_arg(setter->cmd, argument.data);
	if (argument.secret)
		nsh_command_mark_secret(setter->cmd);
}

static int add_arg(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "add_arg", 1, 1);

	nsh_lua_add_argument(&setter, nsh_lua_argument(1));
	return nsh_lua_setter_end(&setter);
}

static void add_list(const struct setter *setter, struct place list)
{
	int length;

	if (!nsh_lua_get_list(setter, list, &length))
		return;
	if (length == 0)
		nsh_lua_reject(setter, list, "is an empty list");
	for (int i = 1; i <= length; i++) {
		lua_rawgeti(setter->L, list.index, i);
		nsh_lua_add_argument(setter, nsh_lua_item(setter->L, i));
		lua_pop(setter->L, 1);
	}
}

static int add_args(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "add_args", 0, -1);

	if (setter.count == 1 && lua_istable(L, 2))
		add_list(&setter, nsh_lua_argument(1));
	else
		for (int i = 1; i <= setter.count; i++)
			nsh_lua_add_argument(&setter, nsh_lua_argument(i));
	return nsh_lua_setter_end(&setter);
}

static int add_arg_pair(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "add_arg_pair", 2, 2);
	struct bytes value;
	const char *name;

	if (nsh_lua_get_text(&setter, nsh_lua_argument(1), &name)
	    && nsh_lua_get_argument(&setter, nsh_lua_argument(2), &value)) {
		nsh_command_add_arg_pair(setter.cmd, name, value.data);
		if (value.secret)
			nsh_command_mark_secret(setter.cmd);
	}
	return nsh_lua_setter_end(&setter);
}

/* ---- formatted --------------------------------------------------------- */

/* Pushes an argument of the format; a secret as the string that it hides. */
static bool push_formatted_argument(lua_State *L, int index)
{
	const struct secret *secret = nsh_lua_test_secret(L, index);

	if (secret)
		lua_pushlstring(L, secret->data, secret->size);
	else
		lua_pushvalue(L, index);
	return secret;
}

/* Records the error of string.format, on top of the stack.  Called from C, it
 * does not know its name ('?'), or knows it as 'string.format' on some Luas. */
static void reject_format(const struct setter *setter)
{
	lua_State *L = setter->L;
	const char *text = lua_tostring(L, -1);

	text = luaL_gsub(L, text ? text : "?", "to '?'", "to 'format'");
	text = luaL_gsub(L, text, "to 'string.format'", "to 'format'");
	nsh_lua_reject(setter, nsh_lua_argument(1), "cannot be formatted: %s", text);
}

/* Pushes the result of string.format for the arguments. */
static bool push_formatted(const struct setter *setter, struct bytes *ret_bytes)
{
	lua_State *L = setter->L;
	bool secret = false;

	if (!nsh_lua_setter_works(setter))
		return false;
	luaL_checkstack(L, setter->count + 1, "too many arguments");
	lua_pushvalue(L, lua_upvalueindex(1));
	for (int i = 1; i <= setter->count; i++)
		secret |= push_formatted_argument(L, i + 1);
	if (lua_pcall(L, setter->count, 1, 0) != 0) {
		reject_format(setter);
		return false;
	}
	if (!nsh_lua_get_argument(setter, (struct place){ lua_gettop(L),
				  "argument", 1 }, ret_bytes))
		return false;
	ret_bytes->secret = secret;
	return true;
}

static int add_arg_format(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "add_arg_format", 1, -1);
	struct bytes text;

	if (push_formatted(&setter, &text)) {
		nsh_command_add_arg(setter.cmd, text.data);
		if (text.secret)
			nsh_command_mark_secret(setter.cmd);
	}
	return nsh_lua_setter_end(&setter);
}

static int add_env_format(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "add_env_format", 1, -1);
	struct bytes text;

	if (push_formatted(&setter, &text)) {
		if (text.secret)
			nsh_lua_reject(&setter, nsh_lua_argument(1), "formats a "
				       "secret, which cannot be hidden here");
		nsh_command_add_env_format(setter.cmd, "%s", text.data);
	}
	return nsh_lua_setter_end(&setter);
}

/* ---- environment ------------------------------------------------------- */

static int add_env_pair(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "add_env_pair", 2, 2);
	const char *name, *value;

	if (nsh_lua_get_text(&setter, nsh_lua_argument(1), &name)
	    && nsh_lua_get_text(&setter, nsh_lua_argument(2), &value))
		nsh_command_add_env_pair(setter.cmd, name, value);
	return nsh_lua_setter_end(&setter);
}

static int pass_env(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "pass_env", 1, -1);
	const char *name;

	for (int i = 1; i <= setter.count; i++)
		if (nsh_lua_get_text(&setter, nsh_lua_argument(i), &name))
			nsh_command_pass_env(setter.cmd, name);
	return nsh_lua_setter_end(&setter);
}

static int pass_env_block_suid(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "pass_env_block_suid", 1, 2);
	const char *name, *fallback = NULL;

	if (nsh_lua_get_text(&setter, nsh_lua_argument(1), &name)
	    && (lua_isnil(L, 3)
		|| nsh_lua_get_text(&setter, nsh_lua_argument(2), &fallback)))
		nsh_command_pass_env_block_suid(setter.cmd, name, fallback);
	return nsh_lua_setter_end(&setter);
}

static const luaL_Reg methods[] = {
	{ "add_arg", add_arg },
	{ "add_args", add_args },
	{ "add_arg_pair", add_arg_pair },
	{ "add_env_pair", add_env_pair },
	{ "pass_env", pass_env },
	{ "pass_env_block_suid", pass_env_block_suid },
	{ NULL, NULL }
};

/* Adds a method with string.format as its upvalue: scripts may replace it
 * later. */
static void add_formatting(lua_State *L, const char *name, lua_CFunction method)
{
	lua_getglobal(L, "string");
	if (lua_istable(L, -1))
		lua_getfield(L, -1, "format");
	else
		lua_pushnil(L);
	lua_remove(L, -2);
	lua_pushcclosure(L, method, 1);
	lua_setfield(L, -2, name);
}

void nsh_lua_add_argument_methods(lua_State *L)
{
	luaL_setfuncs(L, methods, 0);
	add_formatting(L, "add_arg_format", add_arg_format);
	add_formatting(L, "add_env_format", add_env_format);
}
