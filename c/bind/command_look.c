/* Getters of a command.  Unlike setters, they raise errors for wrong
 * arguments. */
#include <errno.h>
#include <string.h>

#include "box.h"
#include "command.h"
#include "descriptor.h"
#include "failure.h"
#include "value.h"

static struct nsh_command *check(lua_State *L)
{
	return nsh_lua_check_command(L, 1)->cmd;
}

/* ---- strings ----------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned flag;
} text_options[] = {
	{ "linebreaks", NSH_TEXT_LINEBREAKS },
	{ "strip_path", NSH_TEXT_STRIP_PATH },
	{ "env_values", NSH_TEXT_ENV_VALUES },
};

enum { TEXT_OPTIONS = sizeof text_options / sizeof *text_options };

static void check_option(lua_State *L, int index)
{
	const char *name = lua_type(L, index) == LUA_TSTRING
		? lua_tostring(L, index) : "?";

	for (int i = 0; i < TEXT_OPTIONS; i++)
		if (strcmp(name, text_options[i].name) == 0)
			return;
	luaL_error(L, "unknown option '%s'", name);
}

/* Returns the options at index 2 as flags. */
static unsigned get_options(lua_State *L)
{
	unsigned how = 0;

	luaL_checktype(L, 2, LUA_TTABLE);
	lua_pushnil(L);
	while (lua_next(L, 2)) {
		check_option(L, -2);
		lua_pop(L, 1);
	}
	for (int i = 0; i < TEXT_OPTIONS; i++)
		if (nsh_lua_field_flag(L, 2, text_options[i].name))
			how |= text_options[i].flag;
	return how;
}

static int to_string(lua_State *L)
{
	const struct nsh_command *cmd = check(L);
	unsigned how = lua_isnoneornil(L, 2) ? 0 : get_options(L);
	struct box *box = nsh_lua_push_box(L);

	box->string = nsh_command_to_string(cmd, how);
	return nsh_lua_push_boxed(L, box);
}

static int write_arg_log(lua_State *L)
{
	const struct nsh_command *cmd = check(L);
	const struct nsh_argument_error *error = nsh_command_argument_error(cmd);
	struct fd_value descriptor;

	luaL_checkany(L, 2);
	if (!nsh_lua_descriptor(L, 2, &descriptor))
		return luaL_argerror(L, 2, descriptor.reason);
	if (error) {
		lua_pushnil(L);
		nsh_lua_push_argument_error(L, error);
		return 2;
	}
	if ((descriptor.file && fflush(descriptor.file) != 0)
	    || nsh_command_write_arg_log(cmd, descriptor.fd) < 0)
		return nsh_lua_fail_errno(L, "write_arg_log", errno);
	lua_pushboolean(L, 1);
	return 1;
}

/* ---- lists ------------------------------------------------------------- */

