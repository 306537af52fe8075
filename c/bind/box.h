/*
 * box.h: a box is a userdata that owns malloc'd memory of the core while a Lua copy
 * of it is built, so that the memory is freed even if building raises an error.
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
/* Frees the contents now, instead of when the box is collected. */
void nsh_lua_empty_box(struct box *box);
/* Pushes the box's string; raises an error if it is NULL: memory is
 * exhausted. */
int nsh_lua_push_boxed(lua_State *L, struct box *box);
void nsh_lua_open_box(lua_State *L);

#endif
