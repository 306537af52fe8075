#include "pollset.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "failure.h"
#include "process.h"
#include "value.h"
#include "wake.h"

static const char POLLSET[] = "noshell.pollset";

struct pollset {
	struct nsh_pollset *set;  /* NULL: closed */
	int channel;              /* the wake-up channel that owns it now; -1 */
};

int nsh_lua_new_pollset(lua_State *L)
{
	struct pollset *pollset = lua_newuserdata(L, sizeof *pollset);

	*pollset = (struct pollset){ NULL, -1 };
	luaL_getmetatable(L, POLLSET);
	lua_setmetatable(L, -2);
	pollset->set = nsh_pollset_new();
	return pollset->set ? 1 : nsh_lua_fail_errno(L, "pollset", errno);
}

static struct pollset *check_any(lua_State *L)
{
	struct pollset *pollset = luaL_checkudata(L, 1, POLLSET);

	pollset->set = nsh_lua_take_back(pollset->set, &pollset->channel);
	return pollset;
}

static void free_set(void *set)
{
	nsh_pollset_free(set);
}

/* pollset:_entrust(channel): true if the channel now owns it. */
static int entrust(lua_State *L)
{
	struct pollset *pollset = check_any(L);
	int channel = (int)luaL_checkinteger(L, 2);
	bool is_held = pollset->set
		&& nsh_wake_entrust(channel, pollset->set, free_set) == 0;

	if (is_held)
		pollset->channel = channel;
	lua_pushboolean(L, is_held);
	return 1;
}

static struct nsh_pollset *check(lua_State *L)
{
	struct nsh_pollset *set = check_any(L)->set;

	if (!set)
		luaL_error(L, "the pollset is closed");
	return set;
}

static short events_of(const char *text)
{
	return (short)((strchr(text, 'r') ? NSH_READABLE : 0)
		       | (strchr(text, 'w') ? NSH_WRITABLE : 0));
}

/* A list { item, events, item, events, ... }, whose items are descriptors and
 * processes. */
struct watch_list {
	struct nsh_watch *watches;
	size_t count;
	struct nsh_process **processes;
	size_t process_count;
};

static void add_descriptor(lua_State *L, struct watch_list *list, int at)
{
	const char *events = lua_tostring(L, -1);
	int64_t fd = -1;

	if (!nsh_lua_integer(L, -2, &fd) || fd < 0 || fd > INT_MAX)
		luaL_error(L, "item %d is not a descriptor", at);
	if (!events)
		luaL_error(L, "item %d is not \"r\", \"w\" or \"rw\"", at + 1);
	list->watches[list->count++] = (struct nsh_watch){ (int)fd, events_of(events) };
}

/* Reads the list at argument `index`.  Its memory is userdata, which are pushed. */
static struct watch_list check_list(lua_State *L, int index)
{
	struct watch_list list = { NULL, 0, NULL, 0 };
	size_t room;

	luaL_checktype(L, index, LUA_TTABLE);
	room = lua_rawlen(L, index) / 2;
	list.watches = lua_newuserdata(L, (room + 1) * sizeof *list.watches);
	list.processes = lua_newuserdata(L, (room + 1) * sizeof *list.processes);
	for (int at = 1; at <= (int)(2 * room); at += 2) {
		lua_rawgeti(L, index, at);
		lua_rawgeti(L, index, at + 1);
		if (nsh_lua_test(L, -2, NSH_LUA_PROCESS))
			list.processes[list.process_count++]
				= nsh_lua_check_open_at(L, lua_gettop(L) - 1);
		else
			add_descriptor(L, &list, at);
		lua_pop(L, 2);
	}
	return list;
}

/* ---- polling ----------------------------------------------------------- */

int nsh_lua_push_poll(lua_State *L, int ret)
{
	/* Returns to Lua, so that a hook which the signal's handler has set can
	 * run: that is how lua.c raises "interrupted!". */
	if (ret < 0 && errno == EINTR)
		ret = 0;
	if (ret < 0)
		return nsh_lua_fail_errno(L, "poll", errno);
	lua_pushboolean(L, ret);
	return 1;
}

/* core.poll(fd, events[, seconds[, other]]) */
int nsh_lua_poll(lua_State *L)
{
	struct nsh_watch watch = {
		(int)luaL_checkinteger(L, 1), events_of(luaL_checkstring(L, 2)),
	};
	lua_Number seconds = luaL_optnumber(L, 3, -1);
	int other = (int)luaL_optinteger(L, 4, -1);

	return nsh_lua_push_poll(L, nsh_poll_several(&watch, 1, other, seconds));
}

