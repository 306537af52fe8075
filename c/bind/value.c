#include "value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "noshell.h"
#include "secret.h"

void nsh_lua_new_type(lua_State *L, const char *name, const luaL_Reg *metamethods,
		      const luaL_Reg *methods, const char *index)
{
	luaL_newmetatable(L, name);
	luaL_setfuncs(L, metamethods, 0);
	lua_pushstring(L, name);
	lua_setfield(L, -2, "__name");
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, index);
	lua_remove(L, -2);
}

void *nsh_lua_test(lua_State *L, int index, const char *name)
{
	void *userdata = lua_touserdata(L, index);
	bool same;

	if (!userdata || !lua_getmetatable(L, index))
		return NULL;
	luaL_getmetatable(L, name);
	same = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return same ? userdata : NULL;
}

/* ---- numbers ----------------------------------------------------------- */

bool nsh_lua_integer(lua_State *L, int index, int64_t *ret_integer)
{
	double number;

	if (lua_type(L, index) != LUA_TNUMBER)
		return false;
	if (nsh_lua_has_integer(L, index)) {
		*ret_integer = lua_tointeger(L, index);
		return true;
	}
	number = lua_tonumber(L, index);
	if (!(number >= -0x1p63 && number < 0x1p63) || floor(number) != number)
		return false;
	*ret_integer = (int64_t)number;
	return true;
}

int nsh_lua_push_seconds(lua_State *L, double seconds)
{
	if (seconds < 0)
		lua_pushnil(L);
	else
		lua_pushnumber(L, seconds);
	return 1;
}

int nsh_lua_push_fd(lua_State *L, int fd)
{
	if (fd < 0)
		lua_pushnil(L);
	else
		lua_pushinteger(L, fd);
	return 1;
}

/* Writes the shortest form that reads back the same.  If the host has set a locale, the
 * decimal point may be another character. */
static void shortest(double number, char text[NSH_LUA_NUMBER_SIZE])
{
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, NSH_LUA_NUMBER_SIZE, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	text += strspn(text, "-0123456789e+");
	if (*text)
		*text = '.';
}

bool nsh_lua_number_text(lua_State *L, int index,
			 char text[NSH_LUA_NUMBER_SIZE])
{
	int64_t integer;
	double number;

	if (lua_type(L, index) != LUA_TNUMBER)
		return false;
	if (nsh_lua_integer(L, index, &integer)) {
		(void)snprintf(text, NSH_LUA_NUMBER_SIZE, "%lld",
			       (long long)integer);
		return true;
	}
	number = lua_tonumber(L, index);
	if (!isfinite(number))
		return false;
	shortest(number, text);
	return true;
}

/* ---- text for messages ------------------------------------------------- */

/* Writes one byte as in a Lua string literal; returns the length. */
static size_t escape(unsigned char byte, unsigned char next, char *ret_text)
{
	static const char letters[] = "\nn\rr\tt\"\"\\\\";

	for (const char *letter = letters; *letter; letter += 2)
		if (byte == (unsigned char)*letter)
			return (size_t)sprintf(ret_text, "\\%c", letter[1]);
	if (byte < 32 || byte == 127)
		return (size_t)sprintf(ret_text, next >= '0' && next <= '9'
				       ? "\\%03d" : "\\%d", byte);
	*ret_text = (char)byte;
	return 1;
}

static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

static void describe_string(const char *data, size_t size,
			    char text[NSH_LUA_VALUE_SIZE])
{
	static const char end[] = "\"…";
	size_t used = 0, i;

	text[used++] = '"';
	for (i = 0; i < size; i++) {
		unsigned char next = i + 1 < size ? (unsigned char)data[i + 1] : 0;

		if (used + 4 + sizeof end > NSH_LUA_VALUE_SIZE)
			break;
		used += escape((unsigned char)data[i], next, text + used);
	}
	if (i < size && is_continuation(data[i])) {
		/* Remove an incomplete UTF-8 character. */
		while (used > 1 && is_continuation(text[used - 1]))
			used--;
		if (used > 1)
			used--;
	}
	memcpy(text + used, end, sizeof end);
	if (i == size)
		text[used + 1] = 0;
}

