/* module.h: the module noshell.core, which an embedding program can preload. */
#ifndef NSH_LUA_MODULE_H
#define NSH_LUA_MODULE_H

#include "compat.h"

__attribute__((visibility("default"))) int luaopen_noshell_core(lua_State *L);

#endif
