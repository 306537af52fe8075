#include "wake.h"

#include <errno.h>
#include <string.h>

#include "../noshell.h"
#include "failure.h"

/* core.can_yield(): nil on Luas that do not report it, that is before 5.3 and LuaJIT
 * 2.1. */
int nsh_lua_can_yield(lua_State *L)
{
#if defined LUA_MAXINTEGER || (defined LUA_ENVIRONINDEX && defined luaL_newlib)
	lua_pushboolean(L, lua_isyieldable(L));
#else
	lua_pushnil(L);
#endif
	return 1;
}

int nsh_lua_wake_path(lua_State *L)
{
	const char *path = nsh_wake_path();

	if (!path)
		return nsh_lua_fail_errno(L, "wait", errno);
	lua_pushstring(L, path);
	return 1;
}

int nsh_lua_wake_accept(lua_State *L)
{
	int channel = nsh_wake_accept();

	if (channel < 0)
		return nsh_lua_fail_errno(L, "wait", errno);
	lua_pushinteger(L, channel);
	return 1;
}

int nsh_lua_wake_arm(lua_State *L)
{
	int channel = (int)luaL_checkinteger(L, 1);
	int fd = (int)luaL_checkinteger(L, 2);
	const char *wanted = luaL_checkstring(L, 3);
	lua_Number seconds = luaL_optnumber(L, 4, -1);
	int events = (strchr(wanted, 'r') ? NSH_READABLE : 0)
		| (strchr(wanted, 'w') ? NSH_WRITABLE : 0);

	if (nsh_wake_arm(channel, fd, (short)events, seconds) < 0)
		return nsh_lua_fail_errno(L, "wait", errno);
	lua_pushboolean(L, 1);
	return 1;
}

int nsh_lua_wake_disarm(lua_State *L)
{
	nsh_wake_disarm((int)luaL_checkinteger(L, 1));
	return 0;
}

int nsh_lua_wake_is_open(lua_State *L)
{
	lua_pushboolean(L, nsh_wake_is_open((int)luaL_checkinteger(L, 1)));
	return 1;
}

void *nsh_lua_take_back(void *object, int *channel)
{
	if (*channel >= 0 && !nsh_wake_take_back(*channel, object))
		object = NULL;
	*channel = -1;
	return object;
}
