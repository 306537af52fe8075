#include <limits.h>
#include <string.h>

#include "box.h"
#include "command.h"
#include "descriptor.h"
#include "failure.h"
#include "pollset.h"
#include "process.h"
#include "secret.h"
#include "start.h"
#include "trap.h"
#include "stream.h"
#include "value.h"
#include "wake.h"

/* ---- functions ---------------------------------------------------------- */

static const char *check_text(lua_State *L, int index)
{
	size_t size;
	const char *text = luaL_checklstring(L, index, &size);

	luaL_argcheck(L, !memchr(text, 0, size), index, "it contains a zero byte");
	return text;
}

static int push_text(lua_State *L, const char *text)
{
	if (*text)
		lua_pushstring(L, text);
	else
		lua_pushnil(L);
	return 1;
}

/* Returns -1, which has no name, for an integer that is not in the range of
 * int. */
static int check_number(lua_State *L, int index)
{
	int64_t number;

	if (!nsh_lua_integer(L, index, &number))
		return luaL_argerror(L, index, "integer expected");
	return number >= 0 && number <= INT_MAX ? (int)number : -1;
}

static int now(lua_State *L)
{
	lua_pushnumber(L, nsh_now());
	return 1;
}

static int quote(lua_State *L)
{
	const char *word = check_text(L, 1);
	struct box *box = nsh_lua_push_box(L);

	box->string = nsh_quote(word);
	return nsh_lua_push_boxed(L, box);
}

static int find_program(lua_State *L)
{
	const char *name = check_text(L, 1);
	const char *directories = lua_isnoneornil(L, 2) ? NULL : check_text(L, 2);
	struct box *box = nsh_lua_push_box(L);
	struct nsh_failure failure;

	box->string = nsh_find_program_in(name, directories, &failure);
	if (!box->string)
		return nsh_lua_fail(L, &failure);
	return nsh_lua_push_boxed(L, box);
}

static int signal_number(lua_State *L)
{
	int number = lua_type(L, 1) == LUA_TNUMBER
		? check_number(L, 1) : nsh_signal_number(check_text(L, 1));

	if (number > 0 && *nsh_signal_name(number))
		lua_pushinteger(L, number);
	else
		lua_pushnil(L);
	return 1;
}

static int signal_name(lua_State *L)
{
	return push_text(L, nsh_signal_name(check_number(L, 1)));
}

static int errno_name(lua_State *L)
{
	return push_text(L, nsh_errno_name(check_number(L, 1)));
}

static int error_text(lua_State *L)
{
	return push_text(L, strerror(check_number(L, 1)));
}

static int reap(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)nsh_reap());
	return 1;
}

/* `landlock` is the version of its interface, or false. */
static void add_sandbox(lua_State *L, const struct nsh_features *found)
{
	lua_newtable(L);
	nsh_lua_set_flag(L, "landlock", false);
	if (found->landlock > 0)
		nsh_lua_set_integer(L, "landlock", found->landlock);
	nsh_lua_set_flag(L, "libseccomp", found->libseccomp);
	nsh_lua_set_flag(L, "seccomp", found->seccomp);
	nsh_lua_set_flag(L, "cgroup", found->cgroup);
	nsh_lua_set_flag(L, "namespaces", found->namespaces);
	lua_setfield(L, -2, "sandbox");
}

static int features(lua_State *L)
{
	struct nsh_features found;

	if (lua_toboolean(L, 1))
		nsh_features_dry(&found);
	else
		nsh_features(&found);
	lua_newtable(L);
	nsh_lua_set_text(L, "launch", found.launch);
	nsh_lua_set_flag(L, "pidfd_info", found.pidfd_info);
	nsh_lua_set_flag(L, "supervisor", found.supervisor);
	nsh_lua_set_flag(L, "capng", found.capng);
	nsh_lua_set_flag(L, "selinux", found.selinux);
	nsh_lua_set_flag(L, "selinux_enabled", found.selinux_enabled);
	nsh_lua_set_flag(L, "apparmor_enabled", found.apparmor_enabled);
	nsh_lua_set_flag(L, "core_scheduling", found.core_scheduling);
	nsh_lua_set_flag(L, "close_range", found.close_range);
	nsh_lua_set_flag(L, "process_group_signal", found.process_group_signal);
	add_sandbox(L, &found);
	return 1;
}