static void describe_type(lua_State *L, int index, char text[NSH_LUA_VALUE_SIZE])
{
	const char *type = luaL_typename(L, index), *name = NULL;
	bool named = luaL_getmetafield(L, index, "__name");

	if (named && lua_type(L, -1) == LUA_TSTRING)
		name = lua_tostring(L, -1);
	(void)snprintf(text, NSH_LUA_VALUE_SIZE, "a %s", name ? name : type);
	if (named)
		lua_pop(L, 1);
}

void nsh_lua_describe(lua_State *L, int index, char text[NSH_LUA_VALUE_SIZE])
{
	const char *data;
	size_t size;

	switch (lua_type(L, index)) {
	case LUA_TNONE:
		text[0] = 0;
		return;
	case LUA_TNIL:
		(void)strcpy(text, "nil");
		return;
	case LUA_TBOOLEAN:
		(void)strcpy(text, lua_toboolean(L, index) ? "true" : "false");
		return;
	case LUA_TNUMBER:
		if (!nsh_lua_number_text(L, index, text))
			(void)strcpy(text, isnan(lua_tonumber(L, index)) ? "nan"
				     : lua_tonumber(L, index) > 0 ? "inf" : "-inf");
		return;
	case LUA_TSTRING:
		data = lua_tolstring(L, index, &size);
		describe_string(data, size, text);
		return;
	default:
		if (nsh_lua_test_secret(L, index))
			(void)strcpy(text, "***");
		else
			describe_type(L, index, text);
	}
}

/* ---- fields of tables ---------------------------------------------------- */

void nsh_lua_set_text(lua_State *L, const char *field, const char *text)
{
	if (!text)
		return;
	lua_pushstring(L, text);
	lua_setfield(L, -2, field);
}

void nsh_lua_set_flag(lua_State *L, const char *field, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, field);
}

void nsh_lua_set_number(lua_State *L, const char *field, double value)
{
	lua_pushnumber(L, value);
	lua_setfield(L, -2, field);
}

void nsh_lua_push_integer(lua_State *L, int64_t value)
{
	if (sizeof (lua_Integer) < sizeof value)
		lua_pushnumber(L, (lua_Number)value);
	else
		lua_pushinteger(L, (lua_Integer)value);
}

void nsh_lua_set_integer(lua_State *L, const char *field, int64_t value)
{
	nsh_lua_push_integer(L, value);
	lua_setfield(L, -2, field);
}

bool nsh_lua_field_flag(lua_State *L, int index, const char *field)
{
	bool value;

	lua_getfield(L, index, field);
	value = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return value;
}

int nsh_lua_field_int(lua_State *L, int index, const char *field)
{
	int value;

	lua_getfield(L, index, field);
	value = (int)lua_tointeger(L, -1);
	lua_pop(L, 1);
	return value;
}

/* ---- large strings -------------------------------------------------------- */

enum { LARGE = 4 << 20 };

struct bytes {
	const char *data;
	size_t size;
	lua_Alloc allocate;     /* the allocator of the Lua state, and its argument */
	void *argument;
};

static void *allocate_huge(void *argument, void *old, size_t old_size, size_t size)
{
	const struct bytes *bytes = argument;
	void *memory = bytes->allocate(bytes->argument, old, old_size, size);

	if (memory && !old && size >= LARGE)
		nsh_use_huge_pages(memory, size);
	return memory;
}

static int push_bytes(lua_State *L)
{
	const struct bytes *bytes = lua_touserdata(L, 1);

	lua_pushlstring(L, bytes->data, bytes->size);
	return 1;
}

/* Lua writes a new string at once, so its memory has to be prepared while Lua allocates
 * it.  The allocator is the state's own again when this returns or raises an error. */
void nsh_lua_push_bytes(lua_State *L, const char *data, size_t size)
{
	struct bytes bytes = { .data = data, .size = size };
	int status;

	if (size < LARGE) {
		lua_pushlstring(L, data, size);
		return;
	}
	lua_pushcfunction(L, push_bytes);
	lua_pushlightuserdata(L, &bytes);
	bytes.allocate = lua_getallocf(L, &bytes.argument);
	lua_setallocf(L, allocate_huge, &bytes);
	status = lua_pcall(L, 1, 1, 0);
	lua_setallocf(L, bytes.allocate, bytes.argument);
	if (status != 0)
		(void)lua_error(L);
}
