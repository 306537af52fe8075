/* Lists of targets of stdout and stderr.  The Lua layer has checked the words and the
 * functions. */
#include <string.h>

#include "command.h"
#include "descriptor.h"

static bool is_function(lua_State *L, int index)
{
	bool is_listener;

	if (lua_isfunction(L, index))
		return true;
	if (!lua_istable(L, index))
		return false;
	lua_rawgeti(L, index, 1);
	is_listener = lua_isfunction(L, -1);
	lua_pop(L, 1);
	return is_listener;
}

static bool is_object(lua_State *L, int index)
{
	if (!lua_istable(L, index))
		return true;
	if (!lua_getmetatable(L, index))
		return false;
	lua_pop(L, 1);
	return true;
}

enum list_item nsh_lua_list_item(lua_State *L, int index)
{
	if (index < 0)
		index = lua_gettop(L) + 1 + index;
	if (lua_type(L, index) == LUA_TSTRING)
		return strcmp(lua_tostring(L, index), "inherit") == 0 ? ITEM_INHERIT : ITEM_OURS;
	if (is_function(L, index))
		return ITEM_OURS;
	return is_object(L, index) ? ITEM_OBJECT : ITEM_FILE;
}

static void add_file(const struct setter *setter, int which, struct place place)
{
	struct file_value file;

	if (nsh_lua_get_file(setter, place, &file))
		nsh_command_add_target_file(setter->cmd, which, file.path, file.how, file.mode);
}

static void add_object(const struct setter *setter, int which, struct place place)
{
	struct fd_value descriptor;

	if (nsh_lua_descriptor(setter->L, place.index, &descriptor))
		nsh_command_add_target_fd(setter->cmd, which, descriptor.fd);
	else
		nsh_lua_reject(setter, place, "%s", descriptor.reason);
}

/* The item is on top of the stack. */
static void add_item(const struct setter *setter, int which, int number)
{
	struct place place = nsh_lua_item(setter->L, number);

	switch (nsh_lua_list_item(setter->L, place.index)) {
	case ITEM_INHERIT:
		nsh_command_add_target(setter->cmd, which);
		break;
	case ITEM_FILE:
		add_file(setter, which, place);
		break;
	case ITEM_OBJECT:
		add_object(setter, which, place);
		break;
	default:
		break;
	}
}

/* command:_set_list(method, which, list, captures, listens) */
static int set_list(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, luaL_checkstring(L, 2), 5, 5);
	int which = (int)luaL_checkinteger(L, 3);

	if (!nsh_lua_setter_works(&setter))
		return nsh_lua_setter_end(&setter);
	nsh_command_set_stdio_list(setter.cmd, which, lua_toboolean(L, 5), lua_toboolean(L, 6));
	nsh_lua_command_anchor(L, which, 4);
	for (int i = 1; i <= (int)lua_rawlen(L, 4) && nsh_lua_setter_works(&setter); i++) {
		lua_rawgeti(L, 4, i);
		add_item(&setter, which, i);
		lua_settop(L, 6);
	}
	return nsh_lua_setter_end(&setter);
}

/* command:_list_captures(which): true if the stream is directed to a list with "capture". */
static int list_captures(lua_State *L)
{
	struct nsh_description told;
	lua_Integer which = luaL_checkinteger(L, 2);

	nsh_command_describe(nsh_lua_check_command(L, 1)->cmd, &told);
	lua_pushboolean(L, which >= 1 && which <= 2 && told.captures[which]);
	return 1;
}

const luaL_Reg nsh_lua_target_methods[] = {
	{ "_list_captures", list_captures },
	{ "_set_list", set_list },
	{ NULL, NULL }
};
