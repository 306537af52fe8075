/*
 * descriptor.h: noshell.descriptor, a descriptor that its userdata owns: an end of a
 * pipe between two programs, a duplicate or a timer.  A command's set_stdin,
 * set_stdout, set_stderr and pass_fd use it through its method fileno.
 *
 * Also finds the descriptor of a Lua value: a number, a Lua file, a noshell.stream,
 * or an object with a method fileno, getfd or pollfd, as in luv, luasocket and
 * cqueues.
 */
#ifndef NSH_LUA_DESCRIPTOR_H
#define NSH_LUA_DESCRIPTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "../noshell.h"
#include "compat.h"

/* core.pipe(): the read end and the write end, or nil, failure */
int nsh_lua_new_pipe(lua_State *L);
/* core.duplicate(fd): a duplicate, or nil, failure */
int nsh_lua_duplicate(lua_State *L);
/* core.timer(seconds): a descriptor that becomes readable then, or nil,
 * failure */
int nsh_lua_new_timer(lua_State *L);
void nsh_lua_open_pipe(lua_State *L);

struct fd_value {
	int fd;
	FILE *file;                 /* if the value is a Lua file */
	struct nsh_stream *stream;  /* if it is a noshell.stream */
	const char *reason;         /* on failure, as "is ..." */
};

/* Raises no error except for lack of memory.  Returns false with the reason in
 * *ret_value. */
bool nsh_lua_descriptor(lua_State *L, int index,
			struct fd_value *ret_value);

#endif
