/*
 * fields.h: table fields.  Setters set a field of the table on top of the
 * stack, getters read one of the table at `index`.  They leave the stack
 * unchanged.
 */
#ifndef NSH_LUA_FIELDS_H
#define NSH_LUA_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "compat.h"

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

#endif
