#include "descriptor.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>

#include "command.h"
#include "failure.h"
#include "process.h"
#include "stream.h"
#include "value.h"
#include "wake.h"

static const char DESCRIPTOR[] = "noshell.descriptor";

struct descriptor {
	struct nsh_descriptor it;
	int channel;  /* the wake-up channel that owns it now; -1 */
};

static struct nsh_descriptor *push_closed(lua_State *L)
{
	struct descriptor *descriptor = lua_newuserdata(L, sizeof *descriptor);

	nsh_descriptor_init(&descriptor->it, -1, false);
	descriptor->channel = -1;
	luaL_getmetatable(L, DESCRIPTOR);
	lua_setmetatable(L, -2);
	return &descriptor->it;
}

/* Both ends can be used in a child of the host. */
int nsh_lua_new_pipe(lua_State *L)
{
	struct nsh_descriptor *reader = push_closed(L), *writer = push_closed(L);
	int ends[2];

	if (nsh_pipe(ends) < 0)
		return nsh_lua_fail_errno(L, "pipe", errno);
	nsh_descriptor_init(reader, ends[0], true);
	nsh_descriptor_init(writer, ends[1], true);
	return 2;
}

/* Duplicates and timers serve the event loop, and cannot be used in a child of the
 * host. */
static int push_fd(lua_State *L, struct nsh_descriptor *descriptor, int take_fd,
		   const char *stage)
{
	if (take_fd < 0)
		return nsh_lua_fail_errno(L, stage, errno);
	nsh_descriptor_init(descriptor, take_fd, false);
	return 1;
}

int nsh_lua_duplicate(lua_State *L)
{
	int fd = (int)luaL_checkinteger(L, 1);
	struct nsh_descriptor *descriptor = push_closed(L);

	return push_fd(L, descriptor, nsh_fd_duplicate(fd), "duplicate");
}

int nsh_lua_new_timer(lua_State *L)
{
	lua_Number seconds = luaL_checknumber(L, 1);
	struct nsh_descriptor *descriptor = push_closed(L);

	return push_fd(L, descriptor, nsh_timer(seconds), "timer");
}

/* Returns the number as the address of the object that a channel owns.  It is above 2,
 * so never NULL. */
static void *object_of(const struct nsh_descriptor *descriptor)
{
	return (void *)(intptr_t)descriptor->fd;
}

static void end_descriptor(void *object)
{
	nsh_fd_close((int)(intptr_t)object);
}

static struct descriptor *check_any(lua_State *L)
{
	struct descriptor *descriptor = luaL_checkudata(L, 1, DESCRIPTOR);

	if (descriptor->channel >= 0
	    && !nsh_lua_take_back(object_of(&descriptor->it), &descriptor->channel))
		descriptor->it.fd = -1;
	return descriptor;
}

static struct nsh_descriptor *check(lua_State *L)
{
	return &check_any(L)->it;
}

/* descriptor:_entrust(channel): true if the channel now owns it. */
static int entrust(lua_State *L)
{
	struct descriptor *descriptor = check_any(L);
	int channel = (int)luaL_checkinteger(L, 2);
	bool is_held = nsh_descriptor_fd(&descriptor->it) > 0
		&& nsh_wake_entrust(channel, object_of(&descriptor->it),
				    end_descriptor) == 0;

	if (is_held)
		descriptor->channel = channel;
	lua_pushboolean(L, is_held);
	return 1;
}

static int get_fd(lua_State *L)
{
	int fd = nsh_descriptor_fd(check(L));

	if (fd < 0)
		return luaL_error(L, "the descriptor is closed");
	lua_pushinteger(L, fd);
	return 1;
}

static int is_closed(lua_State *L)
{
	lua_pushboolean(L, nsh_descriptor_fd(check(L)) < 0);
	return 1;
}

static int close_descriptor(lua_State *L)
{
	nsh_descriptor_close(check(L));
	return 0;
}

