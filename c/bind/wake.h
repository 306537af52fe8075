/* wake.h: the wake-up channels of noshell.h, as functions of the module, and
 * what else a host asks. */
#ifndef NSH_LUA_WAKE_H
#define NSH_LUA_WAKE_H

#include "compat.h"

int nsh_lua_can_yield(lua_State *L);
int nsh_lua_wake_path(lua_State *L);
int nsh_lua_wake_accept(lua_State *L);
int nsh_lua_wake_arm(lua_State *L);
int nsh_lua_wake_disarm(lua_State *L);

#endif
