/* Setters of descriptors above 2. */
#include <limits.h>
#include <string.h>

#include "command.h"
#include "descriptor.h"

struct pass {
	struct fd_value source;
	int target;
	bool close_parent;
};

static bool get_source(const struct setter *setter, struct pass *pass)
{
	if (!nsh_lua_setter_works(setter))
		return false;
	if (nsh_lua_descriptor(setter->L, 2, &pass->source)) {
		pass->target = pass->source.fd;
		return true;
	}
	nsh_lua_reject(setter, nsh_lua_argument(1), "%s", pass->source.reason);
	return false;
}

static bool get_options(const struct setter *setter, struct pass *pass)
{
	static const char *const names[] = { "close_parent", "as", NULL };
	struct place options = nsh_lua_argument(2), as;

	if (lua_isnil(setter->L, options.index))
		return true;
	if (!nsh_lua_get_options(setter, options, names)
	    || !nsh_lua_get_flag(setter,
				 nsh_lua_push_option(setter, options, names[0]),
				 &pass->close_parent))
		return false;
	as = nsh_lua_push_option(setter, options, names[1]);
	return lua_isnil(setter->L, as.index)
		|| nsh_lua_get_int(setter, as, 0, INT_MAX, &pass->target);
}

/* Closes a descriptor passed with close_parent although the call has an
 * argument error, or had one before: the caller has given it away. */
static void close_given(const struct setter *setter)
{
	struct place flag = nsh_lua_push_option(setter, nsh_lua_argument(2),
						"close_parent");
	int64_t fd;

	if (lua_toboolean(setter->L, flag.index)
	    && nsh_lua_integer(setter->L, 2, &fd) && fd > 2 && fd <= INT_MAX)
		nsh_command_pass_fd(setter->cmd, (int)fd, (int)fd, true);
}

/* Moves the descriptor of a stream to the command. */
static void pass_stream(const struct setter *setter, const struct pass *pass)
{
	int fd = nsh_stream_take_fd(pass->source.stream);

	if (fd < 0)
		nsh_lua_reject(setter, nsh_lua_argument(1),
			       "is a stream with buffered data, which the child would not see");
	else
		nsh_command_pass_fd(setter->cmd, fd, pass->target, true);
}

/* Passes the descriptor of an object, which remains the owner.  Starting the command
 * checks the descriptor again and, with close_parent, closes the object. */
static void pass_object(const struct setter *setter, const struct pass *pass)
{
	lua_State *L = setter->L;

	lua_getuservalue(L, 1);
	lua_getfield(L, -1, "passed");
	if (lua_isnil(L, -1)) {
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setfield(L, -4, "passed");
	}
	lua_createtable(L, 3, 0);
	lua_pushvalue(L, 2);
	lua_rawseti(L, -2, 1);
	lua_pushinteger(L, pass->source.fd);
	lua_rawseti(L, -2, 2);
	lua_pushboolean(L, pass->close_parent);
	lua_rawseti(L, -2, 3);
	lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
	nsh_command_pass_fd(setter->cmd, pass->source.fd, pass->target, false);
}

static int pass_fd(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "pass_fd", 1, 2);
	struct pass pass = { .close_parent = false };

	if (!get_source(&setter, &pass) || !get_options(&setter, &pass))
		close_given(&setter);
	else if (lua_type(L, 2) == LUA_TNUMBER)
		nsh_command_pass_fd(setter.cmd, pass.source.fd, pass.target,
				    pass.close_parent);
	else if (pass.source.stream && pass.close_parent)
		pass_stream(&setter, &pass);
	else
		pass_object(&setter, &pass);
	return nsh_lua_setter_end(&setter);
}

/* Gets the direction on top of the stack, seen from this process. */
static bool get_direction(const struct setter *setter, int target, bool *ret_reads)
{
	const char *word = lua_type(setter->L, -1) == LUA_TSTRING
		? lua_tostring(setter->L, -1) : "";

	*ret_reads = strcmp(word, "read") == 0;
	if (*ret_reads || strcmp(word, "write") == 0)
		return true;
	nsh_lua_reject(setter, (struct place){ lua_gettop(setter->L), "descriptor", target },
		       "must be \"read\", if this process "
		       "reads what the program writes there, or \"write\"");
	return false;
}

/* command:_add_pipe(target, direction) */
static int add_pipe(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_pipes", 2, 2);
	bool reads;
	int target;

	if (nsh_lua_get_int(&setter, nsh_lua_argument(1), 0, INT_MAX, &target)
	    && get_direction(&setter, target, &reads))
		nsh_command_add_pipe(setter.cmd, target, reads);
	return nsh_lua_setter_end(&setter);
}

/* command:_clear_pipes() */
static int clear_pipes(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "set_pipes", 0, 0);

	nsh_command_clear_pipes(setter.cmd);
	return nsh_lua_setter_end(&setter);
}

/* Does not return the command, unlike the other setters. */
static int send_buffer(lua_State *L)
{
	struct setter setter = nsh_lua_setter_begin(L, "send_buffer", 1, 1);
	struct bytes data;
	int number = -1;

	if (nsh_lua_get_bytes(&setter, nsh_lua_argument(1), &data))
		number = nsh_command_send_buffer(setter.cmd, data.data, data.size);
	nsh_lua_setter_note(&setter);
	lua_pushinteger(L, number);
	return 1;
}

const luaL_Reg nsh_lua_descriptor_methods[] = {
	{ "_add_pipe", add_pipe },
	{ "_clear_pipes", clear_pipes },
	{ "pass_fd", pass_fd },
	{ "send_buffer", send_buffer },
	{ NULL, NULL }
};
