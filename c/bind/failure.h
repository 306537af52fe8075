/*
 * failure.h: failures as Lua sees them: plain tables, all made here.
 */
#ifndef NSH_LUA_FAILURE_H
#define NSH_LUA_FAILURE_H

#include "../noshell.h"
#include "compat.h"

/* Pushes nil and the failure; returns 2. */
int nsh_lua_fail(lua_State *L, const struct nsh_failure *failure);
/* The same for what failed outside of starting: `what` names the method. */
int nsh_lua_fail_errno(lua_State *L, const char *what, int errnum);
/* Pushes the mistake as a failure. */
void nsh_lua_push_mistake(lua_State *L, const struct nsh_mistake *mistake);

#endif
