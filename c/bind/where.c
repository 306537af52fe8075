/* Finds the caller's place: the nearest frame that is not noshell's own. */
#include <stdio.h>
#include <string.h>

#include "args.h"

enum { WHERE_SIZE = 1024 };

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

/* Finds the frame.  C functions and tail calls have no line. */
static bool find(lua_State *L, const char *prefix, size_t size, lua_Debug *frame)
{
	for (int level = 1; lua_getstack(L, level, frame); level++) {
		lua_getinfo(L, "Sl", frame);
		if (frame->currentline > 0 && !is_ours(frame->source, prefix, size))
			return true;
	}
	return false;
}

/* Writes "file:line", or "" if all frames are noshell's. */
static void find_where(lua_State *L, char where[WHERE_SIZE])
{
	lua_Debug frame = { 0 };
	const char *prefix;
	size_t size = 0;

	where[0] = 0;
	lua_getfield(L, LUA_REGISTRYINDEX, PREFIX);
	prefix = lua_tolstring(L, -1, &size);
	if (find(L, prefix, size, &frame))
		(void)snprintf(where, WHERE_SIZE, "%s:%d", file_of(&frame),
			       frame.currentline);
	lua_pop(L, 1);
}

int nsh_lua_where(lua_State *L)
{
	char where[WHERE_SIZE];

	find_where(L, where);
	lua_pushstring(L, where);
	return 1;
}

int nsh_lua_raise(lua_State *L, const char *text)
{
	char where[WHERE_SIZE];

	find_where(L, where);
	lua_pushfstring(L, *where ? "%s: %s" : "%s%s", where, text);
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
	char where[WHERE_SIZE];

	if (setter->spoiled || !nsh_command_argument_error(setter->cmd))
		return;
	find_where(setter->L, where);
	nsh_command_set_argument_error_where(setter->cmd, where);
}
