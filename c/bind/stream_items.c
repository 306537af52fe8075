/* Lines and records of a stream.  What was read from the pipe already is returned
 * without entering Lua; for everything else, a function of the Lua layer is called,
 * which may wait. */
#include "stream.h"

/* ---- calling the Lua layer ---------------------------------------------- */

#ifdef LUA_KCONTEXT
static int finish(lua_State *L, int status, lua_KContext context)
{
	(void)status;
	(void)context;
	return lua_gettop(L);
}
#elif defined NSH_LUA_HAS_CONTINUATIONS
static int finish(lua_State *L)
{
	return lua_gettop(L);
}
#endif

/* Calls upvalue `index` with the arguments on the stack and returns its results; it
 * may yield if this Lua can yield through a C function.  Returns nothing if the
 * upvalue is nil. */
static int call_upvalue(lua_State *L, int index)
{
	int count = lua_gettop(L);

	if (lua_isnil(L, lua_upvalueindex(index)))
		return 0;
	lua_pushvalue(L, lua_upvalueindex(index));
	lua_insert(L, 1);
#ifdef NSH_LUA_HAS_CONTINUATIONS
	lua_callk(L, count, LUA_MULTRET, 0, finish);
#else
	lua_call(L, count, LUA_MULTRET);
#endif
	return lua_gettop(L);
}

/* ---- items ---------------------------------------------------------------- */

static const char items_mark = 'i';

struct items {
	const char *mark;      /* &items_mark: no other userdata has that */
	const struct process *process;
	struct nsh_stream *stream;  /* valid while the process is not closed */
	const char *separator;
	size_t size;
	bool is_line;          /* its end may be CR LF */
	bool keeps_end;
};

static size_t size_without_end(const struct items *items, const char *item, size_t size)
{
	if (items->keeps_end)
		return size;
	size -= items->size;
	if (items->is_line && items->process->crlf && size > 0
	    && item[size - 1] == '\r')
		size--;
	return size;
}

/* Pushes the next item.  Returns false if the item was not read yet, or if the Lua
 * layer has to report why nothing can be read. */
static bool push_item(lua_State *L, const struct items *items)
{
	const char *item;
	size_t size;

	if (!items->process->process || items->process->channel >= 0
	    || !nsh_stream_take_record(items->stream, items->separator, items->size,
				       &item, &size))
		return false;
	lua_pushlstring(L, item, size_without_end(items, item, size));
	return true;
}

/* Sets process and stream.  The stream of a closed process is NULL, and never used. */
static void choose_stream(struct items *items, const struct stream *stream)
{
	items->process = stream->process;
	if (stream->process->process)
		items->stream = nsh_process_stream(stream->process->process,
						   stream->which);
}

/* core.take_item(source) */
int nsh_lua_take_item(lua_State *L)
{
	const struct items *items = lua_touserdata(L, 1);
	bool is_source = items && lua_rawlen(L, 1) == sizeof *items
		&& items->mark == &items_mark;

	return is_source && push_item(L, items) ? 1 : 0;
}

enum { ITEMS = 1, MORE };

static int next_item(lua_State *L)
{
	if (push_item(L, lua_touserdata(L, lua_upvalueindex(ITEMS))))
		return 1;
	lua_settop(L, 0);
	return call_upvalue(L, MORE);
}

/* stream:_source(separator, is_line, keeps_end): for core.take_item. */
static int get_source(lua_State *L)
{
	const struct stream *stream = luaL_checkudata(L, 1, NSH_LUA_STREAM);
	struct items *items;
	size_t size;
	const char *separator = luaL_checklstring(L, 2, &size);

	luaL_argcheck(L, size > 0, 2, "it is empty");
	items = lua_newuserdata(L, sizeof *items);
	*items = (struct items){
		.mark = &items_mark, .separator = separator, .size = size,
		.is_line = lua_toboolean(L, 3), .keeps_end = lua_toboolean(L, 4),
	};
	choose_stream(items, stream);
	/* The items refer to both. */
	lua_createtable(L, 2, 0);
	lua_pushvalue(L, 1);
	lua_rawseti(L, -2, 1);
	lua_pushvalue(L, 2);
	lua_rawseti(L, -2, 2);
	lua_setuservalue(L, -2);
	return 1;
}

/* stream:_items(separator, is_line, keeps_end, more): an iterator. */
static int get_items(lua_State *L)
{
	luaL_checktype(L, 5, LUA_TFUNCTION);
	lua_settop(L, 5);
	(void)get_source(L);
	lua_pushvalue(L, 5);
	lua_pushcclosure(L, next_item, MORE);
	return 1;
}

/* ---- reading a line ------------------------------------------------------- */

enum { READ = 1 };

/* Returns the format 'l' or 'L' if exactly one line was requested, else 0. */
static char line_format(lua_State *L)
{
	int count = lua_gettop(L);
	const char *format;

	if (count == 1)
		return 'l';
	if (count != 2 || lua_type(L, 2) != LUA_TSTRING)
		return 0;
	format = lua_tostring(L, 2);
	if (*format == '*')
		format++;
	return *format == 'l' || *format == 'L' ? *format : 0;
}

/* Returns the stream at index 1, or NULL.  luaL_checkudata looks the metatable up by
 * its name, which costs more than all the rest of reading a line. */
static const struct stream *find_stream(lua_State *L)
{
	const struct stream *stream = lua_touserdata(L, 1);
	bool is_stream = stream && lua_rawlen(L, 1) == sizeof *stream
		&& stream->mark == &nsh_lua_stream_mark;

	return is_stream ? stream : NULL;
}

static int read_line(lua_State *L)
{
	char format = line_format(L);
	const struct stream *stream = format ? find_stream(L) : NULL;
	struct items items = {
		.separator = "\n", .size = 1, .is_line = true, .keeps_end = format == 'L',
	};

	if (stream) {
		choose_stream(&items, stream);
		if (push_item(L, &items))
			return 1;
	}
	return call_upvalue(L, READ);
}

int nsh_lua_new_reader(lua_State *L)
{
	lua_settop(L, 1);
	lua_pushcclosure(L, read_line, READ);
	return 1;
}

const luaL_Reg nsh_lua_item_methods[] = {
	{ "_items", get_items },
	{ "_source", get_source },
	{ NULL, NULL }
};
