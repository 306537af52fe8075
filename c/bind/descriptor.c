#include "descriptor.h"

#include <errno.h>

#include "../noshell.h"
#include "failure.h"

static const char DESCRIPTOR[] = "noshell.descriptor";

static struct nsh_descriptor *push_closed(lua_State *L)
{
	struct nsh_descriptor *descriptor = lua_newuserdata(L, sizeof *descriptor);

	nsh_descriptor_init(descriptor, -1, false);
	luaL_getmetatable(L, DESCRIPTOR);
	lua_setmetatable(L, -2);
	return descriptor;
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

static struct nsh_descriptor *check(lua_State *L)
{
	return luaL_checkudata(L, 1, DESCRIPTOR);
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
