#include "stream.h"

#include <errno.h>
#include <string.h>

#include "args.h"
#include "failure.h"
#include "pollset.h"
#include "value.h"

const char nsh_lua_stream_mark = 's';

/* ---- the type ---------------------------------------------------------- */

void nsh_lua_push_stream(lua_State *L, int index, int which)
{
	struct process *process = lua_touserdata(L, index);
	struct stream *stream = lua_newuserdata(L, sizeof *stream);

	*stream = (struct stream){ &nsh_lua_stream_mark, process, which };
	luaL_getmetatable(L, NSH_LUA_STREAM);
	lua_setmetatable(L, -2);
	/* In a table, because Lua 5.1 permits no other type as user value. */
	lua_newtable(L);
	lua_pushvalue(L, index);
	lua_rawseti(L, -2, 1);
	lua_setuservalue(L, -2);
}

struct nsh_stream *nsh_lua_stream(const struct stream *stream)
{
	nsh_lua_process_come_back(stream->process);
	if (!stream->process->process)
		return NULL;
	return nsh_process_stream(stream->process->process, stream->which);
}

static bool stream_is_closed(const struct stream *stream)
{
	const struct nsh_stream *inner = nsh_lua_stream(stream);

	return !inner || nsh_stream_is_closed(inner);
}

static struct stream *check_any(lua_State *L)
{
	return nsh_lua_check_self(L, NSH_LUA_STREAM, NULL);
}

static struct stream *check(lua_State *L)
{
	struct stream *stream = check_any(L);

	if (stream_is_closed(stream))
		nsh_lua_raise(L, "the stream is closed");
	return stream;
}

static int fail_foreign(lua_State *L, const struct stream *stream)
{
	return nsh_lua_fail_foreign(L, stream->process->process);
}

/* ---- reading and writing ----------------------------------------------- */

static int check_separator(lua_State *L, int index)
{
	const char *separator;
	size_t size;

	if (lua_isnoneornil(L, index))
		return -1;
	separator = luaL_checklstring(L, index, &size);
	luaL_argcheck(L, size == 1, index, "one byte is needed");
	return (unsigned char)*separator;
}

static size_t check_max(lua_State *L, int index)
{
	lua_Number max = luaL_optnumber(L, index, 0);

	luaL_argcheck(L, max >= 0 && max <= 0x1p53, index, "not a size");
	return (size_t)max;
}

static int read_some(lua_State *L)
{
	struct stream *stream = check(L);
	int separator = check_separator(L, 2);
	size_t max = check_max(L, 3), size = 0;
	int failed = fail_foreign(L, stream);
	const char *data = NULL;

	if (failed)
		return failed;
	switch (nsh_stream_read(nsh_lua_stream(stream), separator, max, &data, &size)) {
	case 1:
		lua_pushlstring(L, data, size);
		return 1;
	case 0:
		lua_pushboolean(L, 0);
		return 1;
	case 2:
		lua_pushnil(L);
		return 1;
	default:
		return nsh_lua_fail_errno(L, "read", errno);
	}
}

/* stream:_fill(): reads once into the buffer.  Returns true if bytes arrived, false if
 * it would block, nil at the end. */
static int fill(lua_State *L)
{
	struct stream *stream = check(L);
	int failed = fail_foreign(L, stream);
	int ret;

	if (failed)
		return failed;
	ret = nsh_stream_fill(nsh_lua_stream(stream));
	if (ret < 0)
		return nsh_lua_fail_errno(L, "read", errno);
	if (ret == 2)
		lua_pushnil(L);
	else
		lua_pushboolean(L, ret);
	return 1;
}

/* stream:_buffered(): the number of bytes in the buffer. */
static int count_buffered(lua_State *L)
{
	const char *data;

	lua_pushnumber(L, (lua_Number)nsh_stream_buffered(nsh_lua_stream(check(L)), &data));
	return 1;
}

/* stream:_peek(from, to): the bytes of the buffer after the first `from`, up to `to`. */
static int peek(lua_State *L)
{
	const char *data = NULL;
	size_t size = nsh_stream_buffered(nsh_lua_stream(check(L)), &data);
	size_t from = check_max(L, 2), to = check_max(L, 3);

	if (to > size)
		to = size;
	if (from >= to)
		lua_pushliteral(L, "");
	else
		lua_pushlstring(L, data + from, to - from);
	return 1;
}

/* stream:_push_back(data): the next read returns these bytes first. */
static int push_back(lua_State *L)
{
	struct stream *stream = check(L);
	size_t size;
	const char *data = luaL_checklstring(L, 2, &size);

	if (nsh_stream_push_back(nsh_lua_stream(stream), data, size) < 0)
		return nsh_lua_fail_errno(L, "read", errno);
	lua_pushboolean(L, 1);
	return 1;
}

/* stream:_unread(): gives back the byte that _read returned. */
static int unread(lua_State *L)
{
	nsh_stream_unread(nsh_lua_stream(check(L)), 1);
	return 0;
}

static int write_some(lua_State *L)
{
	struct stream *stream = check(L);
	size_t size;
	const char *data = luaL_checklstring(L, 2, &size);
	lua_Number offset = luaL_optnumber(L, 3, 1);
	int failed = fail_foreign(L, stream);
	ssize_t written;

	luaL_argcheck(L, offset >= 1 && offset <= (lua_Number)size + 1, 3,
		      "not an offset");
	if (failed)
		return failed;
	written = nsh_stream_write(nsh_lua_stream(stream),
				   data + (size_t)offset - 1,
				   size - (size_t)offset + 1);
	if (written < 0)
		return nsh_lua_fail_errno(L, "write", errno);
	lua_pushinteger(L, (lua_Integer)written);
	return 1;
}

