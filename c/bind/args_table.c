/* Table arguments: options and lists. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "args.h"

static bool is_named(lua_State *L, int index, const char *const *names)
{
	if (lua_type(L, index) != LUA_TSTRING)
		return false;
	for (; *names; names++)
		if (strcmp(lua_tostring(L, index), *names) == 0)
			return true;
	return false;
}

static bool get_table(const struct setter *setter, struct place place)
{
	if (!nsh_lua_setter_works(setter))
		return false;
	if (lua_istable(setter->L, place.index))
		return true;
	nsh_lua_reject(setter, place, "must be a table");
	return false;
}

static bool reject_key(const struct setter *setter, struct place place, int key)
{
	char text[NSH_LUA_VALUE_SIZE];

	nsh_lua_describe(setter->L, key, text);
	nsh_lua_reject(setter, place, "has an unknown key, %s", text);
	return false;
}

/* Writes the names with commas between them. */
static void list_names(const char *const *names, char text[NSH_LUA_VALUE_SIZE])
{
	size_t used = 0;

	text[0] = 0;
	for (; *names && used < NSH_LUA_VALUE_SIZE; names++)
		used += (size_t)snprintf(text + used, NSH_LUA_VALUE_SIZE - used, "%s%s",
					 used > 0 ? ", " : "", *names);
}

static bool reject_option(const struct setter *setter, struct place place, int key,
			  const char *const *names)
{
	char text[NSH_LUA_VALUE_SIZE], known[NSH_LUA_VALUE_SIZE];

	nsh_lua_describe(setter->L, key, text);
	list_names(names, known);
	nsh_lua_reject(setter, place, "has an unknown key, %s; there are: %s", text, known);
	return false;
}

bool nsh_lua_get_options(const struct setter *setter, struct place place,
			 const char *const *names)
{
	lua_State *L = setter->L;
	bool known = true;

	if (!get_table(setter, place))
		return false;
	lua_pushnil(L);
	while (known && lua_next(L, place.index)) {
		lua_pop(L, 1);
		known = is_named(L, lua_gettop(L), names)
			|| reject_option(setter, place, lua_gettop(L), names);
	}
	if (!known)
		lua_pop(L, 1);
	return known;
}

/* Returns the number of a list's keys; -1 after an argument error, if one is
 * not an integer of at least 1. */
static int count_items(const struct setter *setter, struct place place,
		       int64_t *ret_last)
{
	lua_State *L = setter->L;
	int count = 0;
	int64_t key;

	*ret_last = 0;
	lua_pushnil(L);
	while (lua_next(L, place.index)) {
		lua_pop(L, 1);
		if (!nsh_lua_integer(L, lua_gettop(L), &key) || key < 1
		    || count == INT_MAX - 1) {
			(void)reject_key(setter, place, lua_gettop(L));
			lua_pop(L, 1);
			return -1;
		}
		count++;
		if (key > *ret_last)
			*ret_last = key;
	}
	return count;
}

static void reject_hole(const struct setter *setter, struct place place)
{
	lua_State *L = setter->L;
	int number = 1;

	for (lua_rawgeti(L, place.index, 1); !lua_isnil(L, -1); number++) {
		lua_pop(L, 1);
		lua_rawgeti(L, place.index, number + 1);
	}
	nsh_lua_reject(setter, nsh_lua_item(L, number),
		       "is nil: the list has a hole");
	lua_pop(L, 1);
}

bool nsh_lua_get_list(const struct setter *setter, struct place place,
		      int *ret_length)
{
	int64_t last;
	int count;

	if (!get_table(setter, place))
		return false;
	count = count_items(setter, place, &last);
	if (count < 0)
		return false;
	if (count != last) {
		reject_hole(setter, place);
		return false;
	}
	*ret_length = count;
	return true;
}
