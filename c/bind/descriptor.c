#include "descriptor.h"

#include <errno.h>
#include <stdint.h>

#include "../noshell.h"
#include "failure.h"
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

/* Both ends may be used in a child of the host. */
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

/* Duplicates and timers serve the event loop, and may not be used in a
 * child. */
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

/* A channel owns the number, as an address; it is above 2, so never NULL. */
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

/* descriptor:_entrust(channel): whether the channel owns it now. */
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
	luaL_newmetatable(L, DESCRIPTOR);
	luaL_setfuncs(L, metamethods, 0);
	lua_pushstring(L, DESCRIPTOR);
	lua_setfield(L, -2, "__name");
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}
