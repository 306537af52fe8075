/* trap.h: the Lua side of core/base/trap.h: decides which state handles signals, and
 * when its functions are called. */
#ifndef NSH_LUA_TRAP_H
#define NSH_LUA_TRAP_H

#include "compat.h"

void nsh_lua_open_trap(lua_State *L);
/* core.trap_open(dispatch, at_exit), core.trap(signal, how), core.trap_take(),
 * core.trap_is_ignored(signal), core.trap_is_ours(), core.trap_die(signal) */
int nsh_lua_trap_open(lua_State *L);
int nsh_lua_trap(lua_State *L);
int nsh_lua_trap_take(lua_State *L);
int nsh_lua_trap_is_ignored(lua_State *L);
int nsh_lua_trap_is_ours(lua_State *L);
int nsh_lua_trap_die(lua_State *L);

#endif
