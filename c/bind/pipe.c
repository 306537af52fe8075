#include "pipe.h"

#include <errno.h>

#include "../noshell.h"
#include "failure.h"

static const char DESCRIPTOR[] = "noshell.descriptor";

struct end {
	int fd;  /* -1: closed */
};

static struct end *push_end(lua_State *L)
{
	struct end *end = lua_newuserdata(L, sizeof *end);

	end->fd = -1;
	luaL_getmetatable(L, DESCRIPTOR);
	lua_setmetatable(L, -2);
	return end;
}

int nsh_lua_new_pipe(lua_State *L)
{
	struct end *reader = push_end(L), *writer = push_end(L);
	int ends[2];

	if (nsh_pipe(ends) < 0)
		return nsh_lua_fail_errno(L, "pipe", errno);
	reader->fd = ends[0];
	writer->fd = ends[1];
	return 2;
}

static int push_fd(lua_State *L, struct end *end, int fd, const char *stage)
{
	if (fd < 0)
		return nsh_lua_fail_errno(L, stage, errno);
	end->fd = fd;
	return 1;
}

int nsh_lua_duplicate(lua_State *L)
{
	int fd = (int)luaL_checkinteger(L, 1);
	struct end *end = push_end(L);

	return push_fd(L, end, nsh_fd_duplicate(fd), "duplicate");
}

int nsh_lua_new_timer(lua_State *L)
{
	lua_Number seconds = luaL_checknumber(L, 1);
	struct end *end = push_end(L);

	return push_fd(L, end, nsh_timer(seconds), "timer");
}

static struct end *check(lua_State *L)
{
	return luaL_checkudata(L, 1, DESCRIPTOR);
}

static int get_fd(lua_State *L)
{
	const struct end *end = check(L);

	if (end->fd < 0)
		return luaL_error(L, "the descriptor is closed");
	lua_pushinteger(L, end->fd);
	return 1;
}

static int is_closed(lua_State *L)
{
	lua_pushboolean(L, check(L)->fd < 0);
	return 1;
}

static int close_end(lua_State *L)
{
	struct end *end = check(L);

	nsh_fd_close(end->fd);
	end->fd = -1;
	return 0;
}

static int to_text(lua_State *L)
{
	const struct end *end = check(L);

	if (end->fd < 0)
		lua_pushliteral(L, "noshell.descriptor (closed)");
	else
		lua_pushfstring(L, "noshell.descriptor (%d)", end->fd);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "close", close_end },
	{ "closed", is_closed },
	{ "fileno", get_fd },
	{ NULL, NULL }
};

static const luaL_Reg metamethods[] = {
	{ "__close", close_end },
	{ "__gc", close_end },
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
