/* command:_set_sandbox{...}: the sandbox, whose table lua/noshell/sandbox.lua has checked;
 * what it means is explained there.  Also the names of system calls. */
#include <stdlib.h>
#include <string.h>

#include "box.h"
#include "command.h"
#include "value.h"

/* The table is at index 2.  Arrays are userdata on the stack, so that they are freed even
 * if reading the table raises an error. */
enum { SANDBOX = 2 };

/* ---- paths ------------------------------------------------------------------ */

/* Pushes an array of the list on top of the stack: { { path, optional }, ... } */
static const struct nsh_sandbox_path *push_paths(lua_State *L, size_t *ret_count)
{
	int list = lua_gettop(L);
	size_t count = lua_istable(L, list) ? lua_rawlen(L, list) : 0;
	struct nsh_sandbox_path *paths = lua_newuserdata(L, (count + 1) * sizeof *paths);

	*ret_count = count;
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, list, (int)i + 1);
		lua_rawgeti(L, -1, 1);
		/* The list keeps the string. */
		paths[i].path = lua_tostring(L, -1);
		paths[i].is_optional = nsh_lua_field_flag(L, lua_gettop(L) - 1,
							  "optional");
		lua_pop(L, 2);
	}
	return paths;
}

static void set_list(const struct setter *setter, enum nsh_sandbox_access access)
{
	size_t count;
	const struct nsh_sandbox_path *paths = push_paths(setter->L, &count);

	nsh_command_set_sandbox_paths(setter->cmd, access, paths, count);
	lua_pop(setter->L, 1);
}

static void set_paths(const struct setter *setter)
{
	static const char *const names[NSH_SANDBOX_ACCESSES] = {
		[NSH_SANDBOX_READ] = "read", [NSH_SANDBOX_EXEC] = "exec",
		[NSH_SANDBOX_WRITE] = "write", [NSH_SANDBOX_UNIX] = "unix",
	};

	for (int access = 0; access < NSH_SANDBOX_ACCESSES; access++) {
		lua_getfield(setter->L, SANDBOX, names[access]);
		if (lua_istable(setter->L, -1))
			set_list(setter, (enum nsh_sandbox_access)access);
		else if (lua_toboolean(setter->L, -1))
			nsh_command_set_sandbox_paths(setter->cmd,
						      (enum nsh_sandbox_access)access,
						      NULL, 0);
		lua_pop(setter->L, 1);
	}
}

/* ---- network ------------------------------------------------------------------ */

/* Pushes an array of the ports in a field of the table on top of the stack. */
static const uint16_t *push_ports(lua_State *L, const char *field, size_t *ret_count)
{
	uint16_t *ports;

	lua_getfield(L, -1, field);
	*ret_count = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
	ports = lua_newuserdata(L, (*ret_count + 1) * sizeof *ports);
	for (size_t i = 0; i < *ret_count; i++) {
		lua_rawgeti(L, -2, (int)i + 1);
		ports[i] = (uint16_t)lua_tointeger(L, -1);
		lua_pop(L, 1);
	}
	lua_remove(L, -2);
	lua_insert(L, -2);
	return ports;
}

static void set_network(const struct setter *setter)
{
	lua_State *L = setter->L;
	int top = lua_gettop(L);
	const uint16_t *to, *on;
	size_t to_count, on_count;

	lua_getfield(L, SANDBOX, "network");
	if (lua_istable(L, -1)) {
		to = push_ports(L, "connect", &to_count);
		on = push_ports(L, "bind", &on_count);
		nsh_command_set_sandbox_ports(setter->cmd, to, to_count, on, on_count);
	} else {
		nsh_command_set_sandbox_network(setter->cmd, lua_toboolean(L, -1));
	}
	lua_settop(L, top);
}

/* ---- system calls --------------------------------------------------------------- */

/* Pushes a NULL-terminated array of the names in a field of the table on top of the
 * stack, below that table. */
static const char *const *push_names(lua_State *L, const char *field)
{
	const char **names;
	size_t count;

	lua_getfield(L, -1, field);
	count = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
	names = lua_newuserdata(L, (count + 1) * sizeof *names);
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, -2, (int)i + 1);
		names[i] = lua_tostring(L, -1);
		lua_pop(L, 1);
	}
	names[count] = NULL;
	lua_remove(L, -2);
	lua_insert(L, -2);
	return names;
}

static void set_syscalls(const struct setter *setter)
{
	lua_State *L = setter->L;
	int top = lua_gettop(L);
	const char *const *deny, *const *allow;

	lua_getfield(L, SANDBOX, "syscalls");
	if (lua_istable(L, -1)) {
		deny = push_names(L, "deny");
		allow = push_names(L, "allow");
		nsh_command_set_sandbox_syscalls(setter->cmd, deny, allow);
	}
	lua_settop(L, top);
}

