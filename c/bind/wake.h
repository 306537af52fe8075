/* wake.h: the module's functions for hosts: the wake-up channels of noshell.h,
 * and can_yield. */
#ifndef NSH_LUA_WAKE_H
#define NSH_LUA_WAKE_H

#include "compat.h"

int nsh_lua_can_yield(lua_State *L);
int nsh_lua_wake_path(lua_State *L);
int nsh_lua_wake_accept(lua_State *L);
int nsh_lua_wake_arm(lua_State *L);
int nsh_lua_wake_disarm(lua_State *L);
int nsh_lua_wake_is_open(lua_State *L);

/* Takes `object` back from the wake-up channel *channel (-1: none), and sets *channel
 * to -1.  Returns `object`, or NULL if the channel has ended the object. */
void *nsh_lua_take_back(void *object, int *channel);

#endif