/* ---- waiting ----------------------------------------------------------- */

static int get_fd(lua_State *L)
{
	struct stream *stream = check(L);
	int failed = fail_foreign(L, stream);

	return failed ? failed : nsh_lua_push_fd(L, nsh_stream_fd(nsh_lua_stream(stream)));
}

static int pollfd(lua_State *L)
{
	struct stream *stream = check(L);
	int failed = fail_foreign(L, stream);
	short wanted;

	if (failed)
		return failed;
	return nsh_lua_push_fd(L, nsh_stream_pollfd(nsh_lua_stream(stream), &wanted));
}

static int events(lua_State *L)
{
	struct stream *stream = check(L);
	int failed = fail_foreign(L, stream);
	short wanted;

	if (failed)
		return failed;
	(void)nsh_stream_pollfd(nsh_lua_stream(stream), &wanted);
	if (!(wanted & NSH_READABLE))
		lua_pushliteral(L, "w");
	else
		lua_pushstring(L, wanted & NSH_WRITABLE ? "rw" : "r");
	return 1;
}

/* stream:_poll([seconds[, other]]): waits once for the stream and its process, as
 * process:_poll. */
static int poll_once(lua_State *L)
{
	struct stream *stream = check(L);
	lua_Number seconds = luaL_optnumber(L, 2, -1);
	int other = (int)luaL_optinteger(L, 3, -1);
	int failed = fail_foreign(L, stream);

	if (failed)
		return failed;
	return nsh_lua_push_poll(L, nsh_stream_poll(nsh_lua_stream(stream), other, seconds));
}

/* ---- being a value ----------------------------------------------------- */

static int close_stream(lua_State *L)
{
	struct stream *stream = check_any(L);

	if (!stream_is_closed(stream))
		nsh_stream_close(nsh_lua_stream(stream));
	return 0;
}

static int is_closed(lua_State *L)
{
	lua_pushboolean(L, stream_is_closed(check_any(L)));
	return 1;
}

static int get_process(lua_State *L)
{
	(void)check_any(L);
	lua_getuservalue(L, 1);
	lua_rawgeti(L, -1, 1);
	return 1;
}

/* Pushes "stdout", "pty" or "pipes[3]". */
static void push_name(lua_State *L, const struct stream *stream)
{
	static const char *const names[] = { "stdin", "stdout", "stderr", "pty" };
	const struct nsh_stream *inner = nsh_lua_stream(stream);

	if (stream->which < NSH_PIPES)
		lua_pushstring(L, names[stream->which]);
	else if (inner)
		lua_pushfstring(L, "pipes[%d]", nsh_stream_target(inner));
	else
		lua_pushliteral(L, "a pipe");
}

/* stream:_name() */
static int get_name(lua_State *L)
{
	push_name(L, check_any(L));
	return 1;
}

/* stream:_writes(): true if it is only written to. */
static int get_writes(lua_State *L)
{
	const struct nsh_stream *inner = nsh_lua_stream(check_any(L));

	lua_pushboolean(L, inner && nsh_stream_writes(inner));
	return 1;
}

/* stream:_give_dry(data): sets what a dry-run program writes to this pipe. */
static int give_dry(lua_State *L)
{
	struct stream *stream = check(L);
	size_t size;
	const char *data = luaL_checklstring(L, 2, &size);

	if (nsh_process_give_dry(stream->process->process, stream->which, data, size) < 0)
		return nsh_lua_fail_errno(L, "write", errno);
	lua_pushboolean(L, 1);
	return 1;
}

/* stream:_input_dry(): what the script has written to this pipe; nil if the program writes
 * to it. */
static int get_input_dry(lua_State *L)
{
	struct stream *stream = check(L);
	size_t size = 0;
	const char *data = nsh_process_pipe_input_dry(stream->process->process, stream->which,
						      &size);

	if (data)
		lua_pushlstring(L, data, size);
	else
		lua_pushnil(L);
	return 1;
}

static int to_text(lua_State *L)
{
	const struct stream *stream = check_any(L);

	if (stream_is_closed(stream)) {
		lua_pushliteral(L, "noshell.stream (closed)");
		return 1;
	}
	push_name(L, stream);
	lua_pushfstring(L, "noshell.stream (%s of pid %d)", lua_tostring(L, -1),
			(int)nsh_process_pid(stream->process->process));
	return 1;
}

static const luaL_Reg methods[] = {
	{ "_buffered", count_buffered },
	{ "_close", close_stream },
	{ "_events", events },
	{ "_fill", fill },
	{ "_give_dry", give_dry },
	{ "_input_dry", get_input_dry },
	{ "_name", get_name },
	{ "_peek", peek },
	{ "_poll", poll_once },
	{ "_pollfd", pollfd },
	{ "_process", get_process },
	{ "_push_back", push_back },
	{ "_read", read_some },
	{ "_unread", unread },
	{ "_write", write_some },
	{ "_writes", get_writes },
	{ "closed", is_closed },
	{ "fileno", get_fd },
	{ NULL, NULL }
};

static const luaL_Reg metamethods[] = {
	{ "__tostring", to_text },
	{ NULL, NULL }
};

void nsh_lua_open_stream(lua_State *L)
{
	nsh_lua_new_type(L, NSH_LUA_STREAM, metamethods, methods, "__index");
	luaL_setfuncs(L, nsh_lua_item_methods, 0);
	lua_pop(L, 1);
}