/* ---- the cgroup ------------------------------------------------------------------- */

static void set_cgroup(const struct setter *setter)
{
	lua_State *L = setter->L;
	int top = lua_gettop(L);

	lua_getfield(L, SANDBOX, "memory");
	if (lua_isnumber(L, -1))
		nsh_command_set_sandbox_memory(setter->cmd, (uint64_t)lua_tonumber(L, -1));
	lua_getfield(L, SANDBOX, "pids");
	if (lua_isnumber(L, -1))
		nsh_command_set_sandbox_pids(setter->cmd, (unsigned)lua_tonumber(L, -1));
	lua_getfield(L, SANDBOX, "cpu");
	if (lua_isnumber(L, -1))
		nsh_command_set_sandbox_cpu(setter->cmd, lua_tonumber(L, -1));
	lua_getfield(L, SANDBOX, "cgroup");
	if (lua_isstring(L, -1))
		nsh_command_set_sandbox_cgroup(setter->cmd, lua_tostring(L, -1));
	lua_settop(L, top);
}

/* ---- private parts ------------------------------------------------------------------ */

static void set_private(const struct setter *setter)
{
	lua_State *L = setter->L;
	int top = lua_gettop(L);
	struct nsh_sandbox_private private_;

	lua_getfield(L, SANDBOX, "private");
	if (lua_istable(L, -1)) {
		private_ = (struct nsh_sandbox_private){
			.tmp = nsh_lua_field_flag(L, top + 1, "tmp"),
			.pid = nsh_lua_field_flag(L, top + 1, "pid"),
			.network = nsh_lua_field_flag(L, top + 1, "network"),
		};
		lua_getfield(L, top + 1, "hide");
		private_.hide = push_paths(L, &private_.hide_count);
		nsh_command_set_sandbox_private(setter->cmd, &private_);
	}
	lua_settop(L, top);
}

/* ---- all of it -------------------------------------------------------------------- */

/* The field `require` is a mask. */
static int set_sandbox(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_sandbox", 1, 1);

	luaL_checktype(L, SANDBOX, LUA_TTABLE);
	nsh_command_set_sandbox(setter.cmd);
	set_paths(&setter);
	set_network(&setter);
	set_syscalls(&setter);
	set_cgroup(&setter);
	set_private(&setter);
	nsh_command_set_sandbox_require(setter.cmd,
					(unsigned)nsh_lua_field_int(L, SANDBOX, "require"));
	return nsh_lua_setter_end(&setter);
}

const luaL_Reg nsh_lua_sandbox_methods[] = {
	{ "_set_sandbox", set_sandbox },
	{ NULL, NULL }
};

/* core.sandbox_parts(): the names of the parts; part n has the bit n - 1 of the mask. */
int nsh_lua_sandbox_parts(lua_State *L)
{
	lua_newtable(L);
	for (int part = 0; part < NSH_PARTS; part++) {
		lua_pushstring(L, nsh_part_name((enum nsh_sandbox_part)part));
		lua_rawseti(L, -2, part + 1);
	}
	return 1;
}

static void push_group(lua_State *L, const struct nsh_sandbox_group *group)
{
	lua_newtable(L);
	nsh_lua_set_text(L, "name", group->name);
	nsh_lua_set_text(L, "description", group->description);
	for (int i = 0; group->calls[i]; i++) {
		lua_pushstring(L, group->calls[i]);
		lua_rawseti(L, -2, i + 1);
	}
}

/* core.sandbox_groups() */
int nsh_lua_sandbox_groups(lua_State *L)
{
	const struct nsh_sandbox_group *group;

	lua_newtable(L);
	for (int i = 0; (group = nsh_sandbox_group((size_t)i)); i++) {
		push_group(L, group);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

/* core.sandbox_has_call(name) */
int nsh_lua_sandbox_has_call(lua_State *L)
{
	lua_pushboolean(L, nsh_sandbox_has_call(luaL_checkstring(L, 1)));
	return 1;
}

enum { MOST_CALLS = 1024 };

/* core.sandbox_calls(): the names of the system calls that libseccomp knows. */
int nsh_lua_sandbox_calls(lua_State *L)
{
	int count = 0;

	lua_newtable(L);
	for (int number = 0; number < MOST_CALLS; number++) {
		struct box *box = nsh_lua_push_box(L);

		box->string = nsh_sandbox_call(number);
		if (!box->string) {
			lua_pop(L, 1);
			continue;
		}
		lua_pushstring(L, box->string);
		lua_rawseti(L, -3, ++count);
		lua_pop(L, 1);
	}
	return 1;
}
