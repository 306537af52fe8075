/* A process of a dry run: its input and its end are Lua's. */
#include <errno.h>

#include "failure.h"
#include "value.h"
#include "process.h"

/* Leaves the string on the stack, so that it stays. */
static void get_output(lua_State *L, const char *name, struct nsh_dry_end *end,
		       int which)
{
	lua_getfield(L, 2, name);
	if (!lua_isnil(L, -1))
		end->output[which] = lua_tolstring(L, -1, &end->output_size[which]);
}

/* process:_end_dry { exit_code = ..., signal_number = ..., stdout = ..., ... } */
static int end_dry(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int failed = nsh_lua_fail_foreign(L, process);
	struct nsh_dry_end end = { .exit_code = 0 };

	if (failed)
		return failed;
	luaL_checktype(L, 2, LUA_TTABLE);
	end.exit_code = nsh_lua_field_int(L, 2, "exit_code");
	end.signal = nsh_lua_field_int(L, 2, "signal_number");
	end.core_dumped = nsh_lua_field_flag(L, 2, "core_dumped");
	end.timed_out = nsh_lua_field_flag(L, 2, "timed_out");
	end.output_limited = nsh_lua_field_flag(L, 2, "output_limit");
	end.lost = nsh_lua_field_flag(L, 2, "lost");
	get_output(L, "stdout", &end, 1);
	get_output(L, "stderr", &end, 2);
	if (nsh_process_end_dry(process, &end) < 0)
		return nsh_lua_fail_errno(L, "end", errno);
	lua_pushboolean(L, 1);
	return 1;
}

/* process:_dry_input(): what was written to its stdin so far. */
static int get_input(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	size_t size;
	const char *data = nsh_process_input_dry(process, &size);

	lua_pushlstring(L, data, size);
	return 1;
}

const luaL_Reg nsh_lua_dry_methods[] = {
	{ "_dry_input", get_input },
	{ "_end_dry", end_dry },
	{ NULL, NULL }
};
