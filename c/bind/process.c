#include "process.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "args.h"
#include "failure.h"
#include "pollset.h"
#include "stream.h"
#include "value.h"
#include "wake.h"

/* ---- the type ---------------------------------------------------------- */

struct process *nsh_lua_push_process(lua_State *L)
{
	struct process *process = lua_newuserdata(L, sizeof *process);

	*process = (struct process){ .process = NULL, .channel = -1 };
	luaL_getmetatable(L, NSH_LUA_PROCESS);
	lua_setmetatable(L, -2);
	lua_createtable(L, 0, 4);
	lua_setuservalue(L, -2);
	return process;
}

void nsh_lua_add_to_scope(lua_State *L, int scope)
{
	if (!lua_istable(L, scope))
		return;
	lua_pushvalue(L, -1);
	lua_rawseti(L, scope, (int)lua_rawlen(L, scope) + 1);
}

void nsh_lua_process_started(lua_State *L, int index)
{
	struct process *process = lua_touserdata(L, index);

	process->pid = nsh_process_pid(process->process);
	process->launch = nsh_process_launch(process->process);
	lua_getuservalue(L, index);
	lua_pushstring(L, nsh_process_command(process->process));
	lua_setfield(L, -2, "command");
	lua_pop(L, 1);
}

void nsh_lua_process_come_back(struct process *process)
{
	process->process = nsh_lua_take_back(process->process, &process->channel);
}

static struct process *check_process_at(lua_State *L, int index)
{
	struct process *process = index == 1 ? nsh_lua_check_self(L, NSH_LUA_PROCESS, NULL)
		: luaL_checkudata(L, index, NSH_LUA_PROCESS);

	nsh_lua_process_come_back(process);
	return process;
}

struct process *nsh_lua_check_process(lua_State *L)
{
	return check_process_at(L, 1);
}

struct nsh_process *nsh_lua_check_open_at(lua_State *L, int index)
{
	struct nsh_process *process = check_process_at(L, index)->process;

	if (!process)
		nsh_lua_raise(L, "the process is closed");
	return process;
}

struct nsh_process *nsh_lua_check_open(lua_State *L)
{
	return nsh_lua_check_open_at(L, 1);
}

int nsh_lua_fail_foreign(lua_State *L, const struct nsh_process *process)
{
	struct nsh_failure failure;

	if (nsh_process_is_ours(process))
		return 0;
	(void)nsh_process_fail_foreign(process, &failure);
	return nsh_lua_fail(L, &failure);
}

/* ---- fields ------------------------------------------------------------ */

/* Makes the stream on its first use, and keeps it. */
static int push_stream(lua_State *L, struct process *process, int which)
{
	lua_getuservalue(L, 1);
	lua_rawgeti(L, -1, which);
	if (!lua_isnil(L, -1) || !process->process
	    || !nsh_process_stream(process->process, which))
		return 1;
	lua_pop(L, 1);
	nsh_lua_push_stream(L, 1, which);
	lua_pushvalue(L, -1);
	lua_rawseti(L, -3, which);
	return 1;
}

/* Pushes { [the program's descriptor] = stream } of the added pipes, and keeps it; nil if
 * there are none. */
static int push_pipes(lua_State *L, struct process *process)
{
	int count = 0;

	lua_getuservalue(L, 1);
	lua_getfield(L, -1, "pipes");
	if (!lua_isnil(L, -1) || !process->process)
		return 1;
	lua_newtable(L);
	for (int which = NSH_PIPES; which < NSH_PIPES + NSH_MOST_PIPES; which++) {
		struct nsh_stream *stream = nsh_process_stream(process->process, which);

		if (!stream)
			continue;
		push_stream(L, process, which);
		lua_rawseti(L, -3, nsh_stream_target(stream));
		lua_pop(L, 1);
		count++;
	}
	if (count == 0)
		return 0;
	lua_pushvalue(L, -1);
	lua_setfield(L, -4, "pipes");
	return 1;
}

