/*
 * pipe.h: noshell.descriptor, a descriptor that its userdata owns: an end of a
 * pipe between two programs, a duplicate or a timer.  A command's set_stdin,
 * set_stdout, set_stderr and pass_fd use it through its method fileno.
 */
#ifndef NSH_LUA_PIPE_H
#define NSH_LUA_PIPE_H

#include "compat.h"

/* core.pipe(): the read end and the write end, or nil, failure */
int nsh_lua_new_pipe(lua_State *L);
/* core.duplicate(fd): a duplicate, or nil, failure */
int nsh_lua_duplicate(lua_State *L);
/* core.timer(seconds): a descriptor that becomes readable then, or nil,
 * failure */
int nsh_lua_new_timer(lua_State *L);
void nsh_lua_open_pipe(lua_State *L);

#endif
