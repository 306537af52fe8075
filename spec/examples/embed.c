/* A program that embeds Lua and links noshell statically.  Its scripts need only the
   files of lua/noshell.

	cc embed.c -lnoshell-lua5.4 $(pkg-config --cflags --libs noshell lua5.4) */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

int luaopen_noshell_core(lua_State *L);

/* luaL_requiref would load the module at once, and Lua 5.1 lacks it. */
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