/* The report of a program that waits in a handshake is not known yet.  Keeps it: it stays
 * readable after close. */
static void push_sandbox(lua_State *L, struct process *process)
{
	lua_getuservalue(L, 1);
	lua_getfield(L, -1, "sandbox");
	if (!lua_isnil(L, -1) || !process->process)
		return;
	nsh_lua_push_sandbox(L, process->process);
	lua_pushvalue(L, -1);
	lua_setfield(L, -4, "sandbox");
}

static int get_field(lua_State *L, struct process *process, const char *name)
{
	static const char *const streams[] = { "stdin", "stdout", "stderr", "pty" };

	for (int which = 0; which <= NSH_PTY; which++)
		if (strcmp(name, streams[which]) == 0)
			return push_stream(L, process, which);
	if (strcmp(name, "pipes") == 0)
		return push_pipes(L, process);
	if (strcmp(name, "pid") == 0) {
		/* The pid of a daemon is known when its handshake is over. */
		if (process->process)
			process->pid = nsh_process_pid(process->process);
		lua_pushinteger(L, process->pid);
	} else if (strcmp(name, "launch") == 0) {
		lua_pushstring(L, process->launch);
	} else if (strcmp(name, "sandbox") == 0) {
		push_sandbox(L, process);
	} else if (strcmp(name, "command") == 0) {
		lua_getuservalue(L, 1);
		lua_getfield(L, -1, "command");
	} else {
		lua_pushnil(L);
	}
	return 1;
}

/* process._field(process, name): a field; Lua's __index calls it. */
static int get_named_field(lua_State *L)
{
	struct process *process = nsh_lua_check_process(L);

	if (lua_type(L, 2) != LUA_TSTRING)
		return 0;
	return get_field(L, process, lua_tostring(L, 2));
}

/* ---- waiting ----------------------------------------------------------- */

static int pump(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int failed = nsh_lua_fail_foreign(L, process);
	struct nsh_failure failure;
	int ret;

	if (failed)
		return failed;
	ret = nsh_process_pump(process, &failure);
	if (ret < 0)
		return nsh_lua_fail(L, &failure);
	lua_pushboolean(L, ret);
	return 1;
}

static int pollfd(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int failed = nsh_lua_fail_foreign(L, process);

	return failed ? failed : nsh_lua_push_fd(L, nsh_process_pollfd(process));
}

static int pidfd(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int failed = nsh_lua_fail_foreign(L, process);

	return failed ? failed : nsh_lua_push_fd(L, nsh_process_pidfd(process));
}

static int events(lua_State *L)
{
	(void)nsh_lua_check_open(L);
	lua_pushliteral(L, "r");
	return 1;
}

static int timeout(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int failed = nsh_lua_fail_foreign(L, process);

	return failed ? failed : nsh_lua_push_seconds(L, nsh_process_timeout(process));
}

/* process:_poll([seconds[, other]]): waits once until pump has something to do, the
 * seconds have passed, or `other` is readable. */
static int poll_once(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	lua_Number seconds = luaL_optnumber(L, 2, -1);
	int other = (int)luaL_optinteger(L, 3, -1);
	int failed = nsh_lua_fail_foreign(L, process);

	if (failed)
		return failed;
	return nsh_lua_push_poll(L, nsh_processes_poll(&process, 1, NULL, 0, other,
							 seconds));
}

/* ---- signals and the end ----------------------------------------------- */

/* The default is TERM. */
static int check_signal(lua_State *L, int argument)
{
	int number = 15;
	int64_t integer;

	if (nsh_lua_integer(L, argument, &integer)) {
		luaL_argcheck(L, integer >= 0 && integer <= 64, argument,
			      "signals are 0 to 64");
		number = (int)integer;
	} else if (!lua_isnoneornil(L, argument)) {
		number = nsh_signal_number(luaL_checkstring(L, argument));
		luaL_argcheck(L, number > 0, argument, "no such signal");
	}
	return number;
}

