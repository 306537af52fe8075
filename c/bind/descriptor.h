/*
 * descriptor.h: the descriptor behind a Lua value: a number, a Lua file, a
 * stream of ours, or an object with a method fileno, getfd or pollfd, as
 * luv's, luasocket's and cqueues' have.
 */
#ifndef NSH_LUA_DESCRIPTOR_H
#define NSH_LUA_DESCRIPTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "../noshell.h"
#include "compat.h"

struct descriptor {
	int fd;
	FILE *file;                 /* where it is a Lua file */
	struct nsh_stream *stream;  /* where it is one of ours */
	const char *reason;         /* why there is none, as "is ..." */
};

/* Never raises, but for memory.  False: the reason is in ret_descriptor. */
bool nsh_lua_descriptor(lua_State *L, int index,
			struct descriptor *ret_descriptor);

#endif
