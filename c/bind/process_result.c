/* The result of a process as a table. */
#include <errno.h>

#include "failure.h"
#include "process.h"
#include "value.h"

/* Sets a number; the field is absent for -1, which means unknown. */
static void set_number(lua_State *L, const char *field, double value)
{
	if (value >= 0)
		nsh_lua_set_number(L, field, value);
}

static void set_integer(lua_State *L, const char *field, int64_t value)
{
	if (value >= 0)
		nsh_lua_set_integer(L, field, value);
}

static void set_output(lua_State *L, const char *field,
		       const struct nsh_result *result, int which)
{
	if (!result->has_output[which])
		return;
	nsh_lua_push_bytes(L, result->output[which], result->output_size[which]);
	lua_setfield(L, -2, field);
}

/* Sets a list of names of streams; absent if it is empty. */
static void set_held(lua_State *L, const struct nsh_result *result)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	int count = 0;

	if (!result->held[1] && !result->held[2])
		return;
	lua_createtable(L, 2, 0);
	for (int which = 1; which <= 2; which++)
		if (result->held[which]) {
			lua_pushstring(L, names[which]);
			lua_rawseti(L, -2, ++count);
		}
	lua_setfield(L, -2, "held");
}

static void push_result(lua_State *L, const struct nsh_result *result)
{
	lua_createtable(L, 0, 16);
	nsh_lua_set_flag(L, "ok", result->code == NSH_OK);
	nsh_lua_set_flag(L, "core_dumped", result->core_dumped);
	nsh_lua_set_flag(L, "timed_out", result->timed_out);
	nsh_lua_set_flag(L, "output_incomplete", result->output_incomplete);
	set_integer(L, "exit_code", result->exit_code);
	set_integer(L, "raw_status", result->raw_status);
	set_integer(L, "pid", result->pid);
	set_integer(L, "max_rss", result->max_rss);
	set_integer(L, "memory_peak", result->memory_peak);
	set_number(L, "duration", result->duration);
	set_number(L, "user_time", result->user_time);
	set_number(L, "system_time", result->system_time);
	if (result->timed_out)
		set_number(L, "timed_out_after", result->timed_out_after);
	if (result->stopped_by)
		nsh_lua_set_text(L, "stopped_by", nsh_signal_name(result->stopped_by));
	set_held(L, result);
	if (result->out_of_memory)
		nsh_lua_set_flag(L, "out_of_memory", true);
	if (result->unreached)
		nsh_lua_set_text(L, "unreached", result->unreached);
	set_output(L, "stdout", result, 1);
	set_output(L, "stderr", result, 2);
	if (!result->signal)
		return;
	set_integer(L, "signal_number", result->signal);
	nsh_lua_set_text(L, "signal", nsh_signal_name(result->signal));
}

/* Adds a reason to the table's field `unenforced`. */
static void add_reason(lua_State *L, const char *part, const char *reason)
{
	lua_getfield(L, -1, "unenforced");
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, "unenforced");
	}
	nsh_lua_set_text(L, part, reason);
	lua_pop(L, 1);
}

static void add_part(lua_State *L, const char *part, const struct nsh_part_state *state)
{
	if (state->means) {
		nsh_lua_set_text(L, part, state->means);
		return;
	}
	nsh_lua_set_flag(L, part, false);
	add_reason(L, part, state->reason);
}

void nsh_lua_push_sandbox(lua_State *L, const struct nsh_process *process)
{
	struct nsh_part_state state;
	bool has_sandbox = false;

	lua_newtable(L);
	for (int part = 0; part < NSH_PARTS; part++) {
		if (!nsh_process_sandbox(process, (enum nsh_sandbox_part)part, &state))
			continue;
		add_part(L, nsh_part_name((enum nsh_sandbox_part)part), &state);
		has_sandbox = true;
	}
	if (has_sandbox)
		return;
	lua_pop(L, 1);
	lua_pushnil(L);
}

static int get_result(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int failed = nsh_lua_fail_foreign(L, process);
	const struct nsh_result *result;

	if (failed)
		return failed;
	result = nsh_process_result(process);
	if (result) {
		push_result(L, result);
		nsh_lua_push_sandbox(L, process);
		lua_setfield(L, -2, "sandbox");
	} else {
		lua_pushnil(L);
	}
	return 1;
}

/* process:_has_exited() */
static int has_exited(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);

	lua_pushboolean(L, !nsh_lua_fail_foreign(L, process)
			&& nsh_process_has_exited(process));
	return 1;
}

static int check_result(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int failed = nsh_lua_fail_foreign(L, process);
	struct nsh_failure failure;

	if (failed)
		return failed;
	if (nsh_process_check(process, &failure) < 0)
		return nsh_lua_fail(L, &failure);
	lua_pushboolean(L, 1);
	return 1;
}

/* process:_restate { exit_code = ..., signal_number = ..., lost = ..., ... } */
static int restate(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int failed = nsh_lua_fail_foreign(L, process);
	struct nsh_remote_end end;

	if (failed)
		return failed;
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_getfield(L, 2, "exit_code");
	lua_getfield(L, 2, "signal_number");
	end = (struct nsh_remote_end){
		.exit_code = (int)lua_tointeger(L, -2),
		.signal = (int)lua_tointeger(L, -1),
		.core_dumped = nsh_lua_field_flag(L, 2, "core_dumped"),
		.timed_out = nsh_lua_field_flag(L, 2, "timed_out"),
		.lost = nsh_lua_field_flag(L, 2, "lost"),
	};
	if (nsh_process_restate(process, &end) < 0)
		return nsh_lua_fail_errno(L, "wait", errno);
	lua_pushboolean(L, 1);
	return 1;
}

/* ---- dry runs: Lua gets the input and provides the end --------------------- */

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
	end.out_of_memory = nsh_lua_field_flag(L, 2, "out_of_memory");
	end.lost = nsh_lua_field_flag(L, 2, "lost");
	get_output(L, "stdout", &end, 1);
	get_output(L, "stderr", &end, 2);
	if (nsh_process_end_dry(process, &end) < 0)
		return nsh_lua_fail_errno(L, "end", errno);
	lua_pushboolean(L, 1);
	return 1;
}

/* process:_dry_input(): the bytes written to its stdin so far. */
static int get_input(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	size_t size;
	const char *data = nsh_process_input_dry(process, &size);

	lua_pushlstring(L, data, size);
	return 1;
}

const luaL_Reg nsh_lua_result_methods[] = {
	{ "_dry_input", get_input },
	{ "_end_dry", end_dry },
	{ "_has_exited", has_exited },
	{ "_restate", restate },
	{ "check", check_result },
	{ "result", get_result },
	{ NULL, NULL }
};
