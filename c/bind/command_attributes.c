/* The command's setters of attributes, of how it starts and how it may end;
 * first those that need no code of their own. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

static const struct {
	const char *name;
	void (*set)(struct nsh_command *cmd);
} plain_setters[] = {
	{ "allow_any_exit", nsh_command_allow_any_exit },
	{ "clear_caps", nsh_command_clear_caps },
	{ "clear_env", nsh_command_clear_env },
	{ "daemonize", nsh_command_daemonize },
	{ "inherit_env", nsh_command_inherit_env },
	{ "mark_secret", nsh_command_mark_secret },
	{ "new_process_group", nsh_command_new_process_group },
	{ "new_session", nsh_command_new_session },
	{ "pass_env_common", nsh_command_pass_env_common },
	{ "raw_status", nsh_command_raw_status },
	{ "require_handshake", nsh_command_require_handshake },
	{ "run_alone", nsh_command_run_alone },
	{ "set_no_new_privs", nsh_command_set_no_new_privs },
};

static const struct {
	const char *name;
	void (*set)(struct nsh_command *cmd, const char *text);
} text_setters[] = {
	{ "add_env_string", nsh_command_add_env_string },
	{ "add_env_xdg", nsh_command_add_env_xdg },
	{ "pass_env_allow_suid", nsh_command_pass_env_allow_suid },
	{ "set_arg0", nsh_command_set_arg0 },
	{ "set_pid_file", nsh_command_set_pid_file },
	{ "set_user", nsh_command_set_user },
	{ "set_working_directory", nsh_command_set_working_directory },
	{ "unset_env", nsh_command_unset_env },
};

static const struct {
	const char *name;
	void (*set)(struct nsh_command *cmd, uint64_t limit);
} limit_setters[] = {
	{ "set_max_core_size", nsh_command_set_max_core_size },
	{ "set_max_files", nsh_command_set_max_files },
	{ "set_max_mem_lock", nsh_command_set_max_mem_lock },
	{ "set_max_processes", nsh_command_set_max_processes },
};

static int plain_setter(lua_State *L)
{
	int entry = (int)lua_tointeger(L, lua_upvalueindex(1));
	struct setter setter = nsh_lua_setter_begin(L, plain_setters[entry].name,
						    0, 0);

	plain_setters[entry].set(setter.cmd);
	return nsh_lua_setter_end(&setter);
}

static int text_setter(lua_State *L)
{
	int entry = (int)lua_tointeger(L, lua_upvalueindex(1));
	struct setter setter = nsh_lua_setter_begin(L, text_setters[entry].name,
						    1, 1);
	const char *text;

	if (nsh_lua_get_text(&setter, nsh_lua_argument(1), &text))
		text_setters[entry].set(setter.cmd, text);
	return nsh_lua_setter_end(&setter);
}

static int limit_setter(lua_State *L)
{
	int entry = (int)lua_tointeger(L, lua_upvalueindex(1));
	struct setter setter = nsh_lua_setter_begin(L, limit_setters[entry].name,
						    1, 1);
	uint64_t limit;

	if (nsh_lua_get_limit(&setter, nsh_lua_argument(1), &limit))
		limit_setters[entry].set(setter.cmd, limit);
	return nsh_lua_setter_end(&setter);
}

/* ---- limits and attributes --------------------------------------------- */

static int set_limit(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_limit", 2, 3);
	const char *name;
	uint64_t soft, hard;

	if (!nsh_lua_get_text(&setter, nsh_lua_argument(1), &name)
	    || !nsh_lua_get_limit(&setter, nsh_lua_argument(2), &soft))
		return nsh_lua_setter_end(&setter);
	hard = soft;
	if (lua_isnil(L, 4)
	    || nsh_lua_get_limit(&setter, nsh_lua_argument(3), &hard))
		nsh_command_set_limit(setter.cmd, name, soft, hard);
	return nsh_lua_setter_end(&setter);
}

/* "022", as umask(1) takes it; a number is the mask itself. */
static bool get_mask(const struct setter *setter, struct place place,
		     int *ret_mask)
{
	const char *text;
	size_t size;

	if (lua_type(setter->L, place.index) != LUA_TSTRING)
		return nsh_lua_get_int(setter, place, 0, 0777, ret_mask);
	text = lua_tolstring(setter->L, place.index, &size);
	if (size == 0 || size > 4 || strspn(text, "01234567") != size
	    || strtol(text, NULL, 8) > 0777) {
		nsh_lua_reject(setter, place, "is not an octal mask from 0 to 777");
		return false;
	}
	*ret_mask = (int)strtol(text, NULL, 8);
	return true;
}

