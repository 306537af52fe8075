#include "fd_value.h"

#include <limits.h>

#include "command.h"
#include "process.h"
#include "stream.h"
#include "value.h"

static bool refuse(struct descriptor *descriptor, const char *reason)
{
	descriptor->reason = reason;
	return false;
}

static bool take_number(lua_State *L, int index, struct descriptor *descriptor)
{
	int64_t number;

	if (!nsh_lua_integer(L, index, &number) || number < 0 || number > INT_MAX)
		return refuse(descriptor, "is not a descriptor");
	descriptor->fd = (int)number;
	return true;
}

static bool take_file(void *userdata, struct descriptor *descriptor)
{
	descriptor->file = nsh_lua_file(userdata);
	if (!descriptor->file)
		return refuse(descriptor, "is a closed file");
	descriptor->fd = fileno(descriptor->file);
	if (descriptor->fd < 0)
		return refuse(descriptor, "is a file without a descriptor");
	return true;
}

static bool take_stream(struct stream *userdata, struct descriptor *descriptor)
{
	descriptor->stream = nsh_lua_stream(userdata);
	if (!descriptor->stream || nsh_stream_fd(descriptor->stream) < 0)
		return refuse(descriptor, "is a closed stream");
	descriptor->fd = nsh_stream_fd(descriptor->stream);
	return true;
}

/* Calls the object's method and returns the descriptor; propagates its
 * errors. */
static int ask(lua_State *L)
{
	static const char *const methods[] = { "fileno", "getfd", "pollfd" };

	for (int i = 0; i < 3; i++) {
		lua_getfield(L, 1, methods[i]);
		if (lua_isfunction(L, -1)) {
			lua_pushvalue(L, 1);
			lua_call(L, 1, 1);
			return 1;
		}
		lua_pop(L, 1);
	}
	return 0;
}

static bool take_object(lua_State *L, int index, struct descriptor *descriptor)
{
	bool open;

	lua_pushcfunction(L, ask);
	lua_pushvalue(L, index);
	if (lua_pcall(L, 1, 1, 0) != 0 || lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return refuse(descriptor, "is closed, or has no method fileno, getfd or pollfd");
	}
	open = take_number(L, lua_gettop(L), descriptor);
	lua_pop(L, 1);
	return open || refuse(descriptor, "is closed: it has no descriptor");
}

bool nsh_lua_descriptor(lua_State *L, int index,
			struct descriptor *ret_descriptor)
{
	void *file = nsh_lua_test(L, index, LUA_FILEHANDLE);
	struct stream *stream = nsh_lua_test(L, index, NSH_LUA_STREAM);

	*ret_descriptor = (struct descriptor){ .fd = -1 };
	if (lua_type(L, index) == LUA_TNUMBER)
		return take_number(L, index, ret_descriptor);
	if (file)
		return take_file(file, ret_descriptor);
	if (stream)
		return take_stream(stream, ret_descriptor);
	if (nsh_lua_test(L, index, NSH_LUA_PROCESS)
	    || nsh_lua_test(L, index, NSH_LUA_COMMAND))
		return refuse(ret_descriptor, "is not a stream; a process has "
			      "stdin, stdout and stderr");
	if (lua_istable(L, index) || lua_type(L, index) == LUA_TUSERDATA)
		return take_object(L, index, ret_descriptor);
	return refuse(ret_descriptor, "is not a descriptor, a file or a stream");
}
