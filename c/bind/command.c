#include "command.h"

#include <errno.h>
#include <string.h>

#include "box.h"

/* ---- the type ---------------------------------------------------------- */

struct command *nsh_lua_check_command(lua_State *L, int index)
{
	if (index == 1)
		return nsh_lua_check_self(L, NSH_LUA_COMMAND, NULL);
	return luaL_checkudata(L, index, NSH_LUA_COMMAND);
}

/* Pushes a command whose cmd is NULL; the caller sets it. */
static struct command *push_command(lua_State *L)
{
	struct command *command = lua_newuserdata(L, sizeof *command);

	*command = (struct command){ .cmd = NULL };
	luaL_getmetatable(L, NSH_LUA_COMMAND);
	lua_setmetatable(L, -2);
	lua_newtable(L);
	lua_setuservalue(L, -2);
	return command;
}

void nsh_lua_command_anchor(lua_State *L, int which, int index)
{
	lua_getuservalue(L, 1);
	if (index)
		lua_pushvalue(L, index);
	else
		lua_pushnil(L);
	lua_rawseti(L, -2, which);
	lua_pop(L, 1);
}

/* ---- creating ----------------------------------------------------------- */

/* Returns the program as text for messages, even if it is not a string. */
static const char *program_text(lua_State *L, int index,
				char text[NSH_LUA_VALUE_SIZE])
{
	if (lua_isnoneornil(L, index))
		return NULL;
	if (lua_type(L, index) == LUA_TSTRING)
		return lua_tostring(L, index);
	nsh_lua_describe(L, index, text);
	return text;
}

int nsh_lua_new_command(lua_State *L)
{
	struct command *command = push_command(L);
	char text[NSH_LUA_VALUE_SIZE];
	const char *program;
	struct setter setter;

	lua_insert(L, 1);
	command->cmd = nsh_command_new(program_text(L, 2, text));
	if (!command->cmd)
		return luaL_error(L, "noshell: not enough memory");
	setter = nsh_lua_setter_begin(L, "command", 1, -1);
	setter.spoiled = false;
	(void)nsh_lua_get_text(&setter, nsh_lua_argument(1), &program);
	for (int i = 2; i <= setter.count; i++)
		nsh_lua_add_argument(&setter, nsh_lua_argument(i));
	return nsh_lua_setter_end(&setter);
}

/* Pushes a copy of the table at `index`. */
static void push_copy(lua_State *L, int index)
{
	int copy;

	lua_newtable(L);
	copy = lua_gettop(L);
	lua_pushnil(L);
	while (lua_next(L, index)) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, copy);
	}
}

/* Gives the copy its own user value: new tables with the same contents. */
static void copy_anchors(lua_State *L, int index, int copy)
{
	lua_getuservalue(L, index);
	push_copy(L, lua_gettop(L));
	lua_getfield(L, -1, "passed");
	if (lua_istable(L, -1)) {
		push_copy(L, lua_gettop(L));
		lua_setfield(L, -3, "passed");
	}
	lua_pop(L, 1);
	lua_setuservalue(L, copy);
	lua_pop(L, 1);
}

static int clone(lua_State *L)
{
	const struct command *command = nsh_lua_check_command(L, 1);
	struct command *copy;

	lua_settop(L, 1);
	copy = push_command(L);
	copy_anchors(L, 1, 2);
	copy->cmd = nsh_command_clone(command->cmd);
	if (!copy->cmd)
		return luaL_error(L, "noshell: not enough memory");
	nsh_lua_copy_hook(copy, command);
	return 1;
}

/* command:_argument_error(method, value | nil, reason): records an argument error of
 * the Lua layer. */
static int set_argument_error(lua_State *L)
{
	struct nsh_command *cmd = nsh_lua_check_command(L, 1)->cmd;
	const char *method = luaL_checkstring(L, 2);
	struct setter setter = { L, cmd, method, 3, nsh_command_argument_error(cmd) };

	nsh_command_set_argument_error(cmd, method, luaL_optstring(L, 3, ""),
				luaL_checkstring(L, 4), EINVAL);
	return nsh_lua_setter_end(&setter);
}

/* command:_set_argument_error_key(key[, value]): records that the option `key` of a
 * SPEC caused the first argument error.  With a value, only if the error is
 * about that value and not about a part of it.  Returns whether there is an
 * error. */
static int set_argument_error_key(lua_State *L)
{
	struct nsh_command *cmd = nsh_lua_check_command(L, 1)->cmd;
	const char *key = luaL_checkstring(L, 2);
	const struct nsh_argument_error *error = nsh_command_argument_error(cmd);
	char value[NSH_LUA_VALUE_SIZE];

	if (error) {
		nsh_lua_describe(L, 3, value);
		if (lua_isnone(L, 3) || strcmp(key, error->method) == 0
		    || strcmp(value, error->value) == 0)
			nsh_command_set_argument_error_key(cmd, key);
	}
	lua_pushboolean(L, error != NULL);
	return 1;
}

/* command:_state(): the command's user value, in which the Lua layer also keeps its
 * state; a clone has a copy. */
static int get_state(lua_State *L)
{
	(void)nsh_lua_check_command(L, 1);
	lua_getuservalue(L, 1);
	return 1;
}

/* ---- metamethods -------------------------------------------------------- */

static int to_text(lua_State *L)
{
	const struct command *command = nsh_lua_check_command(L, 1);
	struct box *box = nsh_lua_push_box(L);

	box->string = nsh_command_to_string(command->cmd, 0);
	return nsh_lua_push_boxed(L, box);
}

static int collect(lua_State *L)
{
	struct command *command = nsh_lua_check_command(L, 1);

	nsh_command_free(command->cmd);
	command->cmd = NULL;
	return 0;
}

static const luaL_Reg metamethods[] = {
	{ "__tostring", to_text },
	{ "__gc", collect },
	{ NULL, NULL }
};

static const luaL_Reg methods[] = {
	{ "_state", get_state },
	{ "_argument_error", set_argument_error },
	{ "_set_argument_error_key", set_argument_error_key },
	{ "clone", clone },
	{ NULL, NULL }
};

void nsh_lua_open_command(lua_State *L)
{
	nsh_lua_new_type(L, NSH_LUA_COMMAND, metamethods, methods, "__index");
	luaL_setfuncs(L, nsh_lua_describe_methods, 0);
	luaL_setfuncs(L, nsh_lua_descriptor_methods, 0);
	luaL_setfuncs(L, nsh_lua_hook_methods, 0);
	luaL_setfuncs(L, nsh_lua_identity_methods, 0);
	luaL_setfuncs(L, nsh_lua_look_methods, 0);
	luaL_setfuncs(L, nsh_lua_sandbox_methods, 0);
	luaL_setfuncs(L, nsh_lua_start_methods, 0);
	luaL_setfuncs(L, nsh_lua_target_methods, 0);
	nsh_lua_add_argument_methods(L);
	nsh_lua_add_attribute_methods(L);
	nsh_lua_add_stdio_methods(L);
	lua_pop(L, 1);
}
