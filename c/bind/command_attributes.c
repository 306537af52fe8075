/* Setters of attributes, of starting and of ending.  The setters that need no special
 * code come first, in tables. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "value.h"

enum { MAX_CPU = 8191 };  /* the kernel's largest NR_CPUS, less one */

/* The setters that setters.def does not describe. */
static const struct {
	const char *name;
	void (*set)(struct nsh_command *cmd);
} plain_setters[] = {
	{ "clear_caps", nsh_command_clear_caps },
	{ "clear_env", nsh_command_clear_env },
	{ "inherit_env", nsh_command_inherit_env },
	{ "mark_secret", nsh_command_mark_secret },
	{ "pass_env_common", nsh_command_pass_env_common },
	{ "run_alone", nsh_command_run_alone },
};

static const struct {
	const char *name;
	void (*set)(struct nsh_command *cmd, const char *text);
} text_setters[] = {
	{ "add_env_string", nsh_command_add_env_string },
	{ "add_env_xdg", nsh_command_add_env_xdg },
	{ "pass_env_allow_suid", nsh_command_pass_env_allow_suid },
	{ "set_arg0", nsh_command_set_arg0 },
	{ "set_user", nsh_command_set_user },
	{ "unset_env", nsh_command_unset_env },
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

/* ---- the rows of setters.def ------------------------------------------- */

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
		nsh_lua_reject(setter, place, "must be the name or number of a signal");
		return false;
	}
	*ret_signal = number;
	return true;
}

static void set_number(const struct setter *setter, const struct nsh_setter *row)
{
	struct place place = nsh_lua_argument(1);
	int value;

	if (row->kind == NSH_SETTER_SIGNAL) {
		if (get_signal(setter, place, &value))
			row->set.integer(setter->cmd, value);
	} else if (row->kind == NSH_SETTER_MASK) {
		if (nsh_lua_get_octal(setter, place, row->maximum, "mask", "022", &value))
			row->set.mask(setter->cmd, (unsigned)value);
	} else if (nsh_lua_get_int(setter, place, row->minimum, row->maximum,
				   &value)) {
		row->set.integer(setter->cmd, value);
	}
}

/* Replaces a list of directories at index 2 by text as in PATH. */
static void join_directories(const struct setter *setter)
{
	struct place list = nsh_lua_argument(1);
	lua_State *L = setter->L;
	const char *directory;
	int length;

	if (!lua_istable(L, 2) || !nsh_lua_get_list(setter, list, &length))
		return;
	if (length == 0)
		nsh_lua_reject(setter, list, "must be a list of at least one directory");
	lua_pushliteral(L, "");
	for (int i = 1; i <= length; i++) {
		lua_pushstring(L, i > 1 ? ":" : "");
		lua_rawgeti(L, list.index, i);
		if (!nsh_lua_get_text(setter, nsh_lua_item(L, i), &directory))
			return;
		lua_concat(L, 3);
	}
	lua_replace(L, 2);
}

static void set_row(const struct setter *setter, const struct nsh_setter *row)
{
	const char *text;
	uint64_t limit;

	switch (row->kind) {
	case NSH_SETTER_FLAG:
		row->set.flag(setter->cmd);
		break;
	case NSH_SETTER_LIMIT:
		if (nsh_lua_get_limit(setter, nsh_lua_argument(1), &limit))
			row->set.limit(setter->cmd, limit);
		break;
	case NSH_SETTER_TEXT:
		if (strcmp(row->key, "search_path") == 0)
			join_directories(setter);
		if (nsh_lua_get_text(setter, nsh_lua_argument(1), &text))
			row->set.text(setter->cmd, text);
		break;
	default:
		set_number(setter, row);
		break;
	}
}

static int row_setter(lua_State *L)
{
	const struct nsh_setter *row =
		nsh_setter((size_t)lua_tointeger(L, lua_upvalueindex(1)));
	int count = row->kind == NSH_SETTER_FLAG ? 0 : 1;
	struct setter setter = nsh_lua_setter_begin(L, row->name, count, count);

	set_row(&setter, row);
	return nsh_lua_setter_end(&setter);
}

