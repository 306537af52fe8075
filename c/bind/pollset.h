/*
 * pollset.h: noshell.pollset, a set of descriptors to wait for as one.  The
 * userdata owns the set, but not the descriptors in it.
 */
#ifndef NSH_LUA_POLLSET_H
#define NSH_LUA_POLLSET_H

#include "compat.h"

/* core.pollset(): an empty set, or nil, failure */
int nsh_lua_new_pollset(lua_State *L);
/* core.poll, core.poll_several */
int nsh_lua_poll(lua_State *L);
int nsh_lua_poll_several(lua_State *L);
/* Pushes the outcome of nsh_poll_several: whether something is ready, or nil,
 * failure. */
int nsh_lua_push_poll(lua_State *L, int ret);
void nsh_lua_open_pollset(lua_State *L);

#endif
