/*
 * compat.h: a common API for Lua 5.1 to 5.5 and LuaJIT.  It tests for macros,
 * not for versions: LuaJIT reports 501 but has much of 5.2.
 */
#ifndef NSH_LUA_COMPAT_H
#define NSH_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

/* 5.2 moved LUA_FILEHANDLE here from lualib.h, together with luaL_Stream.
 * Before 5.2, a file's userdata begins with its FILE *, which is NULL when closed. */
#ifdef LUA_FILEHANDLE
#define nsh_lua_file(p) (((luaL_Stream *)(p))->closef ? ((luaL_Stream *)(p))->f : NULL)
#else
#define nsh_lua_file(p) (*(FILE **)(p))
#endif
#include <lualib.h>

/* In Lua 5.1, userdata have an environment in place of a user value. */
#ifdef LUA_ENVIRONINDEX
#define lua_getuservalue(L, index) lua_getfenv(L, index)
#define lua_setuservalue(L, index) (void)lua_setfenv(L, index)
#define lua_rawlen(L, index) lua_objlen(L, index)
#endif

#ifndef luaL_newlib
#define luaL_setfuncs(L, functions, upvalues) luaL_register(L, NULL, functions)
#endif

/* Raises an error if this module was compiled for another Lua: 5.5 loads a module for
 * 5.4, although the index of the registry differs.  For most other pairs a symbol is
 * missing, so that dlopen fails; 5.1 and LuaJIT are compatible. */
#ifdef luaL_checkversion
#define nsh_lua_check_version(L) luaL_checkversion(L)
#else
#define nsh_lua_check_version(L) (void)(L)
#endif

/* Since 5.2 a C function can call one that yields, and lua_call is a macro. */
#ifdef lua_call
#define NSH_LUA_HAS_CONTINUATIONS
#endif

/* Before Lua 5.3 there are no integers: a number is a double. */
#ifdef LUA_MAXINTEGER
#define nsh_lua_has_integer(L, index) lua_isinteger(L, index)
#else
#define nsh_lua_has_integer(L, index) 0
#endif

#endif
