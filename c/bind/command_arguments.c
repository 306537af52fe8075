/* Setters of arguments and environment. */
#include "command.h"
#include "secret.h"

static void add_word(const struct setter *setter, struct place place)
{
	struct bytes argument;

	if (!nsh_lua_get_argument(setter, place, &argument))
		return;
	nsh_command_add_arg(setter->cmd, argument.data);
	if (argument.secret)
		nsh_command_mark_secret(setter->cmd);
}

/* The maximum depth of nested lists: a list that contains itself has no end. */
enum { NESTING = 50 };

/* The lists that are being flattened; each is on the Lua stack. */
struct nested {
	int depth;
	struct { int index, next, length; } lists[NESTING];
};

/* Rejects a list with options: they have no effect there. */
static bool has_option(const struct setter *setter, struct place place)
{
	lua_State *L = setter->L;
	char text[NSH_LUA_VALUE_SIZE];

	lua_pushnil(L);
	while (lua_next(L, place.index)) {
		lua_pop(L, 1);
		if (lua_type(L, -1) != LUA_TSTRING)
			continue;
		nsh_lua_describe(L, lua_gettop(L), text);
		nsh_lua_reject(setter, place, "has the key %s: options go into the same "
			       "table as the program, as in { \"ls\", cwd = \"/\" }", text);
		lua_pop(L, 1);
		return true;
	}
	return false;
}

/* Begins the list at `place`, which is on top of the stack or an argument. */
static bool enter(const struct setter *setter, struct nested *nested,
		  struct place place)
{
	int length;

	if (nested->depth == NESTING || !lua_checkstack(setter->L, 8)) {
		nsh_lua_reject(setter, place, "is nested too deeply, or contains itself");
		return false;
	}
	if (has_option(setter, place) || !nsh_lua_get_list(setter, place, &length))
		return false;
	nested->lists[nested->depth].index = place.index;
	nested->lists[nested->depth].next = 1;
	nested->lists[nested->depth].length = length;
	nested->depth++;
	return true;
}

/* Adds the words of a list and of the lists in it, in order. */
static void add_nested(const struct setter *setter, struct place place)
{
	lua_State *L = setter->L;
	int top = lua_gettop(L);
	struct nested nested = { .depth = 0 };
	bool goes_on = enter(setter, &nested, place);

	while (goes_on && nested.depth > 0) {
		int at = nested.depth - 1, next = nested.lists[at].next++;

		if (next > nested.lists[at].length) {
			nested.depth--;
			lua_settop(L, at == 0 ? top : nested.lists[at].index - 1);
			continue;
		}
		lua_rawgeti(L, nested.lists[at].index, next);
		if (lua_istable(L, -1)) {
			goes_on = enter(setter, &nested, nsh_lua_item(L, next));
		} else {
			add_word(setter, nsh_lua_item(L, next));
			lua_pop(L, 1);
		}
	}
	lua_settop(L, top);
}

void nsh_lua_add_argument(const struct setter *setter, struct place place)
{
	if (nsh_lua_setter_works(setter) && lua_istable(setter->L, place.index))
		add_nested(setter, place);
	else
		add_word(setter, place);
}

static int add_arg(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "add_arg", 1, 1);

	nsh_lua_add_argument(&setter, nsh_lua_argument(1));
	return nsh_lua_setter_end(&setter);
}

static bool is_empty_list(lua_State *L, int index)
{
	bool has_item;

	if (!lua_istable(L, index))
		return false;
	lua_pushnil(L);
	has_item = lua_next(L, index);
	if (has_item)
		lua_pop(L, 2);
	return !has_item;
}

static int add_args(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "add_args", 0, -1);

	if (setter.count == 1 && is_empty_list(L, 2))
		nsh_lua_reject(&setter, nsh_lua_argument(1), "is an empty list");
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

/* Pushes an argument of the format; a secret is pushed as its clear text. */
static bool push_formatted_argument(lua_State *L, int index)
{
	const struct secret *secret = nsh_lua_test_secret(L, index);

	if (secret)
		lua_pushlstring(L, secret->data, secret->size);
	else
		lua_pushvalue(L, index);
	return secret;
}

/* Records the error of string.format, which is on top of the stack.  When called from
 * C, string.format names itself '?' or, on some Luas, 'string.format'. */
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
