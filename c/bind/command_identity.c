/* Setters of identity, capabilities and labels. */
#include <limits.h>

#include "command.h"

enum { MAX_GROUPS = 65536 };  /* the kernel's NGROUPS_MAX */

/* 2^32 - 1 is not an id: it means "keep" to the kernel (setresuid(2)). */
static bool get_id(const struct setter *setter, struct place place,
		   unsigned *ret_id)
{
	int64_t id;

	if (!nsh_lua_get_integer(setter, place, 0, (int64_t)UINT_MAX - 1, &id))
		return false;
	*ret_id = (unsigned)id;
	return true;
}

/* Sets an id, given as a number or as the name of an account. */
static int set_id(lua_State *L, const char *method,
		  void (*set_number)(struct nsh_command *cmd, unsigned id),
		  void (*set_name)(struct nsh_command *cmd, const char *name))
{
	struct setter setter = nsh_lua_setter_begin(L, method, 1, 1);
	const char *name;
	unsigned id;

	if (lua_type(L, 2) != LUA_TSTRING) {
		if (get_id(&setter, nsh_lua_argument(1), &id))
			set_number(setter.cmd, id);
	} else if (nsh_lua_get_text(&setter, nsh_lua_argument(1), &name)) {
		set_name(setter.cmd, name);
	}
	return nsh_lua_setter_end(&setter);
}

static int set_uid(lua_State *L)
{
	return set_id(L, "set_uid", nsh_command_set_uid, nsh_command_set_uid_name);
}

static int set_gid(lua_State *L)
{
	return set_id(L, "set_gid", nsh_command_set_gid, nsh_command_set_gid_name);
}

/* Gets a group by its number or name. */
static bool get_group(const struct setter *setter, struct place place, gid_t *ret_group)
{
	const char *name;

	if (lua_type(setter->L, place.index) != LUA_TSTRING)
		return get_id(setter, place, ret_group);
	if (!nsh_lua_get_text(setter, place, &name))
		return false;
	if (nsh_group_id(name, ret_group))
		return true;
	nsh_lua_reject(setter, place, "is no group here");
	return false;
}

/* The array is a userdata, so that it is freed even if reading the list raises
 * an error. */
static void set_group_list(const struct setter *setter, struct place list,
			   int length)
{
	lua_State *L = setter->L;
	gid_t *groups = lua_newuserdata(L, ((size_t)length + 1) * sizeof *groups);
	bool right = true;

	for (int i = 0; right && i < length; i++) {
		lua_rawgeti(L, list.index, i + 1);
		right = get_group(setter, nsh_lua_item(L, i + 1), &groups[i]);
		lua_pop(L, 1);
	}
	if (right)
		nsh_command_set_groups(setter->cmd, groups, (size_t)length);
}

static int set_groups(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_groups", 1, 1);
	struct place list = nsh_lua_argument(1);
	int length;

	if (!nsh_lua_get_list(&setter, list, &length))
		return nsh_lua_setter_end(&setter);
	if (length > MAX_GROUPS)
		nsh_lua_reject(&setter, list, "has more than %d groups", MAX_GROUPS);
	else
		set_group_list(&setter, list, length);
	return nsh_lua_setter_end(&setter);
}

static void allow_one_cap(const struct setter *setter, struct place place)
{
	const char *name;
	int number;

	if (lua_type(setter->L, place.index) == LUA_TNUMBER) {
		if (nsh_lua_get_int(setter, place, 0, 63, &number))
			nsh_command_allow_cap_number(setter->cmd, number);
	} else if (nsh_lua_get_text(setter, place, &name)) {
		nsh_command_allow_cap(setter->cmd, name);
	}
}

static int allow_cap(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "allow_cap", 1, -1);

	for (int i = 1; i <= setter.count; i++)
		allow_one_cap(&setter, nsh_lua_argument(i));
	return nsh_lua_setter_end(&setter);
}

/* ---- labels ------------------------------------------------------------ */

typedef void set_label(struct nsh_command *cmd, const char *label,
		       bool if_enabled);

static int label(lua_State *L, const char *method, set_label *set)
{
	static const char *const names[] = { "if_enabled", NULL };
	struct setter setter = nsh_lua_setter_begin(L, method, 1, 2);
	struct place options = nsh_lua_argument(2);
	bool if_enabled = false;
	const char *text;

	if (nsh_lua_get_text(&setter, nsh_lua_argument(1), &text)
	    && (lua_isnil(L, options.index)
		|| nsh_lua_get_options(&setter, options, names))
	    && nsh_lua_get_flag(&setter,
				nsh_lua_push_option(&setter, options, names[0]),
				&if_enabled))
		set(setter.cmd, text, if_enabled);
	return nsh_lua_setter_end(&setter);
}

static int set_selinux_label(lua_State *L)
{
	return label(L, "set_selinux_label", nsh_command_set_selinux_label);
}

static int set_apparmor_profile(lua_State *L)
{
	return label(L, "set_apparmor_profile", nsh_command_set_apparmor_profile);
}

const luaL_Reg nsh_lua_identity_methods[] = {
	{ "allow_cap", allow_cap },
	{ "set_apparmor_profile", set_apparmor_profile },
	{ "set_gid", set_gid },
	{ "set_groups", set_groups },
	{ "set_selinux_label", set_selinux_label },
	{ "set_uid", set_uid },
	{ NULL, NULL }
};
