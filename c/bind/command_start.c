/* Starting a command.  The descriptors of Lua objects are read now, so that an
 * object closed since is a failure, and not a number that refers to another
 * file. */
#include <errno.h>
#include <stdio.h>

#include "command.h"
#include "descriptor.h"
#include "failure.h"
#include "process.h"
#include "start.h"

struct preparation {
	lua_State *L;                   /* [1] the command, [2] its user value */
	struct command *command;
	struct nsh_stream *streams[3];  /* targets of the standard streams */
	int taken[3];                   /* the descriptors of those, to be closed */
	bool is_attended;               /* the caller waits for its end */
	struct nsh_failure *failure;
};

static bool fail(struct preparation *start, int stage, int errnum,
		 const char *subject, const char *reason)
{
	struct nsh_failure *failure = start->failure;

	failure->code = NSH_SPAWN;
	failure->stage = (enum nsh_stage)stage;
	failure->errnum = errnum;
	failure->signal = 0;
	(void)snprintf(failure->subject, sizeof failure->subject, "%s", subject);
	(void)snprintf(failure->reason, sizeof failure->reason, "%s", reason);
	return false;
}

static bool fail_object(struct preparation *start, int stage, int errnum, int index,
			const char *reason)
{
	char subject[NSH_LUA_VALUE_SIZE];

	nsh_lua_describe(start->L, index, subject);
	return fail(start, stage, errnum, subject, reason);
}

/* ---- standard streams -------------------------------------------------- */

/* Flushes a file, so that Lua's output comes before the child's.  For stdin, fflush(3)
 * gives back what was read ahead, if the file is seekable; if it is not, the failure is
 * ignored. */
static bool flush(struct preparation *start, FILE *file, int stage)
{
	if (!file || fflush(file) == 0 || stage == NSH_STAGE_STDIN)
		return true;
	return fail(start, stage, errno, "fflush", "");
}

/* The object is on top of the stack. */
static bool resolve_object(struct preparation *start, int which)
{
	int stage = NSH_STAGE_STDIN + which;
	struct fd_value descriptor;

	if (!nsh_lua_descriptor(start->L, lua_gettop(start->L), &descriptor))
		return fail_object(start, stage, EBADF, lua_gettop(start->L),
				   descriptor.reason);
	if (!flush(start, descriptor.file, stage))
		return false;
	start->streams[which] = descriptor.stream;
	nsh_command_set_stdio_fd(start->command->cmd, which, descriptor.fd);
	return true;
}

/* The list is on top of the stack. */
static bool resolve_list(struct preparation *start, int which)
{
	int stage = NSH_STAGE_STDIN + which, list = lua_gettop(start->L);
	size_t index = 0;
	bool right = true;

	for (int i = 1; right && i <= (int)lua_rawlen(start->L, list); i++) {
		enum list_item item;
		struct fd_value descriptor;

		lua_rawgeti(start->L, list, i);
		item = nsh_lua_list_item(start->L, -1);
		if (item == ITEM_INHERIT)
			(void)fflush(which == 1 ? stdout : stderr);
		if (item == ITEM_OBJECT) {
			right = nsh_lua_descriptor(start->L, lua_gettop(start->L), &descriptor);
			if (!right)
				fail_object(start, stage, EBADF, lua_gettop(start->L), descriptor.reason);
			else
				right = flush(start, descriptor.file, stage);
			if (right)
				nsh_command_change_target_fd(start->command->cmd, which, index,
							     descriptor.fd);
		}
		index += item != ITEM_OURS;
		lua_pop(start->L, 1);
	}
	return right;
}

static bool resolve_stdio(struct preparation *start, int which)
{
	bool right = true;

	lua_rawgeti(start->L, 2, which);
	if (nsh_command_stdio(start->command->cmd, which) == NSH_STDIO_LIST)
		right = resolve_list(start, which);
	else if (!lua_isnil(start->L, -1))
		right = resolve_object(start, which);
	else if (which > 0 && nsh_command_stdio(start->command->cmd, which)
		 == NSH_STDIO_INHERIT)
		(void)fflush(which == 1 ? stdout : stderr);
	lua_pop(start->L, 1);
	return right;
}

/* Takes the descriptors of streams.  The child gets them blocking, as programs
 * expect.  We keep no copy: while it were open, the other side would not get the end of
 * file or SIGPIPE. */
static bool take_streams(struct preparation *start)
{
	for (int which = 0; which < 3; which++) {
		struct nsh_stream *stream = start->streams[which];
		int fd = -1;

		if (!stream)
			continue;
		for (int other = 0; other < which; other++)
			if (start->streams[other] == stream
			    && start->taken[other] >= 0)
				fd = start->taken[other];
		if (fd < 0)
			fd = start->taken[which] = nsh_stream_take_fd(stream);
		if (fd < 0)
			return fail(start, NSH_STAGE_STDIN + which, EBUSY,
				    "a noshell.stream",
				    "it has buffered data, which the child would not see");
		nsh_command_set_stdio_fd(start->command->cmd, which, fd);
	}
	return true;
}