/* ---- the module -------------------------------------------------------- */

static const luaL_Reg functions[] = {
	{ "await", nsh_lua_await },
	{ "can_yield", nsh_lua_can_yield },
	{ "command", nsh_lua_new_command },
	{ "duplicate", nsh_lua_duplicate },
	{ "errno_name", errno_name },
	{ "features", features },
	{ "find_program", find_program },
	{ "keep_fd", nsh_lua_keep_fd },
	{ "now", now },
	{ "pipe", nsh_lua_new_pipe },
	{ "poll", nsh_lua_poll },
	{ "poll_several", nsh_lua_poll_several },
	{ "pollset", nsh_lua_new_pollset },
	{ "pump", nsh_lua_pump_all },
	{ "quote", quote },
	{ "reader", nsh_lua_new_reader },
	{ "reap", reap },
	{ "sandbox_calls", nsh_lua_sandbox_calls },
	{ "sandbox_groups", nsh_lua_sandbox_groups },
	{ "sandbox_has_call", nsh_lua_sandbox_has_call },
	{ "sandbox_parts", nsh_lua_sandbox_parts },
	{ "secret", nsh_lua_new_secret },
	{ "set_source_prefix", nsh_lua_set_source_prefix },
	{ "setters", nsh_lua_setters },
	{ "signal_name", signal_name },
	{ "signal_number", signal_number },
	{ "strerror", error_text },
	{ "wake_accept", nsh_lua_wake_accept },
	{ "wake_arm", nsh_lua_wake_arm },
	{ "wake_disarm", nsh_lua_wake_disarm },
	{ "wake_is_open", nsh_lua_wake_is_open },
	{ "wake_path", nsh_lua_wake_path },
	{ "where", nsh_lua_where },
	{ "take_item", nsh_lua_take_item },
	{ "timer", nsh_lua_new_timer },
	{ "trap", nsh_lua_trap },
	{ "trap_die", nsh_lua_trap_die },
	{ "trap_is_ignored", nsh_lua_trap_is_ignored },
	{ "trap_is_ours", nsh_lua_trap_is_ours },
	{ "trap_open", nsh_lua_trap_open },
	{ "trap_take", nsh_lua_trap_take },
	{ NULL, NULL }
};

static const struct {
	const char *name, *type;
	const char *methods;  /* the metatable's field */
} types[] = {
	{ "command", NSH_LUA_COMMAND, "__index" },
	{ "process", NSH_LUA_PROCESS, "methods" },
	{ "stream", NSH_LUA_STREAM, "__index" },
};

/* The Lua layer adds its methods to the same tables. */
static void add_types(lua_State *L)
{
	lua_newtable(L);
	lua_newtable(L);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		luaL_getmetatable(L, types[i].type);
		lua_getfield(L, -1, types[i].methods);
		lua_setfield(L, -4, types[i].name);
		lua_setfield(L, -2, types[i].name);
	}
	lua_setfield(L, -3, "metatables");
	lua_setfield(L, -2, "methods");
}

__attribute__((visibility("default"))) int luaopen_noshell_core(lua_State *L);

int luaopen_noshell_core(lua_State *L)
{
	nsh_lua_check_version(L);
	nsh_lua_open_box(L);
	nsh_lua_open_secret(L);
	nsh_lua_open_command(L);
	nsh_lua_open_process(L);
	nsh_lua_open_stream(L);
	nsh_lua_open_start(L);
	nsh_lua_open_pipe(L);
	nsh_lua_open_pollset(L);
	nsh_lua_open_trap(L);
	lua_newtable(L);
	luaL_setfuncs(L, functions, 0);
	nsh_lua_set_text(L, "version", NOSHELL_VERSION);
#ifdef NSH_LUA_HAS_CONTINUATIONS
	nsh_lua_set_flag(L, "yields_through_c", true);
#endif
	add_types(L);
	return 1;
}
