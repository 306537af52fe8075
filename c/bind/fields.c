#include "fields.h"

void nsh_lua_set_text(lua_State *L, const char *field, const char *text)
{
	if (!text)
		return;
	lua_pushstring(L, text);
	lua_setfield(L, -2, field);
}

void nsh_lua_set_flag(lua_State *L, const char *field, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, field);
}

void nsh_lua_set_number(lua_State *L, const char *field, double value)
{
	lua_pushnumber(L, value);
	lua_setfield(L, -2, field);
}

void nsh_lua_push_integer(lua_State *L, int64_t value)
{
	if (sizeof (lua_Integer) < sizeof value)
		lua_pushnumber(L, (lua_Number)value);
	else
		lua_pushinteger(L, (lua_Integer)value);
}

void nsh_lua_set_integer(lua_State *L, const char *field, int64_t value)
{
	nsh_lua_push_integer(L, value);
	lua_setfield(L, -2, field);
}

bool nsh_lua_field_flag(lua_State *L, int index, const char *field)
{
	bool value;

	lua_getfield(L, index, field);
	value = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return value;
}

int nsh_lua_field_int(lua_State *L, int index, const char *field)
{
	int value;

	lua_getfield(L, index, field);
	value = (int)lua_tointeger(L, -1);
	lua_pop(L, 1);
	return value;
}