/* core.poll_several(list[, seconds[, other]]) */
int nsh_lua_poll_several(lua_State *L)
{
	lua_Number seconds = luaL_optnumber(L, 2, -1);
	int other = (int)luaL_optinteger(L, 3, -1);
	struct watch_list list = check_list(L, 1);

	return nsh_lua_push_poll(L, nsh_processes_poll(list.processes, list.process_count,
						       list.watches, list.count, other,
						       seconds));
}

/* ---- the set ----------------------------------------------------------- */


/* pollset:watch(list) */
static int watch(lua_State *L)
{
	struct nsh_pollset *set = check(L);
	struct watch_list list = check_list(L, 2);

	/* A process without a descriptor has a timeout. */
	for (size_t i = 0; i < list.process_count; i++)
		list.watches[list.count++] = (struct nsh_watch){
			nsh_process_pollfd(list.processes[i]), NSH_READABLE };
	if (nsh_pollset_watch(set, list.watches, list.count) < 0)
		return nsh_lua_fail_errno(L, "watch", errno);
	lua_pushboolean(L, 1);
	return 1;
}

/* pollset:add(fd, events), pollset:remove(fd) */
static int add(lua_State *L)
{
	struct nsh_pollset *set = check(L);
	int fd = (int)luaL_checkinteger(L, 2);
	short events = events_of(luaL_checkstring(L, 3));

	if (nsh_pollset_add(set, fd, events) < 0)
		return nsh_lua_fail_errno(L, "add", errno);
	lua_pushboolean(L, 1);
	return 1;
}

static int remove_fd(lua_State *L)
{
	struct nsh_pollset *set = check(L);

	nsh_pollset_remove(set, (int)luaL_checkinteger(L, 2));
	return 0;
}

/* pollset:ready(): a list of the descriptors that are ready, 64 at most. */
static int ready(lua_State *L)
{
	struct nsh_pollset *set = check(L);
	int fds[64];
	size_t count = nsh_pollset_ready(set, fds, 64);

	lua_createtable(L, (int)count, 0);
	for (size_t i = 0; i < count; i++) {
		lua_pushinteger(L, fds[i]);
		lua_rawseti(L, -2, (int)i + 1);
	}
	return 1;
}

static int is_ours(lua_State *L)
{
	lua_pushboolean(L, nsh_pollset_is_ours(check(L)));
	return 1;
}

static int pollfd(lua_State *L)
{
	int fd = nsh_pollset_fd(check(L));

	/* After a fork of the host. */
	if (fd < 0)
		return nsh_lua_fail_errno(L, "pollset", EBADF);
	lua_pushinteger(L, fd);
	return 1;
}

static int events(lua_State *L)
{
	(void)check(L);
	lua_pushliteral(L, "r");
	return 1;
}

/* pollset:timeout(): nil, because descriptors have no timeout. */
static int timeout(lua_State *L)
{
	(void)check(L);
	lua_pushnil(L);
	return 1;
}

static int close_pollset(lua_State *L)
{
	struct pollset *pollset = check_any(L);

	nsh_pollset_free(pollset->set);
	pollset->set = NULL;
	return 0;
}

static int is_closed(lua_State *L)
{
	lua_pushboolean(L, !check_any(L)->set);
	return 1;
}

static int to_text(lua_State *L)
{
	const struct pollset *pollset = check_any(L);

	if (!pollset->set)
		lua_pushliteral(L, "noshell.pollset (closed)");
	else
		lua_pushfstring(L, "noshell.pollset (%d)",
				nsh_pollset_fd(pollset->set));
	return 1;
}

static const luaL_Reg methods[] = {
	{ "_entrust", entrust },
	{ "add", add },
	{ "close", close_pollset },
	{ "closed", is_closed },
	{ "events", events },
	{ "is_ours", is_ours },
	{ "pollfd", pollfd },
	{ "ready", ready },
	{ "remove", remove_fd },
	{ "timeout", timeout },
	{ "watch", watch },
	{ NULL, NULL }
};

static const luaL_Reg metamethods[] = {
	{ "__close", close_pollset },
	{ "__gc", close_pollset },
	{ "__tostring", to_text },
	{ NULL, NULL }
};

void nsh_lua_open_pollset(lua_State *L)
{
	nsh_lua_new_type(L, POLLSET, metamethods, methods, "__index");
	lua_pop(L, 1);
}
