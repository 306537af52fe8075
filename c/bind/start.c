#include "start.h"

#include <errno.h>

#include "command.h"
#include "failure.h"
#include "process.h"
#include "value.h"
#include "wake.h"

static const char START[] = "noshell.start";

struct start {
	struct nsh_start *start;  /* NULL: the process was taken */
	int channel;              /* the wake-up channel that owns it now; -1 */
	bool bound;               /* collecting it ends the process */
};

struct nsh_start **nsh_lua_push_start(lua_State *L, bool is_bound)
{
	struct start *start = lua_newuserdata(L, sizeof *start);

	*start = (struct start){ NULL, -1, is_bound };
	luaL_getmetatable(L, START);
	lua_setmetatable(L, -2);
	return &start->start;
}

static struct start *check_any(lua_State *L)
{
	struct start *start = luaL_checkudata(L, 1, START);

	start->start = nsh_lua_take_back(start->start, &start->channel);
	return start;
}

static struct start *check(lua_State *L)
{
	struct start *start = check_any(L);

	if (!start->start)
		luaL_error(L, "the start is over");
	return start;
}

static int drop(lua_State *L)
{
	struct start *start = check_any(L);

	if (start->bound)
		nsh_start_end(start->start);
	else
		nsh_start_free(start->start);
	start->start = NULL;
	return 0;
}

static void free_start(void *start)
{
	nsh_start_free(start);
}

static void end_start(void *start)
{
	nsh_start_end_later(start);
}

/* start:_entrust(channel): true if the channel now owns it. */
static int entrust(lua_State *L)
{
	struct start *start = check_any(L);
	int channel = (int)luaL_checkinteger(L, 2);
	bool is_held = start->start
		&& nsh_wake_entrust(channel, start->start,
				    start->bound ? end_start : free_start) == 0;

	if (is_held)
		start->channel = channel;
	lua_pushboolean(L, is_held);
	return 1;
}

/* start:closed(): true if its process was taken, or if its channel has ended. */
static int is_closed(lua_State *L)
{
	lua_pushboolean(L, !check_any(L)->start);
	return 1;
}

static int finish_start(lua_State *L, double seconds)
{
	struct start *start = check(L);
	struct nsh_failure failure;
	struct process *process;
	int index = 3, ret;

	lua_settop(L, 2);
	process = nsh_lua_push_process(L);
	nsh_lua_add_to_scope(L, 2);
	ret = nsh_start_finish(start->start, seconds, &process->process,
				   &failure);

	if (ret == 0) {
		lua_pushboolean(L, 0);
		return 1;
	}
	process->bound = start->bound;
	(void)drop(L);
	if (ret < 0)
		return nsh_lua_fail(L, &failure);
	nsh_lua_process_started(L, index);
	lua_settop(L, index);
	return 1;
}

/* start:finish(scope): the process; false if it is not started yet; or nil, failure.
 * The scope is used as by command:_start. */
static int finish(lua_State *L)
{
	return finish_start(L, 0);
}

/* The same, but blocks until it is done, at most a second; a start that waits for
 * the other end of a FIFO fails with ECANCELED. */
static int finish_now(lua_State *L)
{
	nsh_start_cancel(check(L)->start);
	return finish_start(L, 1);
}

static int pollfd(lua_State *L)
{
	int fd = nsh_start_fd(check(L)->start);

	/* After a fork of the host, finish reports the failure. */
	if (fd < 0)
		return nsh_lua_fail_errno(L, "start", EBADF);
	lua_pushinteger(L, fd);
	return 1;
}

static int timeout(lua_State *L)
{
	return nsh_lua_push_seconds(L, nsh_start_timeout(check(L)->start));
}

static const luaL_Reg methods[] = {
	{ "_entrust", entrust },
	{ "closed", is_closed },
	{ "finish", finish },
	{ "finish_now", finish_now },
	{ "pollfd", pollfd },
	{ "timeout", timeout },
	{ NULL, NULL }
};

static const luaL_Reg metamethods[] = {
	{ "__gc", drop },
	{ NULL, NULL }
};

void nsh_lua_open_start(lua_State *L)
{
	nsh_lua_new_type(L, START, metamethods, methods, "__index");
	lua_pop(L, 1);
}
