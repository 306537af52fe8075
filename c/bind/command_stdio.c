/* Setters of standard streams. */
#include <string.h>

#include "command.h"
#include "descriptor.h"

static const char *const setters[3] = { "set_stdin", "set_stdout", "set_stderr" };
/* Lua's set_stdin also drops an input that Lua makes, the others take lists. */
static const char *const method_names[3] = { "_set_stdin", "_set_stdout", "_set_stderr" };

static const struct {
	const char *word;
	enum nsh_stdio kind;
} words[] = {
	{ "null", NSH_STDIO_NULL },
	{ "inherit", NSH_STDIO_INHERIT },
	{ "pipe", NSH_STDIO_PIPE },
	{ "capture", NSH_STDIO_CAPTURE },
	{ "stdout", NSH_STDIO_STDOUT },
	{ "stderr", NSH_STDIO_STDERR },
};

static void direct_word(const struct setter *setter, int which)
{
	static const char *const others[3] = {
		" or \"pipe\"", ", \"pipe\", \"capture\" or \"stderr\"",
		", \"pipe\", \"capture\" or \"stdout\"",
	};
	const char *word = lua_tostring(setter->L, 2);

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i].word) == 0) {
			nsh_command_set_stdio(setter->cmd, which, words[i].kind);
			nsh_lua_command_anchor(setter->L, which, 0);
			return;
		}
	nsh_lua_reject(setter, nsh_lua_argument(1), "must be \"null\", \"inherit\"%s; for a "
		       "file, use { path = \"...\" }", others[which]);
}

/* Gets a flag of a file, and adds it to *how. */
static bool get_how(const struct setter *setter, struct place table, const char *name,
		    unsigned flag, unsigned *how)
{
	bool is_set = false;

	if (!nsh_lua_get_flag(setter, nsh_lua_push_option(setter, table, name), &is_set))
		return false;
	if (is_set)
		*how |= flag;
	return true;
}

static bool get_mode(const struct setter *setter, struct place table, unsigned *mode)
{
	struct place place = nsh_lua_push_option(setter, table, "mode");
	int value;

	if (lua_isnil(setter->L, place.index))
		return true;
	if (!nsh_lua_get_octal(setter, place, 07777, "mode", "0600", &value))
		return false;
	*mode = (unsigned)value;
	return true;
}

bool nsh_lua_get_file(const struct setter *setter, struct place table,
		      struct file_value *ret_file)
{
	static const char *const names[] = {
		"path", "append", "mode", "exclusive", "read", NULL
	};
	struct file_value file = { .mode = 0666 };

	if (!nsh_lua_get_options(setter, table, names)
	    || !nsh_lua_get_text(setter, nsh_lua_push_option(setter, table, "path"),
				 &file.path)
	    || !get_how(setter, table, "append", NSH_FILE_APPEND, &file.how)
	    || !get_how(setter, table, "exclusive", NSH_FILE_EXCLUSIVE, &file.how)
	    || !get_how(setter, table, "read", NSH_FILE_READ, &file.how)
	    || !get_mode(setter, table, &file.mode))
		return false;
	*ret_file = file;
	return true;
}

/* Rejects the options of files for output. */
static bool check_input(const struct setter *setter, struct place table)
{
	static const char *const names[] = { "append", "mode", "exclusive", "read" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct place place = nsh_lua_push_option(setter, table, names[i]);

		if (!lua_toboolean(setter->L, place.index))
			continue;
		nsh_lua_reject(setter, table, "has '%s', which does not apply to stdin",
			       names[i]);
		return false;
	}
	return true;
}

static void direct_path(const struct setter *setter, int which)
{
	struct place table = nsh_lua_argument(1);
	struct file_value file;

	if (!nsh_lua_get_file(setter, table, &file)
	    || (which == 0 && !check_input(setter, table)))
		return;
	nsh_command_set_stdio_file(setter->cmd, which, file.path, file.how, file.mode);
	nsh_lua_command_anchor(setter->L, which, 0);
}

