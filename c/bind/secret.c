#include "secret.h"

#include <stddef.h>
#include <string.h>

#include "value.h"

static const char SECRET[] = "noshell.secret";

const struct secret *nsh_lua_test_secret(lua_State *L, int index)
{
	return nsh_lua_test(L, index, SECRET);
}

int nsh_lua_new_secret(lua_State *L)
{
	char text[NSH_LUA_NUMBER_SIZE];
	const char *data = text;
	struct secret *secret;
	size_t size;

	if (lua_type(L, 1) == LUA_TSTRING)
		data = lua_tolstring(L, 1, &size);
	else if (nsh_lua_number_text(L, 1, text))
		size = strlen(text);
	else
		return luaL_argerror(L, 1, "string or number expected");
	secret = lua_newuserdata(L, sizeof *secret + size + 1);
	secret->size = size;
	memcpy(secret->data, data, size);
	secret->data[size] = 0;
	luaL_getmetatable(L, SECRET);
	lua_setmetatable(L, -2);
	return 1;
}

static int hide(lua_State *L)
{
	(void)luaL_checkudata(L, 1, SECRET);
	lua_pushliteral(L, "***");
	return 1;
}

static int wipe(lua_State *L)
{
	struct secret *secret = luaL_checkudata(L, 1, SECRET);

	explicit_bzero(secret->data, secret->size);
	secret->size = 0;
	return 0;
}

void nsh_lua_open_secret(lua_State *L)
{
	static const luaL_Reg metamethods[] = {
		{ "__tostring", hide },
		{ "__gc", wipe },
		{ NULL, NULL }
	};

	luaL_newmetatable(L, SECRET);
	luaL_setfuncs(L, metamethods, 0);
	lua_pushstring(L, SECRET);
	lua_setfield(L, -2, "__name");
	lua_pushboolean(L, 0);  /* hides the metatable, and so __gc */
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}
