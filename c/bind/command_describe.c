/* command:_describe(): the attributes of a command, for the calls of a dry run.
 * The keys are those of a SPEC; attributes that are not set are absent. */
#include "command.h"
#include "value.h"

static void set_flag(lua_State *L, const char *field, bool value)
{
	if (value)
		nsh_lua_set_flag(L, field, true);
}

static void set_integer(lua_State *L, const char *field, bool is_set,
			int64_t value)
{
	if (is_set)
		nsh_lua_set_integer(L, field, value);
}

/* ---- the words --------------------------------------------------------- */

/* Sets argv; secrets are ***. */
static void set_words(lua_State *L, const struct nsh_command *cmd)
{
	const char *const *argv = nsh_command_argv(cmd);

	lua_newtable(L);
	for (int i = 0; argv[i]; i++) {
		lua_pushstring(L, nsh_command_arg_is_secret(cmd, (size_t)i)
			       ? "***" : argv[i]);
		lua_rawseti(L, -2, i + 1);
	}
	lua_setfield(L, -2, "argv");
}

/* ---- standard streams and descriptors ---------------------------------- */

void nsh_lua_push_file(lua_State *L, const char *path, unsigned how, unsigned mode)
{
	char text[8];

	lua_newtable(L);
	nsh_lua_set_text(L, "path", path);
	set_flag(L, "append", how & NSH_FILE_APPEND);
	set_flag(L, "exclusive", how & NSH_FILE_EXCLUSIVE);
	set_flag(L, "read", how & NSH_FILE_READ);
	if (mode == 0666)
		return;
	(void)snprintf(text, sizeof text, "%04o", mode);
	nsh_lua_set_text(L, "mode", text);
}

/* Sets the target of a standard stream: { path = ..., append = ... }, the list, the Lua
 * object, or the descriptor's number.  command:stdio reports words.  The
 * command is at index 1. */
static void set_target(lua_State *L, const struct nsh_command *cmd,
		       const struct nsh_description *told, int which)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	enum nsh_stdio kind = nsh_command_stdio(cmd, which);

	if (kind == NSH_STDIO_PATH) {
		nsh_lua_push_file(L, told->path[which],
				  which > 0 ? told->file_how[which] : 0,
				  which > 0 ? told->file_mode[which] : 0666);
		lua_setfield(L, -2, names[which]);
	} else if (kind == NSH_STDIO_FD || kind == NSH_STDIO_LIST) {
		lua_getuservalue(L, 1);
		lua_rawgeti(L, -1, which);
		lua_remove(L, -2);
		if (lua_isnil(L, -1)) {
			lua_pop(L, 1);
			lua_pushinteger(L, told->fd[which]);
		}
		lua_setfield(L, -2, names[which]);
	}
}

/* { [child's] = ours } */
static void set_passed(lua_State *L, const struct nsh_command *cmd)
{
	int ours, theirs;

	if (!nsh_command_passed_fd(cmd, 0, &ours, &theirs))
		return;
	lua_newtable(L);
	for (size_t i = 0; nsh_command_passed_fd(cmd, i, &ours, &theirs); i++) {
		lua_pushinteger(L, ours);
		lua_rawseti(L, -2, theirs);
	}
	lua_setfield(L, -2, "pass_fds");
}

/* { [child's] = "***" }: buffers usually contain secrets. */
static void set_sent(lua_State *L, const struct nsh_command *cmd)
{
	int theirs = nsh_command_send_buffer_fd(cmd, 0);

	if (theirs < 0)
		return;
	lua_newtable(L);
	for (size_t i = 0; theirs >= 0; theirs = nsh_command_send_buffer_fd(cmd, ++i)) {
		lua_pushliteral(L, "***");
		lua_rawseti(L, -2, theirs);
	}
	lua_setfield(L, -2, "send_buffers");
}

/* { [child's] = "read" | "write" } */
static void set_pipes(lua_State *L, const struct nsh_command *cmd)
{
	bool reads;
	int target;

	if (!nsh_command_pipe(cmd, 0, &target, &reads))
		return;
	lua_newtable(L);
	for (size_t i = 0; nsh_command_pipe(cmd, i, &target, &reads); i++) {
		lua_pushstring(L, reads ? "read" : "write");
		lua_rawseti(L, -2, target);
	}
	lua_setfield(L, -2, "pipes");
}

/* ---- attributes -------------------------------------------------------- */

static void push_limit(lua_State *L, uint64_t value)
{
	if (value == NSH_UNLIMITED)
		lua_pushliteral(L, "unlimited");
	else if (value > INT64_MAX)
		lua_pushnumber(L, (lua_Number)value);
	else
		nsh_lua_push_integer(L, (int64_t)value);
}

/* { nofile = { soft, hard } } */
static void set_limits(lua_State *L, const struct nsh_command *cmd)
{
	struct nsh_limit_set limit;

	if (!nsh_command_limit(cmd, 0, &limit))
		return;
	lua_newtable(L);
	for (size_t i = 0; nsh_command_limit(cmd, i, &limit); i++) {
		lua_newtable(L);
		push_limit(L, limit.soft);
		lua_rawseti(L, -2, 1);
		push_limit(L, limit.hard);
		lua_rawseti(L, -2, 2);
		lua_setfield(L, -2, limit.name);
	}
	lua_setfield(L, -2, "limits");
}

