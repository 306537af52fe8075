/*
 * fields.h: fields of tables.  Setters set a field of the table on top of the
 * stack, getters look at one of the table at `index`; the stack stays as it is.
 */
#ifndef NSH_LUA_FIELDS_H
#define NSH_LUA_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "compat.h"

/* NULL: the field stays absent. */
void nsh_lua_set_text(lua_State *L, const char *field, const char *text);
void nsh_lua_set_flag(lua_State *L, const char *field, bool value);
void nsh_lua_set_number(lua_State *L, const char *field, double value);
void nsh_lua_set_integer(lua_State *L, const char *field, int64_t value);
/* An integer as exactly as this Lua has it: those of 5.1 can be too small. */
void nsh_lua_push_integer(lua_State *L, int64_t value);

bool nsh_lua_field_flag(lua_State *L, int index, const char *field);
/* 0 where it is no number. */
int nsh_lua_field_int(lua_State *L, int index, const char *field);

#endif