static void close_taken(struct preparation *start)
{
	/* With a NULL command and close_parent, nsh_command_pass_fd only closes
	 * the descriptor. */
	for (int which = 0; which < 3; which++)
		if (start->taken[which] >= 0)
			nsh_command_pass_fd(NULL, start->taken[which],
					    start->taken[which], true);
}

/* ---- pass_fd ----------------------------------------------------------- */

/* The entry { object, descriptor, close } is on top of the stack. */
static bool check_entry(struct preparation *start)
{
	lua_State *L = start->L;
	struct fd_value descriptor;
	int object;
	bool right;

	lua_rawgeti(L, -1, 2);
	lua_rawgeti(L, -2, 1);
	object = lua_gettop(L);
	right = nsh_lua_descriptor(L, object, &descriptor);
	if (!right)
		fail_object(start, NSH_STAGE_PASS_FD, EBADF, object,
			    descriptor.reason);
	else if (descriptor.fd != (int)lua_tointeger(L, -2))
		right = fail_object(start, NSH_STAGE_PASS_FD, EBADF, object,
				    "its descriptor has changed since pass_fd");
	else
		right = flush(start, descriptor.file, NSH_STAGE_PASS_FD);
	lua_pop(L, 2);
	return right;
}

static bool check_passed(struct preparation *start)
{
	bool right = true;

	lua_getfield(start->L, 2, "passed");
	for (int i = 1; right && lua_istable(start->L, -1); i++) {
		lua_rawgeti(start->L, -1, i);
		if (lua_isnil(start->L, -1)) {
			lua_pop(start->L, 1);
			break;
		}
		right = check_entry(start);
		lua_pop(start->L, 1);
	}
	lua_pop(start->L, 1);
	return right;
}

/* Calls close of the objects passed with close_parent.  [1]: the entries. */
static int close_objects(lua_State *L)
{
	for (int i = 1;; i++) {
		lua_rawgeti(L, 1, i);
		if (lua_isnil(L, 2))
			return 0;
		lua_rawgeti(L, 2, 3);
		if (lua_toboolean(L, -1)) {
			lua_rawgeti(L, 2, 1);
			lua_getfield(L, -1, "close");
			lua_insert(L, -2);
			(void)lua_pcall(L, 1, 0, 0);
		}
		lua_settop(L, 1);
	}
}

static void close_passed(lua_State *L)
{
	lua_getfield(L, 2, "passed");
	if (lua_istable(L, -1)) {
		lua_pushcfunction(L, close_objects);
		lua_insert(L, -2);
		(void)lua_pcall(L, 1, 0, 0);
	}
	lua_settop(L, 3);
}

/* ---- start and exec ---------------------------------------------------- */

/* Prepares a launch.  Taking the streams comes last: from there until the taken
 * descriptors are closed, no call may raise an error.  So the hook is already
 * on top of the stack, and the process has its userdata. */
static bool prepare(struct preparation *start)
{
	for (int which = 0; which < 3; which++)
		if (!resolve_stdio(start, which))
			return false;
	if (!check_passed(start))
		return false;
	nsh_lua_ready_hook(start->L, start->command);
	return take_streams(start);
}

/* Sets up the stack: the command, its user value, and a closed process, which
 * is added to the scope, if argument 2 is one. */
static struct process *begin(lua_State *L, struct preparation *ret_start,
			     struct nsh_failure *failure)
{
	struct process *process;

	*ret_start = (struct preparation){
		.L = L, .command = nsh_lua_check_command(L, 1),
		.taken = { -1, -1, -1 }, .is_attended = lua_toboolean(L, 3),
		.failure = failure,
	};
	nsh_command_capture_pty(ret_start->command->cmd, lua_toboolean(L, 4));
	lua_settop(L, 2);
	lua_getuservalue(L, 1);
	process = nsh_lua_push_process(L);
	nsh_lua_add_to_scope(L, 2);
	lua_remove(L, 2);
	return process;
}

static int fail_argument_error(lua_State *L, const struct nsh_argument_error *error)
{
	lua_pushnil(L);
	nsh_lua_push_argument_error(L, error);
	return 2;
}

static bool launch(struct preparation *start, struct process *process)
{
	struct command *command = start->command;
	int ret = -1;

	command->starting = start->L;
	if (process && start->is_attended)
		ret = nsh_command_start_attended(command->cmd, &process->process,
						 start->failure);
	else if (process)
		ret = nsh_command_start(command->cmd, &process->process,
					start->failure);
	else
		ret = nsh_command_exec(command->cmd, start->failure);
	command->starting = NULL;
	return ret == 0;
}

/* command:_start(scope, attended, captures_pty): the process; or nil, failure.  The process is added
 * to the scope before the program starts, so that it is ended if a debug hook raises an
 * error when this function returns. */
static int start_command(lua_State *L)
{
	struct nsh_failure failure;
	struct preparation start;
	struct process *process = begin(L, &start, &failure);
	const struct nsh_argument_error *error = nsh_command_argument_error(start.command->cmd);
	bool right;

	if (error)
		return fail_argument_error(L, error);
	right = prepare(&start) && launch(&start, process);
	close_taken(&start);
	if (!right)
		return nsh_lua_fail(L, &failure);
	close_passed(L);
	nsh_lua_process_started(L, 3);
	return 1;
}