static int set_umask(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_umask", 1, 1);
	int mask;

	if (get_mask(&setter, nsh_lua_argument(1), &mask))
		nsh_command_set_umask(setter.cmd, (unsigned)mask);
	return nsh_lua_setter_end(&setter);
}

static int set_nice(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_nice", 1, 1);
	int nice;

	if (nsh_lua_get_int(&setter, nsh_lua_argument(1), -20, 19, &nice))
		nsh_command_set_nice(setter.cmd, nice);
	return nsh_lua_setter_end(&setter);
}

static bool get_signal(const struct setter *setter, struct place place,
		       int *ret_signal)
{
	const char *name;
	int number;

	if (lua_type(setter->L, place.index) == LUA_TNUMBER)
		return nsh_lua_get_int(setter, place, 1, 64, ret_signal);
	if (!nsh_lua_get_text(setter, place, &name))
		return false;
	number = nsh_signal_number(name);
	if (number == 0) {
		nsh_lua_reject(setter, place, "is not a signal");
		return false;
	}
	*ret_signal = number;
	return true;
}

static int set_parent_death_signal(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_parent_death_signal",
						    1, 1);
	int number;

	if (get_signal(&setter, nsh_lua_argument(1), &number))
		nsh_command_set_parent_death_signal(setter.cmd, number);
	return nsh_lua_setter_end(&setter);
}

static int run_among(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "run_among", 1, 1);
	int pid;

	if (nsh_lua_get_int(&setter, nsh_lua_argument(1), 1, INT_MAX, &pid))
		nsh_command_run_among(setter.cmd, pid);
	return nsh_lua_setter_end(&setter);
}

/* ---- ending ------------------------------------------------------------ */

enum { DEFAULT_GRACE = 2 };

static int set_timeout(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_timeout", 1, 2);
	double seconds, grace = DEFAULT_GRACE;

	if (!nsh_lua_get_seconds(&setter, nsh_lua_argument(1), &seconds))
		return nsh_lua_setter_end(&setter);
	if (!(seconds > 0))
		nsh_lua_reject(&setter, nsh_lua_argument(1), "is not positive");
	if (lua_isnil(L, 3)
	    || nsh_lua_get_seconds(&setter, nsh_lua_argument(2), &grace))
		nsh_command_set_timeout(setter.cmd, seconds, grace);
	return nsh_lua_setter_end(&setter);
}

static int set_max_output(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_max_output", 1, 1);
	uint64_t limit;

	if (nsh_lua_get_limit(&setter, nsh_lua_argument(1), &limit))
		nsh_command_set_max_output(setter.cmd, limit < SIZE_MAX
					   ? (size_t)limit : SIZE_MAX);
	return nsh_lua_setter_end(&setter);
}

static int allow_exit(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "allow_exit", 1, -1);
	int code;

	for (int i = 1; i <= setter.count; i++)
		if (nsh_lua_get_int(&setter, nsh_lua_argument(i), 0, 255, &code))
			nsh_command_allow_exit(setter.cmd, code);
	return nsh_lua_setter_end(&setter);
}

static const luaL_Reg methods[] = {
	{ "allow_exit", allow_exit },
	{ "run_among", run_among },
	{ "set_limit", set_limit },
	{ "set_max_output", set_max_output },
	{ "set_nice", set_nice },
	{ "set_parent_death_signal", set_parent_death_signal },
	{ "set_timeout", set_timeout },
	{ "set_umask", set_umask },
	{ NULL, NULL }
};

/* A method that is an entry of one of the tables above. */
static void add_entry(lua_State *L, lua_CFunction method, int entry,
		      const char *name)
{
	lua_pushinteger(L, entry);
	lua_pushcclosure(L, method, 1);
	lua_setfield(L, -2, name);
}

#define COUNT(array) (int)(sizeof (array) / sizeof *(array))

void nsh_lua_add_attribute_methods(lua_State *L)
{
	luaL_setfuncs(L, methods, 0);
	for (int i = 0; i < COUNT(plain_setters); i++)
		add_entry(L, plain_setter, i, plain_setters[i].name);
	for (int i = 0; i < COUNT(text_setters); i++)
		add_entry(L, text_setter, i, text_setters[i].name);
	for (int i = 0; i < COUNT(limit_setters); i++)
		add_entry(L, limit_setter, i, limit_setters[i].name);
}
