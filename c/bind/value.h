/*
 * value.h: converts Lua values: numbers exactly, and any value to text for
 * messages.  No function here raises an error or allocates.
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

/* Makes the metatable of a type.  Pushes the table of methods, which is the metatable's
 * field `index`, so that the caller can add more. */
void nsh_lua_new_type(lua_State *L, const char *name, const luaL_Reg *metamethods,
		      const luaL_Reg *methods, const char *index);
/* Returns the userdata at `index` if its type is `name`, else NULL. */
void *nsh_lua_test(lua_State *L, int index, const char *name);

/* Converts the number at `index` to decimal text that is the same on every Lua:
 * integers, and floats without a fraction, in full; other floats in the
 * shortest form that reads back the same.  Returns false if it is not a finite
 * number. */
bool nsh_lua_number_text(lua_State *L, int index,
			 char text[NSH_LUA_NUMBER_SIZE]);
/* Gets the integer at `index`, which may be stored as a float.  Returns false
 * if the value is not a number that fits. */
bool nsh_lua_integer(lua_State *L, int index, int64_t *ret_integer);

/* Pushes the seconds, or nil if they are negative (no limit).  Returns 1. */
int nsh_lua_push_seconds(lua_State *L, double seconds);
/* Pushes the descriptor, or nil if it is -1.  Returns 1. */
int nsh_lua_push_fd(lua_State *L, int fd);

/* Describes the value at `index` for a message: strings are quoted, escaped and
 * shortened; other types are named, as in "a table". */
void nsh_lua_describe(lua_State *L, int index, char text[NSH_LUA_VALUE_SIZE]);

/* Fields of tables: setters set one of the table on top of the stack, getters read
 * one of the table at `index`.  They leave the stack unchanged. */

/* Does nothing if text is NULL. */
void nsh_lua_set_text(lua_State *L, const char *field, const char *text);
void nsh_lua_set_flag(lua_State *L, const char *field, bool value);
void nsh_lua_set_number(lua_State *L, const char *field, double value);
void nsh_lua_set_integer(lua_State *L, const char *field, int64_t value);
/* Pushes an integer, as a float if this Lua's integers are smaller than 64
 * bits. */
void nsh_lua_push_integer(lua_State *L, int64_t value);

bool nsh_lua_field_flag(lua_State *L, int index, const char *field);
/* Returns 0 if the field is not a number. */
int nsh_lua_field_int(lua_State *L, int index, const char *field);

/* lua_pushlstring for output of any size: asks for huge pages for a large string. */
void nsh_lua_push_bytes(lua_State *L, const char *bytes, size_t size);

#endif
