/*
 * stream.h: noshell.stream, the parent's end of a child's pipe.  The
 * descriptor belongs to the process, which the stream keeps alive.
 */
#ifndef NSH_LUA_STREAM_H
#define NSH_LUA_STREAM_H

#include "../noshell.h"
#include "compat.h"
#include "process.h"

#define NSH_LUA_STREAM "noshell.stream"

struct stream {
	const char *mark;         /* &nsh_lua_stream_mark: no other userdata has that */
	struct process *process;  /* its userdata is our user value */
	int which;
};

extern const char nsh_lua_stream_mark;

/* Pushes stream `which` of the process at `index`. */
void nsh_lua_push_stream(lua_State *L, int index, int which);
/* Returns NULL if the process is closed. */
struct nsh_stream *nsh_lua_stream(const struct stream *stream);
/* See core.d.lua. */
int nsh_lua_take_item(lua_State *L);
int nsh_lua_new_reader(lua_State *L);
/* stream_items.c: more methods. */
extern const luaL_Reg nsh_lua_item_methods[];
void nsh_lua_open_stream(lua_State *L);

#endif
