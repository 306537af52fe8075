/*
 * start.h: noshell.start, a pending start in a start thread.  It has a
 * descriptor to wait for, and then returns the process.
 */
#ifndef NSH_LUA_START_H
#define NSH_LUA_START_H

#include "compat.h"

/* command:_start_aside(to_end): a pending start; nil if only _start can start
 * the command; or nil, failure. */
int nsh_lua_start_aside(lua_State *L);
void nsh_lua_open_start(lua_State *L);

#endif