/* process:_kill(signal, "tree" | "group" | nil) */
static int send_signal(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int number = check_signal(L, 2);
	const char *scope = luaL_optstring(L, 3, "");
	struct nsh_failure failure;
	int failed = nsh_lua_fail_foreign(L, process);

	if (failed)
		return failed;
	if (strcmp(scope, "tree") == 0) {
		if (nsh_process_kill_tree(process, number, &failure) < 0)
			return nsh_lua_fail(L, &failure);
	} else if ((strcmp(scope, "group") == 0 ? nsh_process_kill_group
		    : nsh_process_kill)(process, number) < 0) {
		return nsh_lua_fail_errno(L, "kill", errno);
	}
	lua_pushboolean(L, 1);
	return 1;
}

/* process:_resize(rows, columns) */
static int resize(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int rows = (int)luaL_checkinteger(L, 2), columns = (int)luaL_checkinteger(L, 3);
	int failed = nsh_lua_fail_foreign(L, process);

	if (failed)
		return failed;
	if (nsh_process_resize(process, rows, columns) < 0)
		return nsh_lua_fail_errno(L, "resize", errno);
	lua_pushboolean(L, 1);
	return 1;
}

/* process:_stopped_by(): the name of the signal; or nil. */
static int stopped_by(lua_State *L)
{
	int number = nsh_process_stopped_by(nsh_lua_check_open(L));

	if (number)
		lua_pushstring(L, nsh_signal_name(number));
	else
		lua_pushnil(L);
	return 1;
}

/* process:_behind(): the name of a target in a list that has unwritten bytes; or nil. */
static int get_behind(lua_State *L)
{
	lua_pushstring(L, nsh_process_behind(nsh_lua_check_open(L)));
	return 1;
}

static int terminate(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	lua_Number grace = luaL_optnumber(L, 2, NSH_ABORT_GRACE);
	int failed = nsh_lua_fail_foreign(L, process);

	luaL_argcheck(L, isfinite(grace) && grace >= 0, 2, "not a grace period");
	if (failed)
		return failed;
	nsh_process_terminate(process, grace);
	lua_pushboolean(L, 1);
	return 1;
}

static int abort_tree(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int failed = nsh_lua_fail_foreign(L, process);
	struct nsh_failure failure;

	if (failed)
		return failed;
	if (nsh_process_abort(process, &failure) < 0)
		return nsh_lua_fail(L, &failure);
	lua_pushboolean(L, 1);
	return 1;
}

static int handshake_wait(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	lua_Number seconds = luaL_optnumber(L, 2, -1);
	struct nsh_failure failure;
	int ret = nsh_process_handshake_wait(process, seconds, &failure);

	if (ret < 0)
		return nsh_lua_fail(L, &failure);
	lua_pushboolean(L, ret);
	return 1;
}

static int handshake_notify(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	struct nsh_failure failure;

	if (nsh_process_handshake_notify(process, &failure) < 0)
		return nsh_lua_fail(L, &failure);
	lua_pushboolean(L, 1);
	return 1;
}

/* Takes the process out of the userdata, which is closed then. */
static struct nsh_process *take(lua_State *L)
{
	struct process *process = nsh_lua_check_process(L);
	struct nsh_process *taken = process->process;

	if (taken)
		process->pid = nsh_process_pid(taken);
	process->process = NULL;
	return taken;
}

static int release(lua_State *L)
{
	nsh_process_free(take(L));
	return 0;
}

/* process:_state(): the table in which the Lua layer keeps its state of the process. */
static int get_state(lua_State *L)
{
	(void)nsh_lua_check_process(L);
	lua_getuservalue(L, 1);
	return 1;
}

static int leave_streams(lua_State *L)
{
	nsh_process_leave_streams(nsh_lua_check_open(L));
	return 0;
}

/* process:_leave([seconds, grace]) */
static int leave(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	lua_Number seconds = luaL_optnumber(L, 2, -1);
	lua_Number grace = luaL_optnumber(L, 3, 0);

	nsh_process_leave(process, seconds, grace);
	return 0;
}