static int push_list(lua_State *L, const char *const *items)
{
	lua_newtable(L);
	for (int i = 0; items[i]; i++) {
		lua_pushstring(L, items[i]);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

static int get_argv(lua_State *L)
{
	return push_list(L, nsh_command_argv(check(L)));
}

static int get_args(lua_State *L)
{
	const char *const *argv = nsh_command_argv(check(L));

	return push_list(L, argv[0] ? argv + 1 : argv);
}

static struct box *push_environment(lua_State *L)
{
	const struct nsh_command *cmd = check(L);
	struct box *box = nsh_lua_push_box(L);

	box->strings = nsh_command_environment(cmd);
	if (!box->strings)
		luaL_error(L, "noshell: not enough memory");
	return box;
}

static int get_env_list(lua_State *L)
{
	struct box *box = push_environment(L);

	push_list(L, (const char *const *)box->strings);
	nsh_lua_empty_box(box);
	return 1;
}

static int get_env(lua_State *L)
{
	struct box *box = push_environment(L);

	lua_newtable(L);
	for (char **pair = box->strings; *pair; pair++) {
		const char *value = strchr(*pair, '=');

		if (!value)
			continue;
		lua_pushlstring(L, *pair, (size_t)(value - *pair));
		lua_pushstring(L, value + 1);
		lua_rawset(L, -3);
	}
	nsh_lua_empty_box(box);
	return 1;
}

/* ---- the rest ---------------------------------------------------------- */

static int get_input(lua_State *L)
{
	size_t size = 0;
	const char *data = nsh_command_input(check(L), &size);

	if (data)
		lua_pushlstring(L, data, size);
	else
		lua_pushnil(L);
	return 1;
}

static int get_working_directory(lua_State *L)
{
	lua_pushstring(L, nsh_command_working_directory(check(L)));
	return 1;
}

static int get_argument_error(lua_State *L)
{
	const struct nsh_argument_error *error = nsh_command_argument_error(check(L));

	if (error)
		nsh_lua_push_argument_error(L, error);
	else
		lua_pushnil(L);
	return 1;
}

/* command:_find_pipe(from): the first standard stream, `from` included, that is
 * directed to a pipe. */
static int find_pipe(lua_State *L)
{
	const struct nsh_command *cmd = nsh_lua_check_command(L, 1)->cmd;

	return nsh_lua_push_fd(L, nsh_command_find_pipe(cmd, (int)luaL_checkinteger(L, 2)));
}

/* command:_has_pipes(): true if it has pipes beside the standard streams. */
static int has_pipes(lua_State *L)
{
	bool reads;
	int target;

	lua_pushboolean(L, nsh_command_pipe(nsh_lua_check_command(L, 1)->cmd, 0, &target,
					    &reads));
	return 1;
}

static int get_stdio(lua_State *L)
{
	static const char *const kinds[] = {
		[NSH_STDIO_DEFAULT] = "default",
		[NSH_STDIO_NULL] = "null",
		[NSH_STDIO_INHERIT] = "inherit",
		[NSH_STDIO_PIPE] = "pipe",
		[NSH_STDIO_CAPTURE] = "capture",
		[NSH_STDIO_STDOUT] = "stdout",
		[NSH_STDIO_BUFFER] = "buffer",
		[NSH_STDIO_FD] = "fd",
		[NSH_STDIO_PATH] = "path",
		[NSH_STDIO_PTY] = "pty",
		[NSH_STDIO_STDERR] = "stderr",
		[NSH_STDIO_LIST] = "list",
	};
	const struct nsh_command *cmd = check(L);
	lua_Integer which = luaL_checkinteger(L, 2);

	luaL_argcheck(L, which >= 0 && which <= 2, 2, "must be 0, 1 or 2");
	lua_pushstring(L, kinds[nsh_command_stdio(cmd, (int)which)]);
	return 1;
}

/* command:_daemonizes() */
static int daemonizes(lua_State *L)
{
	const struct nsh_command *cmd = check(L);
	const struct nsh_setter *row;
	const char *text;
	int value = 0;

	for (size_t i = 0; (row = nsh_setter(i)); i++)
		if (strcmp(row->key, "daemonize") == 0
		    && !nsh_command_setter_value(cmd, i, &value, &text))
			value = 0;
	lua_pushboolean(L, value);
	return 1;
}

/* command:_has_pty() */
static int has_pty(lua_State *L)
{
	lua_pushboolean(L, nsh_command_has_pty(check(L)));
	return 1;
}

const luaL_Reg nsh_lua_look_methods[] = {
	{ "_daemonizes", daemonizes },
	{ "_find_pipe", find_pipe },
	{ "_has_pipes", has_pipes },
	{ "_has_pty", has_pty },
	{ "_first_argument_error", get_argument_error },
	{ "_write_arg_log", write_arg_log },
	{ "args", get_args },
	{ "argv", get_argv },
	{ "env", get_env },
	{ "env_list", get_env_list },
	{ "input", get_input },
	{ "stdio", get_stdio },
	{ "to_string", to_string },
	{ "working_directory", get_working_directory },
	{ NULL, NULL }
};
