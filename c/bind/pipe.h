/*
 * pipe.h: noshell.descriptor, one end of a pipe between two programs, or what a
 * host waits for.  The userdata owns the descriptor; a command's set_stdin,
 * set_stdout, set_stderr and pass_fd take it by its method fileno.
 */
#ifndef NSH_LUA_PIPE_H
#define NSH_LUA_PIPE_H

#include "compat.h"

/* core.pipe(): the end to read from and the end to write to, or nil, failure */
int nsh_lua_new_pipe(lua_State *L);
/* core.duplicate(fd): another descriptor of the same file, or nil, failure */
int nsh_lua_duplicate(lua_State *L);
/* core.timer(seconds): readable when they have passed, or nil, failure */
int nsh_lua_new_timer(lua_State *L);
void nsh_lua_open_pipe(lua_State *L);

#endif
