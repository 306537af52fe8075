/*
 * command.h: noshell.command, the builder.  The userdata owns the command.  Its user
 * value is a table of Lua values that the command refers to:
 *
 *	[0], [1], [2]   the file, stream or object to which a standard stream is
 *	                directed; its descriptor is read at each start
 *	passed          list of { object, descriptor, close }, of pass_fd
 *	hook, data      of set_pre_exec_hook
 *
 * Other keys are the state of the Lua layer.
 */
#ifndef NSH_LUA_COMMAND_H
#define NSH_LUA_COMMAND_H

#include "../noshell.h"
#include "args.h"
#include "compat.h"

#define NSH_LUA_COMMAND "noshell.command"

struct command {
	struct nsh_command *cmd;
	bool hooked;          /* the pre-exec hook is a Lua function */
	lua_State *starting;  /* the state in which _start or _exec runs */
};

struct command *nsh_lua_check_command(lua_State *L, int index);
/* core.command(program, ...) */
int nsh_lua_new_command(lua_State *L);
/* Sets user value [which] to the value at `index`, or to nil if index is 0. */
void nsh_lua_command_anchor(lua_State *L, int which, int index);
void nsh_lua_open_command(lua_State *L);

/* Adds the value as an argument of the program (command_arguments.c). */
void nsh_lua_add_argument(const struct setter *setter, struct place place);

/* The kinds of items in a list of targets. */
enum list_item {
	ITEM_OURS,            /* "capture" or a function: no target of the core */
	ITEM_INHERIT,
	ITEM_FILE,            /* { path = ... } */
	ITEM_OBJECT,          /* a descriptor, or an object that has one */
};
enum list_item nsh_lua_list_item(lua_State *L, int index);
/* A file for a standard stream, { path = ... }, and its options. */
struct file_value {
	const char *path;
	unsigned how, mode;   /* as for nsh_command_set_stdio_file */
};
bool nsh_lua_get_file(const struct setter *setter, struct place table,
		      struct file_value *ret_file);
/* Pushes a file as a table, for descriptions. */
void nsh_lua_push_file(lua_State *L, const char *path, unsigned how, unsigned mode);

/* The methods in command_*.c.  The functions add methods that are closures to the table
 * on top of the stack. */
extern const luaL_Reg nsh_lua_describe_methods[], nsh_lua_descriptor_methods[],
	nsh_lua_hook_methods[], nsh_lua_identity_methods[], nsh_lua_look_methods[],
	nsh_lua_sandbox_methods[], nsh_lua_start_methods[], nsh_lua_target_methods[];
void nsh_lua_add_argument_methods(lua_State *L);
void nsh_lua_add_attribute_methods(lua_State *L);
void nsh_lua_add_stdio_methods(lua_State *L);
/* core.setters(): the rows of setters.def. */
int nsh_lua_setters(lua_State *L);

/* command_sandbox.c: core.sandbox_parts() and others. */
int nsh_lua_sandbox_parts(lua_State *L);
int nsh_lua_sandbox_groups(lua_State *L);
int nsh_lua_sandbox_has_call(lua_State *L);
int nsh_lua_sandbox_calls(lua_State *L);

/* Sets the hook of a copy, whose argument is the copy (command_hook.c). */
void nsh_lua_copy_hook(struct command *copy, const struct command *command);
/* core.keep_fd(descriptor) */
int nsh_lua_keep_fd(lua_State *L);
/* Pushes the hook and its argument, so that the child need not allocate. */
void nsh_lua_ready_hook(lua_State *L, struct command *command);

#endif
