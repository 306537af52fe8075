/*
 * value.h: Lua values as C sees them: numbers exactly, text for messages.
 * Nothing here raises or allocates.
 */
#ifndef NSH_LUA_VALUE_H
#define NSH_LUA_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compat.h"

enum {
	NSH_LUA_NUMBER_SIZE = 40,  /* any number as text */
	NSH_LUA_VALUE_SIZE = 96,   /* any value as text for a message */
};

/* The userdata at `index` where its type is `name`, else NULL. */
void *nsh_lua_test(lua_State *L, int index, const char *name);

/* The number at `index` in the same decimal text on every Lua: integers,
 * floats that are integers too, in full; other floats in the shortest form
 * that reads back the same.  False where it is no number or not finite. */
bool nsh_lua_number_text(lua_State *L, int index,
			 char text[NSH_LUA_NUMBER_SIZE]);
/* The integer at `index`, also one that is kept as a float.  False where the
 * value is no number or the number no integer of that size. */
bool nsh_lua_integer(lua_State *L, int index, int64_t *ret_integer);

/* Pushes the seconds, nil where they are negative: never.  Returns 1. */
int nsh_lua_push_seconds(lua_State *L, double seconds);

/* The value at `index` for a message: strings quoted, escaped and shortened,
 * "a table" and the like for what has no text. */
void nsh_lua_describe(lua_State *L, int index, char text[NSH_LUA_VALUE_SIZE]);

#endif
