/* The pre-exec hook: a Lua function, or a C function by its address. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "descriptor.h"

static int give_message(const char *text, char *message, size_t size)
{
	(void)snprintf(message, size, "%s", text);
	return -1;
}

/* The message handler: converts the error to a string. */
static int to_message(lua_State *L)
{
	if (lua_isstring(L, 1))
		return 1;
	lua_getglobal(L, "tostring");
	lua_pushvalue(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

/* Runs in the forked child, in the Lua state that called _start or _exec.  On
 * top of the stack are the message handler, the function and its data. */
static int run_hook(void *data, char *message, size_t size)
{
	lua_State *L = ((struct command *)data)->starting;
	const char *text;

	if (lua_pcall(L, 1, 2, lua_gettop(L) - 2) != 0) {
		text = lua_tostring(L, -1);
		return give_message(text ? text : "the hook raised an error",
				    message, size);
	}
	if (lua_toboolean(L, -2) || (lua_isnil(L, -2) && !lua_isstring(L, -1)))
		return 0;
	text = lua_tostring(L, -1);
	return give_message(text ? text : "the hook returned false", message, size);
}

void nsh_lua_ready_hook(lua_State *L, struct command *command)
{
	if (!command->hooked)
		return;
	luaL_checkstack(L, LUA_MINSTACK, NULL);
	lua_pushcfunction(L, to_message);
	lua_getuservalue(L, 1);
	lua_getfield(L, -1, "hook");
	lua_getfield(L, -2, "data");
	lua_remove(L, -3);
}

void nsh_lua_copy_hook(struct command *copy, const struct command *command)
{
	copy->hooked = command->hooked;
	if (copy->hooked)
		nsh_command_set_pre_exec_hook(copy->cmd, run_hook, copy);
}

static void set_c_hook(const struct setter *setter, struct command *command)
{
	void *address = lua_touserdata(setter->L, 2);
	nsh_pre_exec_hook *hook;

	if (!lua_isnil(setter->L, 3) && !lua_isuserdata(setter->L, 3)) {
		nsh_lua_reject(setter, nsh_lua_argument(2), "must be a userdata "
			       "if the hook is a C function");
		return;
	}
	memcpy(&hook, &address, sizeof hook);
	command->hooked = false;
	nsh_command_set_pre_exec_hook(setter->cmd, hook,
				      lua_touserdata(setter->L, 3));
}

static void anchor_hook(lua_State *L)
{
	lua_getuservalue(L, 1);
	lua_pushvalue(L, 2);
	lua_setfield(L, -2, "hook");
	lua_pushvalue(L, 3);
	lua_setfield(L, -2, "data");
	lua_pop(L, 1);
}

static int set_pre_exec_hook(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_pre_exec_hook", 1, 2);
	struct command *command = nsh_lua_check_command(L, 1);

	if (!nsh_lua_setter_works(&setter))
		return nsh_lua_setter_end(&setter);
	if (lua_isfunction(L, 2)) {
		anchor_hook(L);
		command->hooked = true;
		nsh_command_set_pre_exec_hook(setter.cmd, run_hook, command);
	} else if (lua_islightuserdata(L, 2)) {
		anchor_hook(L);
		set_c_hook(&setter, command);
	} else {
		nsh_lua_reject(&setter, nsh_lua_argument(1), "must be a function, "
			       "or a C function as light userdata");
	}
	return nsh_lua_setter_end(&setter);
}

int nsh_lua_keep_fd(lua_State *L)
{
	struct fd_value descriptor;

	if (!nsh_lua_descriptor(L, 1, &descriptor))
		return luaL_argerror(L, 1, descriptor.reason);
	if (nsh_hook_keep_fd(descriptor.fd) == 0)
		return 0;
	if (errno == EINVAL)
		return luaL_error(L, "keep_fd: can only be called by a pre-exec "
				  "hook");
	return luaL_error(L, "keep_fd: descriptor %d: %s", descriptor.fd,
			  strerror(errno));
}

const luaL_Reg nsh_lua_hook_methods[] = {
	{ "set_pre_exec_hook", set_pre_exec_hook },
	{ NULL, NULL }
};