static int detach(lua_State *L)
{
	nsh_process_forget(take(L));
	return 0;
}

/* A bound process that is collected has lost its caller. */
static int collect(lua_State *L)
{
	if (nsh_lua_check_process(L)->bound)
		nsh_process_end(take(L));
	else
		nsh_process_forget(take(L));
	return 0;
}

/* process:_use_crlf(): lines of its streams and its captured output may end with
 * CR LF. */
static int use_crlf(lua_State *L)
{
	nsh_lua_check_process(L)->crlf = true;
	return 0;
}

/* process:_bind(flag) */
static int bind_to_caller(lua_State *L)
{
	nsh_lua_check_process(L)->bound = lua_toboolean(L, 2);
	return 0;
}

static int is_bound(lua_State *L)
{
	lua_pushboolean(L, nsh_lua_check_process(L)->bound);
	return 1;
}

static void end_process(void *process)
{
	nsh_process_end_later(process);
}

/* process:_entrust(channel): true if the channel now owns it; false also for a process
 * that is not bound. */
static int entrust(lua_State *L)
{
	struct process *process = nsh_lua_check_process(L);
	int channel = (int)luaL_checkinteger(L, 2);
	bool is_held = process->bound && process->process
		&& nsh_wake_entrust(channel, process->process, end_process) == 0;

	if (is_held)
		process->channel = channel;
	lua_pushboolean(L, is_held);
	return 1;
}

/* process:_is_lost(): true if the wake-up channel that owned it has ended.  Unlike other
 * methods, this one does not take the process back. */
static int is_lost(lua_State *L)
{
	const struct process *process = nsh_lua_check_self(L, NSH_LUA_PROCESS, NULL);

	lua_pushboolean(L, process->process && process->channel >= 0
			&& !nsh_wake_is_open(process->channel));
	return 1;
}

/* ---- being a value ----------------------------------------------------- */

static int is_closed(lua_State *L)
{
	lua_pushboolean(L, !nsh_lua_check_process(L)->process);
	return 1;
}

static int to_text(lua_State *L)
{
	const struct process *process = nsh_lua_check_process(L);

	if (!process->process)
		lua_pushliteral(L, "noshell.process (closed)");
	else
		lua_pushfstring(L, "noshell.process (pid %d, %s)",
				(int)nsh_process_pid(process->process),
				nsh_process_result(process->process)
				? "ended" : "running");
	return 1;
}

static const luaL_Reg methods[] = {
	{ "_abort", abort_tree },
	{ "_behind", get_behind },
	{ "_bind", bind_to_caller },
	{ "_use_crlf", use_crlf },
	{ "_detach", detach },
	{ "_entrust", entrust },
	{ "_field", get_named_field },
	{ "_free", release },
	{ "_handshake_notify", handshake_notify },
	{ "_handshake_wait", handshake_wait },
	{ "_is_bound", is_bound },
	{ "_is_lost", is_lost },
	{ "_kill", send_signal },
	{ "_leave", leave },
	{ "_leave_streams", leave_streams },
	{ "_poll", poll_once },
	{ "_pollfd", pollfd },
	{ "_pump", pump },
	{ "_resize", resize },
	{ "_state", get_state },
	{ "_stopped_by", stopped_by },
	{ "closed", is_closed },
	{ "events", events },
	{ "pidfd", pidfd },
	{ "_terminate", terminate },
	{ "timeout", timeout },
	{ NULL, NULL }
};

/* Collection never blocks; it ends only a child whose caller has gone. */
static const luaL_Reg metamethods[] = {
	{ "__gc", collect },
	{ "__tostring", to_text },
	{ NULL, NULL }
};

void nsh_lua_open_process(lua_State *L)
{
	/* __index is a Lua function, which saves a call into C for each method. */
	nsh_lua_new_type(L, NSH_LUA_PROCESS, metamethods, methods, "methods");
	luaL_setfuncs(L, nsh_lua_result_methods, 0);
	luaL_setfuncs(L, nsh_lua_output_methods, 0);
	lua_pop(L, 1);
}
