/* Serving and awaiting processes without a return to Lua in between. */
#include <errno.h>

#include "failure.h"
#include "process.h"

struct list {
	struct nsh_process *one;
	struct nsh_process **processes;
	size_t count;
};

/* Fills the list with the process at argument 1, or with those of the list there. Memory
 * for these is in a userdata, which is pushed. */
static void check_list(lua_State *L, struct list *ret_list)
{
	if (!lua_istable(L, 1)) {
		*ret_list = (struct list){ nsh_lua_check_open_at(L, 1), &ret_list->one, 1 };
		return;
	}
	ret_list->count = lua_rawlen(L, 1);
	ret_list->processes = lua_newuserdata(L, (ret_list->count + 1)
					      * sizeof *ret_list->processes);
	for (size_t i = 0; i < ret_list->count; i++) {
		lua_rawgeti(L, 1, (int)i + 1);
		ret_list->processes[i] = nsh_lua_check_open_at(L, lua_gettop(L));
		lua_pop(L, 1);
	}
}

/* Returns 1 if all have finished, 0 if not, -1 with the failure. */
static int pump_all(const struct list *list, struct nsh_failure *failure)
{
	int finished = 1;

	for (size_t i = 0; i < list->count; i++) {
		int ret = nsh_process_pump(list->processes[i], failure);

		if (ret < 0)
			return -1;
		finished &= ret;
	}
	return finished;
}

/* True if a wait for them need not begin with a pump. */
static bool all_announce(const struct list *list)
{
	bool announce = true;

	for (size_t i = 0; i < list->count; i++)
		announce &= nsh_process_announces(list->processes[i]);
	return announce;
}

/* True if the others have to be ended because of one of them. */
static bool has_fatal(const struct list *list)
{
	struct nsh_failure failure;

	for (size_t i = 0; i < list->count; i++)
		if (nsh_process_check(list->processes[i], &failure) < 0
		    && (failure.code == NSH_TIMEOUT || failure.code == NSH_OUTPUT_LIMIT))
			return true;
	return false;
}

/* core.pump(processes): whether all have finished, and whether one has to end the
 * others; or nil, failure. */
int nsh_lua_pump_all(lua_State *L)
{
	struct list list;
	struct nsh_failure failure;
	int ret;

	check_list(L, &list);
	ret = pump_all(&list, &failure);
	if (ret < 0)
		return nsh_lua_fail(L, &failure);
	lua_pushboolean(L, ret);
	lua_pushboolean(L, has_fatal(&list));
	return 2;
}

struct wait {
	struct list list;
	double until;   /* negative: no limit */
	int other;
	lua_Hook hook;  /* that of Lua when the wait began */
	bool waited;
};

/* True if Lua has to act: the time is up, a process has to be ended, or a signal
 * handler has set a hook, which runs only in Lua.  lua.c raises "interrupted!" that
 * way. */
static bool is_due(lua_State *L, const struct wait *wait)
{
	return (wait->waited && wait->list.count > 1 && has_fatal(&wait->list))
		|| lua_gethook(L) != wait->hook
		|| (wait->until >= 0 && nsh_now() >= wait->until);
}

/* Returns true to continue; otherwise *ret is 0 to return to Lua, or -1 with errno. */
static bool wait_once(struct wait *wait, int *ret)
{
	double left = wait->until < 0 ? -1 : wait->until - nsh_now();
	int ready = nsh_processes_poll(wait->list.processes, wait->list.count,
				       NULL, 0, wait->other, wait->until >= 0 && left < 0 ? 0 : left);

	wait->waited = true;
	*ret = ready < 0 && errno != EINTR ? -1 : 0;
	return ready >= 0 && ready != 2;
}

/* core.await(processes[, seconds[, other]]): true if all have finished, false if Lua
 * has to act, or nil, failure. */
int nsh_lua_await(lua_State *L)
{
	lua_Number seconds = luaL_optnumber(L, 2, -1);
	struct wait wait = {
		.until = seconds < 0 ? -1 : nsh_now() + seconds,
		.other = (int)luaL_optinteger(L, 3, -1), .hook = lua_gethook(L),
	};
	struct nsh_failure failure;
	int ret;

	check_list(L, &wait.list);
	ret = all_announce(&wait.list) ? 0 : pump_all(&wait.list, &failure);
	if (ret < 0)
		return nsh_lua_fail(L, &failure);
	while (ret == 0 && !is_due(L, &wait) && wait_once(&wait, &ret)) {
		ret = pump_all(&wait.list, &failure);
		if (ret < 0)
			return nsh_lua_fail(L, &failure);
	}
	if (ret < 0)
		return nsh_lua_fail_errno(L, "wait", errno);
	lua_pushboolean(L, ret);
	return 1;
}
