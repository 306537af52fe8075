/* Finds the caller's place: the nearest frame that is not noshell's own. */
#include <stdio.h>
#include <string.h>

#include "args.h"

enum { WHERE_SIZE = 1024 };

#ifdef NSH_LUA_HAS_CONTINUATIONS
static const char FRAME_INFO[] = "Slt";
#else
static const char FRAME_INFO[] = "Sl";
#endif

/* As in misuse.lua. */
static const char HIDDEN[] = " (in a function called there: a tail call hides the line)";
static const char PREFIX[] = "noshell.source_prefix";

int nsh_lua_set_source_prefix(lua_State *L)
{
	(void)luaL_checkstring(L, 1);
	lua_settop(L, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, PREFIX);
	return 0;
}

static bool is_ours(const char *source, const char *prefix, size_t size)
{
	return size > 0 && strncmp(source, prefix, size) == 0;
}

/* Returns the whole path of a file, which short_src would shorten. */
static const char *file_of(const lua_Debug *frame)
{
	return frame->source[0] == '@' ? frame->source + 1 : frame->short_src;
}

/* True if the function of this frame was called by a tail call, which removed the
 * caller's frame.  Lua 5.1 has an entry without a line in its place.
 * Limit: LuaJIT does not record tail calls. */
static bool is_tail_called(const lua_Debug *frame)
{
#ifdef NSH_LUA_HAS_CONTINUATIONS
	return frame->istailcall;
#else
	return strcmp(frame->what, "tail") == 0;
#endif
}

/* Finds the frame.  C functions and tail calls have no line.  *ret_hidden: the function
 * of noshell that it seems to have called was called by a tail call, from a function
 * whose frame is gone. */
static bool find(lua_State *L, const char *prefix, size_t size, lua_Debug *frame,
		 bool *ret_hidden)
{
	*ret_hidden = false;
	for (int level = 1; lua_getstack(L, level, frame); level++) {
		lua_getinfo(L, FRAME_INFO, frame);
		if (frame->currentline > 0 && !is_ours(frame->source, prefix, size))
			return true;
		*ret_hidden = is_tail_called(frame);
	}
	return false;
}

/* Writes "file:line", or "" if all frames are noshell's. */
static bool find_where(lua_State *L, char where[WHERE_SIZE])
{
	lua_Debug frame = { 0 };
	const char *prefix;
	size_t size = 0;
	bool hidden;

	where[0] = 0;
	lua_getfield(L, LUA_REGISTRYINDEX, PREFIX);
	prefix = lua_tolstring(L, -1, &size);
	if (find(L, prefix, size, &frame, &hidden))
		(void)snprintf(where, WHERE_SIZE, "%s:%d", file_of(&frame),
			       frame.currentline);
	lua_pop(L, 1);
	return *where && hidden;
}

int nsh_lua_where(lua_State *L)
{
	char where[WHERE_SIZE];
	bool hidden = find_where(L, where);

	lua_pushstring(L, where);
	lua_pushboolean(L, hidden);
	return 2;
}

int nsh_lua_raise(lua_State *L, const char *text)
{
	char where[WHERE_SIZE];
	bool hidden = find_where(L, where);

	lua_pushfstring(L, *where ? "%s: %s%s" : "%s%s%s", where, text,
			hidden ? HIDDEN : "");
	return lua_error(L);
}

/* Returns the name by which the running function was called; NULL if that is not
 * known. */
static const char *own_name(lua_State *L, lua_Debug *frame)
{
	if (!lua_getstack(L, 0, frame))
		return NULL;
	lua_getinfo(L, "n", frame);
	return frame->name && strcmp(frame->name, "?") != 0 ? frame->name : NULL;
}

void *nsh_lua_check_self(lua_State *L, const char *type, const char *method)
{
	void *self = nsh_lua_test(L, 1, type);
	lua_Debug frame = { 0 };

	if (self)
		return self;
	if (!method)
		method = own_name(L, &frame);
	if (method)
		lua_pushfstring(L, "%s is a method of a %s: call it with a colon, "
				"object:%s(...)", method, type, method);
	else
		lua_pushfstring(L, "a method of a %s was called with a dot: call it "
				"with a colon", type);
	nsh_lua_raise(L, lua_tostring(L, -1));
	return NULL;
}

void nsh_lua_setter_note(const struct setter *setter)
{
	char where[WHERE_SIZE + 1] = { NSH_LUA_HIDDEN };
	bool hidden;

	if (setter->spoiled || !nsh_command_argument_error(setter->cmd))
		return;
	hidden = find_where(setter->L, where + 1);
	nsh_command_set_argument_error_where(setter->cmd, where + !hidden);
}
