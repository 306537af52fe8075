/*
 * failure.h: converts failures to Lua tables.
 */
#ifndef NSH_LUA_FAILURE_H
#define NSH_LUA_FAILURE_H

#include "../noshell.h"
#include "compat.h"

/* Pushes nil and the failure; returns 2. */
int nsh_lua_fail(lua_State *L, const struct nsh_failure *failure);
/* The same for an operation other than a start; `what` is the method's name. */
int nsh_lua_fail_errno(lua_State *L, const char *what, int errnum);
/* Pushes an argument error as a failure. */
void nsh_lua_push_argument_error(lua_State *L, const struct nsh_argument_error *error);

#endif
