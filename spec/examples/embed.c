/* A host that embeds Lua and has noshell linked in: its scripts need no file of
   ours but lua/noshell.

	cc -Ic $(pkg-config --cflags lua5.4) spec/examples/embed.c \
		build/5.4/libnoshell.a … $(pkg-config --libs lua5.4) */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

int luaopen_noshell_core(lua_State *L);

/* package.preload works in every Lua. */
static void preload(lua_State *L, const char *name, lua_CFunction open)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "preload");
	lua_pushcfunction(L, open);
	lua_setfield(L, -2, name);
	lua_pop(L, 2);
}

int main(int argc, char **argv)
{
	lua_State *L = luaL_newstate();
	int failed;

	if (!L || argc != 2)
		return EXIT_FAILURE;
	luaL_openlibs(L);
	preload(L, "noshell.core", luaopen_noshell_core);
	failed = luaL_loadfile(L, argv[1]) || lua_pcall(L, 0, 0, 0);
	if (failed)
		fprintf(stderr, "%s\n", lua_tostring(L, -1));
	lua_close(L);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
