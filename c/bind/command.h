/*
 * command.h: noshell.command, the builder.  The userdata owns the command;
 * its user value is a table of the Lua values that it depends on:
 *
 *	[0], [1], [2]   the file, stream or object that a standard stream is
 *	                directed to; its descriptor is asked for at each start
 *	passed          list of { object, descriptor, close }: by pass_fd
 *	hook, data      of set_pre_exec_hook
 *
 * and what the Lua part keeps with the command, under other names.
 */
#ifndef NSH_LUA_COMMAND_H
#define NSH_LUA_COMMAND_H

#include "../noshell.h"
#include "args.h"
#include "compat.h"

#define NSH_LUA_COMMAND "noshell.command"

struct command {
	struct nsh_command *cmd;
	bool hooked;          /* a Lua function is the pre-exec hook */
	lua_State *starting;  /* the state in which _start or _exec runs */
};

struct command *nsh_lua_check_command(lua_State *L, int index);
/* Pushes a command without a cmd; the caller fills it. */
struct command *nsh_lua_push_command(lua_State *L);
/* core.command(program, ...) */
int nsh_lua_new_command(lua_State *L);
/* For the setters of standard streams: user value[which] = value at index, or
 * nil for 0. */
void nsh_lua_command_anchor(lua_State *L, int which, int index);
void nsh_lua_open_command(lua_State *L);

/* command_arguments.c: the value becomes an argument of the program. */
void nsh_lua_add_argument(const struct setter *setter, struct place place);

/* Each part adds its methods to the table on top of the stack. */
void nsh_lua_add_argument_methods(lua_State *L);
void nsh_lua_add_attribute_methods(lua_State *L);
/* core.setters(): the rows of setters.def. */
int nsh_lua_setters(lua_State *L);
void nsh_lua_add_identity_methods(lua_State *L);
void nsh_lua_add_stdio_methods(lua_State *L);
void nsh_lua_add_descriptor_methods(lua_State *L);
void nsh_lua_add_hook_methods(lua_State *L);
void nsh_lua_add_look_methods(lua_State *L);
void nsh_lua_add_start_methods(lua_State *L);
void nsh_lua_add_describe_methods(lua_State *L);

/* command_hook.c: the copy's hook must find the copy. */
void nsh_lua_copy_hook(struct command *copy, const struct command *command);
/* core.keep_fd(descriptor) */
int nsh_lua_keep_fd(lua_State *L);
/* Pushes what the hook needs, so that the child need not. */
void nsh_lua_ready_hook(lua_State *L, struct command *command);

#endif