/* True if an object is passed that is closed once the program has started. */
static bool closes_passed(lua_State *L)
{
	bool found = false;

	lua_getfield(L, 2, "passed");
	for (int i = 1; !found && lua_istable(L, -1); i++) {
		lua_rawgeti(L, -1, i);
		if (lua_isnil(L, -1)) {
			lua_pop(L, 1);
			break;
		}
		lua_rawgeti(L, -1, 3);
		found = lua_toboolean(L, -1);
		lua_pop(L, 2);
	}
	lua_pop(L, 1);
	return found;
}

static bool can_start_aside(const struct preparation *start, bool only_fifo)
{
	const struct nsh_command *cmd = start->command->cmd;

	return !nsh_command_argument_error(cmd) && !start->command->hooked
		&& (!only_fifo || nsh_command_opens_fifo(cmd))
		&& nsh_command_can_start_aside(cmd) && !closes_passed(start->L);
}

/* command:_start_aside(to_end, is_bound, only_fifo, captures_pty): a pending start; nil if only
 * _start can start the command, or if only_fifo is true and the command opens no FIFO;
 * or nil, failure. */
static int start_aside(lua_State *L)
{
	struct nsh_failure failure;
	struct preparation start = {
		.L = L, .command = nsh_lua_check_command(L, 1),
		.taken = { -1, -1, -1 }, .failure = &failure,
	};
	bool to_end = lua_toboolean(L, 2), is_bound = lua_toboolean(L, 3);
	bool only_fifo = lua_toboolean(L, 4), captures_pty = lua_toboolean(L, 5);
	struct nsh_start **pending;
	bool right;

	lua_settop(L, 1);
	lua_getuservalue(L, 1);
	if (!can_start_aside(&start, only_fifo)) {
		lua_pushnil(L);
		return 1;
	}
	nsh_command_capture_pty(start.command->cmd, captures_pty);
	pending = nsh_lua_push_start(L, is_bound);
	right = prepare(&start)
		&& nsh_command_start_aside(start.command->cmd, to_end, pending,
					   &failure) == 0;
	close_taken(&start);
	if (!right)
		return nsh_lua_fail(L, &failure);
	lua_settop(L, 3);
	return 1;
}

static int exec_command(lua_State *L)
{
	struct nsh_failure failure;
	struct preparation start;
	const struct nsh_argument_error *error;

	(void)begin(L, &start, &failure);
	error = nsh_command_argument_error(start.command->cmd);
	if (error)
		return fail_argument_error(L, error);
	/* exec discards the buffers of stdio. */
	(void)fflush(NULL);
	if (prepare(&start))
		(void)launch(&start, NULL);
	close_taken(&start);
	return nsh_lua_fail(L, &failure);
}

/* ---- dry runs ---------------------------------------------------------- */

/* command:_check(in_place): true; or nil and the argument error or conflict. */
static int check_command(lua_State *L)
{
	const struct nsh_command *cmd = nsh_lua_check_command(L, 1)->cmd;
	const struct nsh_argument_error *error = nsh_command_argument_error(cmd);
	struct nsh_failure failure;

	if (error)
		return fail_argument_error(L, error);
	if (nsh_command_check(cmd, lua_toboolean(L, 2), &failure) < 0)
		return nsh_lua_fail(L, &failure);
	lua_pushboolean(L, 1);
	return 1;
}

/* command:_find_program(): true; or nil, failure. */
static int find_program(lua_State *L)
{
	struct nsh_failure failure;

	if (nsh_command_find_program(nsh_lua_check_command(L, 1)->cmd, &failure) < 0)
		return nsh_lua_fail(L, &failure);
	lua_pushboolean(L, 1);
	return 1;
}

/* command:_start_dry(pid, nil, captures_pty): as _start, but no program is started. */
static int start_dry(lua_State *L)
{
	lua_Integer pid = luaL_checkinteger(L, 2);
	struct nsh_failure failure;
	struct preparation start;
	struct process *process = begin(L, &start, &failure);

	if (nsh_command_start_dry(start.command->cmd, (pid_t)pid,
				  &process->process, &failure) < 0)
		return nsh_lua_fail(L, &failure);
	close_passed(L);
	nsh_lua_process_started(L, 3);
	return 1;
}

/* command:_set_start_deadline(deadline): a time as core.now returns it. */
static int set_start_deadline(lua_State *L)
{
	nsh_command_set_start_deadline(nsh_lua_check_command(L, 1)->cmd,
				       luaL_checknumber(L, 2));
	return 0;
}

const luaL_Reg nsh_lua_start_methods[] = {
	{ "_check", check_command },
	{ "_exec", exec_command },
	{ "_find_program", find_program },
	{ "_set_start_deadline", set_start_deadline },
	{ "_start", start_command },
	{ "_start_aside", start_aside },
	{ "_start_dry", start_dry },
	{ NULL, NULL }
};
