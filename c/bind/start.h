/*
 * start.h: noshell.start, a pending start in a start thread.  It has a
 * descriptor to wait for, and then returns the process.
 */
#ifndef NSH_LUA_START_H
#define NSH_LUA_START_H

#include <stdbool.h>

#include "../noshell.h"
#include "compat.h"

/* Pushes a closed start, which the caller fills.  `is_bound`: collecting it ends the
 * program. */
struct nsh_start **nsh_lua_push_start(lua_State *L, bool is_bound);
void nsh_lua_open_start(lua_State *L);

#endif
