/*
 * descriptor.h: finds the descriptor of a Lua value: a number, a Lua file, a
 * noshell.stream, or an object with a method fileno, getfd or pollfd, as in
 * luv, luasocket and cqueues.
 */
#ifndef NSH_LUA_DESCRIPTOR_H
#define NSH_LUA_DESCRIPTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "../noshell.h"
#include "compat.h"

struct descriptor {
	int fd;
	FILE *file;                 /* if the value is a Lua file */
	struct nsh_stream *stream;  /* if it is a noshell.stream */
	const char *reason;         /* on failure, as "is ..." */
};

/* Raises no error except for lack of memory.  Returns false with the reason in
 * *ret_descriptor. */
bool nsh_lua_descriptor(lua_State *L, int index,
			struct descriptor *ret_descriptor);

#endif