static const char *const kind_names[] = {
	[NSH_SETTER_FLAG] = "flag", [NSH_SETTER_INTEGER] = "integer",
	[NSH_SETTER_MASK] = "mask", [NSH_SETTER_SIGNAL] = "signal",
	[NSH_SETTER_LIMIT] = "limit", [NSH_SETTER_TEXT] = "text",
};

static void push_row(lua_State *L, const struct nsh_setter *row)
{
	lua_newtable(L);
	nsh_lua_set_text(L, "name", row->name);
	nsh_lua_set_text(L, "key", row->key);
	nsh_lua_set_text(L, "kind", kind_names[row->kind]);
	nsh_lua_set_text(L, "description", row->description);
	nsh_lua_set_integer(L, "minimum", row->minimum);
	nsh_lua_set_integer(L, "maximum", row->maximum);
	if (row->stage != NSH_STAGE_NONE)
		nsh_lua_set_text(L, "stage", nsh_stage_name(row->stage));
}

int nsh_lua_setters(lua_State *L)
{
	const struct nsh_setter *row;

	lua_newtable(L);
	for (int i = 0; (row = nsh_setter((size_t)i)); i++) {
		push_row(L, row);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
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

/* The array is a userdata, so that it is freed even if reading the list raises
 * an error. */
static void set_cpu_list(const struct setter *setter, struct place list,
			 int length)
{
	lua_State *L = setter->L;
	unsigned *cpus = lua_newuserdata(L, ((size_t)length + 1) * sizeof *cpus);
	bool right = true;
	int cpu;

	for (int i = 0; right && i < length; i++) {
		lua_rawgeti(L, list.index, i + 1);
		right = nsh_lua_get_int(setter, nsh_lua_item(L, i + 1), 0,
					MAX_CPU, &cpu);
		cpus[i] = right ? (unsigned)cpu : 0;
		lua_pop(L, 1);
	}
	if (right)
		nsh_command_set_cpu_affinity(setter->cmd, cpus, (size_t)length);
}

static int set_cpu_affinity(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_cpu_affinity", 1, 1);
	struct place list = nsh_lua_argument(1);
	int length;

	lua_pushliteral(L, "all");
	if (lua_rawequal(L, 2, -1))
		nsh_command_set_cpu_affinity(setter.cmd, NULL, 0);
	else if (!lua_istable(L, 2))
		nsh_lua_reject(&setter, list, "must be a list of processors or \"all\"");
	else if (nsh_lua_get_list(&setter, list, &length))
		set_cpu_list(&setter, list, length);
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

/* cmd:set_process_group(true | 0 | group) */
static int set_process_group(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_process_group", 1, 1);
	int group = 0;

	if ((lua_isboolean(L, 2) && lua_toboolean(L, 2))
	    || nsh_lua_get_int(&setter, nsh_lua_argument(1), 0, INT_MAX, &group))
		nsh_command_set_process_group(setter.cmd, group);
	return nsh_lua_setter_end(&setter);
}

/* ---- ending ------------------------------------------------------------ */

enum { DEFAULT_GRACE = 2 };

static int set_timeout(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_timeout", 1, 2);
	double seconds, grace = DEFAULT_GRACE;

	if (lua_type(L, 2) == LUA_TNUMBER && lua_tonumber(L, 2) == HUGE_VAL)
		seconds = HUGE_VAL;
	else if (!nsh_lua_get_seconds(&setter, nsh_lua_argument(1), &seconds))
		return nsh_lua_setter_end(&setter);
	if (!(seconds > 0))
		nsh_lua_reject(&setter, nsh_lua_argument(1), "must be greater than 0");
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
	{ "set_cpu_affinity", set_cpu_affinity },
	{ "set_limit", set_limit },
	{ "set_max_output", set_max_output },
	{ "set_process_group", set_process_group },
	{ "set_timeout", set_timeout },
	{ NULL, NULL }
};

/* Adds a method for an entry of one of the tables above. */
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
	const struct nsh_setter *row;

	luaL_setfuncs(L, methods, 0);
	for (int i = 0; i < COUNT(plain_setters); i++)
		add_entry(L, plain_setter, i, plain_setters[i].name);
	for (int i = 0; i < COUNT(text_setters); i++)
		add_entry(L, text_setter, i, text_setters[i].name);
	for (int i = 0; (row = nsh_setter((size_t)i)); i++)
		add_entry(L, row_setter, i, row->name);
}