static void direct_descriptor(const struct setter *setter, int which)
{
	struct fd_value descriptor;
	bool is_object = lua_type(setter->L, 2) != LUA_TNUMBER;

	if (!nsh_lua_descriptor(setter->L, 2, &descriptor)) {
		nsh_lua_reject(setter, nsh_lua_argument(1), "%s", descriptor.reason);
		return;
	}
	nsh_command_set_stdio_fd(setter->cmd, which, descriptor.fd);
	nsh_lua_command_anchor(setter->L, which, is_object ? 2 : 0);
}

/* A table with a metatable is an object, which may have a descriptor. */
static bool is_plain_table(lua_State *L, int index)
{
	if (!lua_istable(L, index))
		return false;
	if (!lua_getmetatable(L, index))
		return true;
	lua_pop(L, 1);
	return false;
}

static int set_stdio(lua_State *L)
{
	int which = (int)lua_tointeger(L, lua_upvalueindex(1));
	struct setter setter = nsh_lua_setter_begin(L, setters[which], 1, 1);

	if (nsh_lua_setter_works(&setter)) {
		if (lua_type(L, 2) == LUA_TSTRING)
			direct_word(&setter, which);
		else if (is_plain_table(L, 2))
			direct_path(&setter, which);
		else
			direct_descriptor(&setter, which);
	}
	return nsh_lua_setter_end(&setter);
}

static int set_input_buffer(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_input_buffer", 1, 1);
	struct bytes data;

	if (nsh_lua_get_bytes(&setter, nsh_lua_argument(1), &data)) {
		nsh_command_set_input_buffer(setter.cmd, data.data, data.size);
		nsh_lua_command_anchor(L, 0, 0);
	}
	return nsh_lua_setter_end(&setter);
}

/* The size of a terminal that has none: that of the classic VT100. */
enum { DEFAULT_ROWS = 24, DEFAULT_COLUMNS = 80, MOST_CELLS = 65535 };

/* Gets an optional number of rows or columns. */
static bool get_size(const struct setter *setter, struct place place, int *size)
{
	return lua_isnil(setter->L, place.index)
		|| nsh_lua_get_int(setter, place, 1, MOST_CELLS, size);
}

static void set_pty_options(const struct setter *setter, struct place table)
{
	static const char *const names[] = { "rows", "columns", "echo", NULL };
	int rows = DEFAULT_ROWS, columns = DEFAULT_COLUMNS;
	bool echo = true;

	if (nsh_lua_get_options(setter, table, names)
	    && get_size(setter, nsh_lua_push_option(setter, table, "rows"), &rows)
	    && get_size(setter, nsh_lua_push_option(setter, table, "columns"), &columns)
	    && nsh_lua_get_flag(setter, nsh_lua_push_option(setter, table, "echo"), &echo))
		nsh_command_set_pty(setter->cmd, rows, columns, echo);
}

static int set_pty(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_pty", 0, 1);
	struct place argument = nsh_lua_argument(1);

	if (!nsh_lua_setter_works(&setter))
		return nsh_lua_setter_end(&setter);
	if (lua_istable(L, argument.index))
		set_pty_options(&setter, argument);
	else if (setter.count == 0
		 || (lua_isboolean(L, argument.index) && lua_toboolean(L, argument.index)))
		nsh_command_set_pty(setter.cmd, DEFAULT_ROWS, DEFAULT_COLUMNS, true);
	else
		nsh_lua_reject(&setter, argument, "must be true or { rows = 24, columns = 80, "
			       "echo = true }");
	return nsh_lua_setter_end(&setter);
}

static const luaL_Reg methods[] = {
	{ "_set_pty", set_pty },
	{ "_set_input_buffer", set_input_buffer },
	{ NULL, NULL }
};

void nsh_lua_add_stdio_methods(lua_State *L)
{
	luaL_setfuncs(L, methods, 0);
	for (int which = 0; which < 3; which++) {
		lua_pushinteger(L, which);
		lua_pushcclosure(L, set_stdio, 1);
		lua_setfield(L, -2, method_names[which]);
	}
}
