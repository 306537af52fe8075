/*
 * box.h: a box keeps what the core malloc'd on Lua's stack, so that it is
 * freed also where a call that builds Lua's copy of it raises.
 */
#ifndef NSH_LUA_BOX_H
#define NSH_LUA_BOX_H

#include "compat.h"

struct box {
	char *string;    /* freed with free */
	char **strings;  /* freed with nsh_strv_free */
};

/* Pushes an empty box. */
struct box *nsh_lua_push_box(lua_State *L);
/* Frees what the box holds now, instead of when it is collected. */
void nsh_lua_empty_box(struct box *box);
/* Pushes the box's string, or raises where it is NULL: memory was short. */
int nsh_lua_push_boxed(lua_State *L, struct box *box);
void nsh_lua_open_box(lua_State *L);

#endif
