/*
 * start.h: noshell.start, a command that another thread is starting.  It has
 * a descriptor to wait for, and then gives the process.
 */
#ifndef NSH_LUA_START_H
#define NSH_LUA_START_H

#include "compat.h"

/* command:_start_aside(to_end): a start; nil where only _start can start it; or
 * nil, failure. */
int nsh_lua_start_aside(lua_State *L);
void nsh_lua_open_start(lua_State *L);

#endif
