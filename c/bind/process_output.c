/* The output captured so far.  The Lua layer passes it on line by line, and keeps only
 * the end of a long output. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "process.h"
#include "value.h"

struct captured {
	const char *data;
	size_t size;
};

static int check_which(lua_State *L)
{
	lua_Integer which = luaL_checkinteger(L, 2);

	luaL_argcheck(L, which == 1 || which == 2, 2, "not 1 or 2");
	return (int)which;
}

/* Reads an offset in the captured output; limits it to the size. */
static size_t check_offset(lua_State *L, int index, size_t size)
{
	lua_Number offset = luaL_optnumber(L, index, 0);

	luaL_argcheck(L, offset >= 0, index, "not an offset");
	return offset < (lua_Number)size ? (size_t)offset : size;
}

/* process:_captured(which, from[, to]): the bytes after the first `from`, up to number
 * `to`; nil if the stream is not captured. */
static int get_captured(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	int which = check_which(L);
	struct captured captured;
	size_t from, to;

	if (!nsh_process_captured(process, which, &captured.data, &captured.size))
		return 0;
	from = check_offset(L, 3, captured.size);
	to = lua_isnoneornil(L, 4) ? captured.size : check_offset(L, 4, captured.size);
	nsh_lua_push_bytes(L, captured.data + from, to > from ? to - from : 0);
	return 1;
}

/* Limits of one call: the number of lines, and the number of bytes after which no more
 * line is begun. */
enum { LINES_AT_ONCE = 256, BYTES_AT_ONCE = 65536 };

/* Pushes the line without its end. */
static void push_line(lua_State *L, const char *line, size_t size, bool crlf)
{
	if (crlf && size > 0 && line[size - 1] == '\r')
		size--;
	lua_pushlstring(L, line, size);
}

/* process:_captured_lines(which, from, scanned, list): stores the lines after the first
 * `from` bytes in the list, without their ends; returns their number, the offset of the
 * line that follows, and the offset up to which newlines were searched.  The bytes
 * between `from` and `scanned` contain no newline. */
static int get_lines(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	bool crlf = nsh_lua_check_process(L)->crlf;
	int which = check_which(L), count = 0;
	struct captured captured;
	const char *end = NULL;
	size_t from, begin, scanned;

	if (!nsh_process_captured(process, which, &captured.data, &captured.size))
		return 0;
	begin = from = check_offset(L, 3, captured.size);
	scanned = check_offset(L, 4, captured.size);
	luaL_checktype(L, 5, LUA_TTABLE);
	while (count < LINES_AT_ONCE && from - begin < BYTES_AT_ONCE) {
		if (scanned < from)
			scanned = from;
		end = memchr(captured.data + scanned, '\n', captured.size - scanned);
		scanned = end ? (size_t)(end - captured.data) : captured.size;
		if (!end)
			break;
		push_line(L, captured.data + from, scanned - from, crlf);
		lua_rawseti(L, 5, ++count);
		from = scanned + 1;
	}
	lua_pushinteger(L, count);
	lua_pushinteger(L, (lua_Integer)from);
	lua_pushinteger(L, (lua_Integer)scanned);
	return 3;
}

/* process:_captured_size(which); nil if the stream is not captured. */
static int get_size(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	struct captured captured;

	if (!nsh_process_captured(process, check_which(L), &captured.data,
				  &captured.size))
		return 0;
	lua_pushinteger(L, (lua_Integer)captured.size);
	return 1;
}

/* process:_drop_captured(which, count) */
static int drop(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_open(L);
	lua_Number count = luaL_checknumber(L, 3);

	luaL_argcheck(L, count >= 0 && count <= 0x1p53, 3, "not a size");
	nsh_process_drop_captured(process, check_which(L), (size_t)count);
	return 0;
}

/* process:_moves_data() */
static int moves_data(lua_State *L)
{
	struct nsh_process *process = nsh_lua_check_process(L)->process;

	lua_pushboolean(L, process && nsh_process_is_ours(process)
			&& nsh_process_moves_data(process));
	return 1;
}

/* process:_max_output(): math.huge if there is no limit. */
static int get_max_output(lua_State *L)
{
	size_t most = nsh_process_max_output(nsh_lua_check_open(L));

	lua_pushnumber(L, most == SIZE_MAX ? (lua_Number)HUGE_VAL : (lua_Number)most);
	return 1;
}

/* process:_deadline(): the time of core.now at which its timeout passes, and how
 * many seconds after the start that is. */
static int get_deadline(lua_State *L)
{
	double seconds;
	double deadline = nsh_process_deadline(nsh_lua_check_open(L), &seconds);

	if (deadline < 0)
		return 0;
	lua_pushnumber(L, deadline);
	lua_pushnumber(L, seconds);
	return 2;
}

const luaL_Reg nsh_lua_output_methods[] = {
	{ "_captured", get_captured },
	{ "_captured_lines", get_lines },
	{ "_captured_size", get_size },
	{ "_drop_captured", drop },
	{ "_deadline", get_deadline },
	{ "_max_output", get_max_output },
	{ "_moves_data", moves_data },
	{ NULL, NULL }
};
