#include "trap.h"

#include <errno.h>

#include "../noshell.h"
#include "failure.h"

#define NSH_LUA_TRAP "noshell.trap"

static const char DISPATCH[] = "noshell.trap_dispatch";
static const char AT_EXIT[] = "noshell.trap_at_exit";

/* The state that handles signals, if there is one. */
static struct {
	lua_State *state;       /* its main coroutine, if Lua can name it */
	lua_State *exit_state;  /* a coroutine that runs nothing else */
	void *last;             /* the userdata that is collected with the state */
	lua_Hook hook;          /* the hook that ours replaces temporarily */
	int hook_mask, hook_count;
} owner;

static void run_hook(lua_State *L, lua_Debug *where)
{
	(void)where;
	(void)lua_sethook(L, owner.hook, owner.hook_mask, owner.hook_count);
	lua_getfield(L, LUA_REGISTRYINDEX, DISPATCH);
	lua_call(L, 0, 0);
}

/* Runs in the signal handler, in which Lua permits nothing but setting a hook, as lua.c
 * does. */
static void set_hook(void)
{
	lua_State *L = owner.state;

	if (!L || lua_gethook(L) == run_hook)
		return;
	owner.hook = lua_gethook(L);
	owner.hook_mask = lua_gethookmask(L);
	owner.hook_count = lua_gethookcount(L);
	(void)lua_sethook(L, run_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

static void run_at_exit(lua_State *L)
{
	lua_getfield(L, LUA_REGISTRYINDEX, AT_EXIT);
	if (lua_pcall(L, 0, 0, 0) != 0)
		lua_pop(L, 1);
}

static void let_go(void)
{
	nsh_trap_close();
	owner.state = NULL;
	owner.last = NULL;
}

/* Runs if os.exit, or exit(3) in a C host, ends the process without closing the
 * state. */
static void leave_process(void)
{
	run_at_exit(owner.exit_state);
	let_go();
}

/* Runs if the state is being closed, or if a newer userdata has replaced this one. */
static int collect(lua_State *L)
{
	if (lua_touserdata(L, 1) != owner.last || !owner.state)
		return 0;
	if (nsh_trap_is_ours())
		run_at_exit(L);
	let_go();
	return 0;
}

static lua_State *main_state(lua_State *L)
{
#ifdef LUA_RIDX_MAINTHREAD
	lua_State *found;

	lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
	found = lua_tothread(L, -1);
	lua_pop(L, 1);
	return found;
#else
	return L;
#endif
}

static bool is_other(lua_State *L)
{
	const void *ours = owner.state ? lua_topointer(owner.state, LUA_REGISTRYINDEX)
		: NULL;

	return ours && ours != lua_topointer(L, LUA_REGISTRYINDEX);
}

/* core.trap_open(dispatch, at_exit): true, or false if another state of this process
 * handles signals.  A repeated call makes at_exit run before objects that were
 * created in between are collected. */
int nsh_lua_trap_open(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	if (nsh_trap_is_ours() && is_other(L)) {
		lua_pushboolean(L, 0);
		return 1;
	}
	lua_setfield(L, LUA_REGISTRYINDEX, AT_EXIT);
	lua_setfield(L, LUA_REGISTRYINDEX, DISPATCH);
	owner.exit_state = lua_newthread(L);
	lua_setfield(L, LUA_REGISTRYINDEX, "noshell.trap_exit_state");
	owner.last = lua_newuserdata(L, 1);
	luaL_getmetatable(L, NSH_LUA_TRAP);
	lua_setmetatable(L, -2);
	lua_setfield(L, LUA_REGISTRYINDEX, NSH_LUA_TRAP "_last");
	owner.state = main_state(L);
	nsh_trap_open(set_hook, leave_process);
	lua_pushboolean(L, 1);
	return 1;
}

/* core.trap(signal, how): how is "handle", "ignore" or "restore".  True, or nil,
 * failure. */
int nsh_lua_trap(lua_State *L)
{
	static const char *const hows[] = { "handle", "ignore", "restore", NULL };
	int signal = (int)luaL_checkinteger(L, 1);
	int how = luaL_checkoption(L, 2, NULL, hows), ret = 0;

	if (how == 0)
		ret = nsh_trap_set(signal);
	else if (how == 1)
		ret = nsh_trap_ignore(signal);
	else
		nsh_trap_restore(signal);
	if (ret < 0)
		return nsh_lua_fail_errno(L, "trap", errno);
	lua_pushboolean(L, 1);
	return 1;
}

int nsh_lua_trap_take(lua_State *L)
{
	int signal = nsh_trap_take();

	if (signal == 0)
		return 0;
	lua_pushinteger(L, signal);
	return 1;
}

int nsh_lua_trap_is_ignored(lua_State *L)
{
	lua_pushboolean(L, nsh_trap_is_ignored((int)luaL_checkinteger(L, 1)));
	return 1;
}

int nsh_lua_trap_is_ours(lua_State *L)
{
	lua_pushboolean(L, nsh_trap_is_ours());
	return 1;
}

int nsh_lua_trap_die(lua_State *L)
{
	nsh_trap_die((int)luaL_checkinteger(L, 1));
	return 0;
}

void nsh_lua_open_trap(lua_State *L)
{
	luaL_newmetatable(L, NSH_LUA_TRAP);
	lua_pushcfunction(L, collect);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
}
