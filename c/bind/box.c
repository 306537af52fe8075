#include "box.h"

#include <stdlib.h>

#include "../noshell.h"

static const char BOX[] = "noshell.box";

struct box *nsh_lua_push_box(lua_State *L)
{
	struct box *box = lua_newuserdata(L, sizeof *box);

	*box = (struct box){ NULL, NULL };
	luaL_getmetatable(L, BOX);
	lua_setmetatable(L, -2);
	return box;
}

void nsh_lua_empty_box(struct box *box)
{
	free(box->string);
	box->string = NULL;
	if (box->strings)
		nsh_strv_free(box->strings);
	box->strings = NULL;
}

int nsh_lua_push_boxed(lua_State *L, struct box *box)
{
	if (!box->string)
		return luaL_error(L, "noshell: not enough memory");
	lua_pushstring(L, box->string);
	nsh_lua_empty_box(box);
	return 1;
}

static int collect(lua_State *L)
{
	nsh_lua_empty_box(luaL_checkudata(L, 1, BOX));
	return 0;
}

void nsh_lua_open_box(lua_State *L)
{
	luaL_newmetatable(L, BOX);
	lua_pushstring(L, BOX);
	lua_setfield(L, -2, "__name");
	lua_pushcfunction(L, collect);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
}
