/*
 * secret.h: a value that must not be shown.  core.secret(value) creates it,
 * setters accept it as an argument or a buffer, and tostring returns ***.  The
 * secret owns its copy of the bytes and wipes it when it is collected.
 */
#ifndef NSH_LUA_SECRET_H
#define NSH_LUA_SECRET_H

#include "compat.h"

struct secret {
	size_t size;
	char data[];  /* and a zero byte */
};

/* Returns the secret at `index`, or NULL if the value is none. */
const struct secret *nsh_lua_test_secret(lua_State *L, int index);
/* core.secret(value) */
int nsh_lua_new_secret(lua_State *L);
void nsh_lua_open_secret(lua_State *L);

#endif