static int to_text(lua_State *L)
{
	int fd = nsh_descriptor_fd(check(L));

	if (fd < 0)
		lua_pushliteral(L, "noshell.descriptor (closed)");
	else
		lua_pushfstring(L, "noshell.descriptor (%d)", fd);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "_entrust", entrust },
	{ "close", close_descriptor },
	{ "closed", is_closed },
	{ "fileno", get_fd },
	{ NULL, NULL }
};

static const luaL_Reg metamethods[] = {
	{ "__close", close_descriptor },
	{ "__gc", close_descriptor },
	{ "__tostring", to_text },
	{ NULL, NULL }
};

void nsh_lua_open_pipe(lua_State *L)
{
	nsh_lua_new_type(L, DESCRIPTOR, metamethods, methods, "__index");
	lua_pop(L, 1);
}

/* ---- the descriptor of a value ------------------------------------------- */

static bool refuse(struct fd_value *value, const char *reason)
{
	value->reason = reason;
	return false;
}

static bool take_number(lua_State *L, int index, struct fd_value *value)
{
	int64_t number;

	if (!nsh_lua_integer(L, index, &number) || number < 0 || number > INT_MAX)
		return refuse(value, "is not a descriptor");
	value->fd = (int)number;
	return true;
}

static bool take_file(void *userdata, struct fd_value *value)
{
	value->file = nsh_lua_file(userdata);
	if (!value->file)
		return refuse(value, "is a closed file");
	value->fd = fileno(value->file);
	if (value->fd < 0)
		return refuse(value, "is a file without a descriptor");
	return true;
}

static bool take_stream(struct stream *userdata, struct fd_value *value)
{
	value->stream = nsh_lua_stream(userdata);
	if (!value->stream || nsh_stream_fd(value->stream) < 0)
		return refuse(value, "is a closed stream");
	value->fd = nsh_stream_fd(value->stream);
	return true;
}

/* Calls the object's method and returns the descriptor; propagates its
 * errors. */
static int ask(lua_State *L)
{
	static const char *const names[] = { "fileno", "getfd", "pollfd" };

	for (int i = 0; i < 3; i++) {
		lua_getfield(L, 1, names[i]);
		if (lua_isfunction(L, -1)) {
			lua_pushvalue(L, 1);
			lua_call(L, 1, 1);
			return 1;
		}
		lua_pop(L, 1);
	}
	return 0;
}

static bool take_object(lua_State *L, int index, struct fd_value *value)
{
	bool open;

	lua_pushcfunction(L, ask);
	lua_pushvalue(L, index);
	if (lua_pcall(L, 1, 1, 0) != 0 || lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return refuse(value, "is closed, or has no method fileno, getfd or pollfd");
	}
	open = take_number(L, lua_gettop(L), value);
	lua_pop(L, 1);
	return open || refuse(value, "is closed: it has no descriptor");
}

bool nsh_lua_descriptor(lua_State *L, int index,
			struct fd_value *ret_value)
{
	void *file = nsh_lua_test(L, index, LUA_FILEHANDLE);
	struct stream *stream = nsh_lua_test(L, index, NSH_LUA_STREAM);

	*ret_value = (struct fd_value){ .fd = -1 };
	if (lua_type(L, index) == LUA_TNUMBER)
		return take_number(L, index, ret_value);
	if (file)
		return take_file(file, ret_value);
	if (stream)
		return take_stream(stream, ret_value);
	if (nsh_lua_test(L, index, NSH_LUA_PROCESS)
	    || nsh_lua_test(L, index, NSH_LUA_COMMAND))
		return refuse(ret_value, "is not a stream; a process has "
			      "stdin, stdout and stderr");
	if (lua_istable(L, index) || lua_type(L, index) == LUA_TUSERDATA)
		return take_object(L, index, ret_value);
	return refuse(ret_value, "is not a descriptor, a file or a stream");
}