static void set_affinity(lua_State *L, const struct nsh_description *told)
{
	if (!told->set_cpu_affinity)
		return;
	if (!told->cpus) {
		nsh_lua_set_text(L, "cpu_affinity", "all");
		return;
	}
	lua_newtable(L);
	for (size_t i = 0; i < told->cpu_count; i++) {
		lua_pushinteger(L, (lua_Integer)told->cpus[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	lua_setfield(L, -2, "cpu_affinity");
}

static void set_identity(lua_State *L, const struct nsh_description *told)
{
	int count = 0;

	set_integer(L, "uid", told->set_uid, told->uid);
	set_integer(L, "gid", told->set_gid, told->gid);
	if (told->set_groups) {
		lua_newtable(L);
		for (size_t i = 0; i < told->group_count; i++) {
			lua_pushinteger(L, (lua_Integer)told->groups[i]);
			lua_rawseti(L, -2, (int)i + 1);
		}
		lua_setfield(L, -2, "groups");
	}
	set_flag(L, "clear_caps", told->clear_caps);
	if (!told->allow_caps)
		return;
	lua_newtable(L);
	for (int number = 0; number < 64; number++)
		if (told->allow_caps >> number & 1) {
			lua_pushinteger(L, number);
			lua_rawseti(L, -2, ++count);
		}
	lua_setfield(L, -2, "allow_cap");
}

/* Sets the values of the setters in setters.def. */
static void set_scalars(lua_State *L, const struct nsh_command *cmd)
{
	const struct nsh_setter *row;
	const char *text;
	char mask[8];
	int value;

	for (size_t i = 0; (row = nsh_setter(i)); i++) {
		if (!nsh_command_setter_value(cmd, i, &value, &text))
			continue;
		if (row->kind == NSH_SETTER_SIGNAL)
			text = nsh_signal_name(value);
		if (row->kind == NSH_SETTER_MASK) {
			(void)snprintf(mask, sizeof mask, "%03o", (unsigned)value);
			text = mask;
		}
		if (row->kind == NSH_SETTER_FLAG)
			nsh_lua_set_flag(L, row->key, true);
		else if (text)
			nsh_lua_set_text(L, row->key, text);
		else
			nsh_lua_set_integer(L, row->key, value);
	}
}

static void set_pty(lua_State *L, const struct nsh_description *told)
{
	if (!told->has_pty)
		return;
	lua_newtable(L);
	nsh_lua_set_integer(L, "rows", told->rows);
	nsh_lua_set_integer(L, "columns", told->columns);
	nsh_lua_set_flag(L, "echo", told->echo);
	lua_setfield(L, -2, "pty");
}

static void set_attributes(lua_State *L, const struct nsh_command *cmd,
			   const struct nsh_description *told)
{
	set_scalars(L, cmd);
	set_flag(L, "run_alone", told->run_alone);
	set_flag(L, "pre_exec_hook", told->has_hook);
	nsh_lua_set_text(L, "arg0", told->arg0);
	nsh_lua_set_text(L, "selinux_label", told->selinux_label);
	nsh_lua_set_text(L, "apparmor_profile", told->apparmor_profile);
	set_affinity(L, told);
	set_pty(L, told);
	set_integer(L, "run_among", told->run_among > 0, told->run_among);
	set_integer(L, "process_group", told->process_group > 0, told->process_group);
	if (told->timeout >= 0) {
		nsh_lua_set_number(L, "timeout", told->timeout);
		nsh_lua_set_number(L, "grace", told->grace);
	}
}

static int describe(lua_State *L)
{
	const struct nsh_command *cmd = nsh_lua_check_command(L, 1)->cmd;
	struct nsh_description told;

	lua_settop(L, 1);
	nsh_command_describe(cmd, &told);
	lua_newtable(L);
	set_words(L, cmd);
	for (int which = 0; which < 3; which++)
		set_target(L, cmd, &told, which);
	set_passed(L, cmd);
	set_sent(L, cmd);
	set_pipes(L, cmd);
	set_limits(L, cmd);
	set_identity(L, &told);
	set_attributes(L, cmd, &told);
	return 1;
}

static void push_strings(lua_State *L, const char *const *items)
{
	lua_newtable(L);
	for (int i = 0; items && items[i]; i++) {
		lua_pushstring(L, items[i]);
		lua_rawseti(L, -2, i + 1);
	}
}

/* command:_env_changes(): the variables that were set, as "NAME=value"; the names of
 * those that were removed; and whether the program gets the others, too. */
static int get_env_changes(lua_State *L)
{
	struct nsh_description told;

	nsh_command_describe(nsh_lua_check_command(L, 1)->cmd, &told);
	push_strings(L, told.env_set);
	push_strings(L, told.env_removed);
	lua_pushboolean(L, told.inherits_env);
	return 3;
}

/* command:_carry(words): see nsh_command_carry. */
static int carry(lua_State *L)
{
	struct nsh_command *cmd = nsh_lua_check_command(L, 1)->cmd;
	const char **words;
	int count;

	luaL_checktype(L, 2, LUA_TTABLE);
	count = (int)lua_rawlen(L, 2);
	words = lua_newuserdata(L, ((size_t)count + 1) * sizeof *words);
	for (int i = 0; i < count; i++) {
		lua_rawgeti(L, 2, i + 1);
		words[i] = luaL_checkstring(L, -1);
		lua_pop(L, 1);
	}
	words[count] = NULL;
	nsh_command_carry(cmd, words);
	lua_settop(L, 1);
	return 1;
}

const luaL_Reg nsh_lua_describe_methods[] = {
	{ "_carry", carry },
	{ "_describe", describe },
	{ "_env_changes", get_env_changes },
	{ NULL, NULL }
};
