#include "failure.h"

#include <string.h>

#include "args.h"
#include "value.h"

/* Empty fields are absent. */
static void set_text(lua_State *L, const char *field, const char *text)
{
	if (text && *text)
		nsh_lua_set_text(L, field, text);
}

static void set_errno(lua_State *L, int errnum)
{
	if (!errnum)
		return;
	nsh_lua_set_integer(L, "errno", errnum);
	set_text(L, "errname", nsh_errno_name(errnum));
	set_text(L, "message", strerror(errnum));
}

static void push(lua_State *L, const char *code, const char *stage, int errnum)
{
	lua_createtable(L, 0, 8);
	set_text(L, "code", code);
	set_text(L, "stage", stage);
	set_errno(L, errnum);
}

int nsh_lua_fail(lua_State *L, const struct nsh_failure *failure)
{
	lua_pushnil(L);
	push(L, nsh_code_name(failure->code), nsh_stage_name(failure->stage),
	     failure->errnum);
	set_text(L, "subject", failure->subject);
	set_text(L, "reason", failure->reason);
	if (failure->signal) {
		nsh_lua_set_integer(L, "signal_number", failure->signal);
		set_text(L, "signal", nsh_signal_name(failure->signal));
	}
	return 2;
}

int nsh_lua_fail_errno(lua_State *L, const char *what, int errnum)
{
	lua_pushnil(L);
	push(L, nsh_code_name(NSH_IO), what, errnum);
	return 2;
}

static void set_where(lua_State *L, const char *where)
{
	bool hidden = where && *where == NSH_LUA_HIDDEN;

	set_text(L, "where", hidden ? where + 1 : where);
	if (hidden)
		nsh_lua_set_flag(L, "tail_call", true);
}

void nsh_lua_push_argument_error(lua_State *L, const struct nsh_argument_error *error)
{
	push(L, nsh_code_name(NSH_INVALID), NULL, error->errnum);
	set_text(L, "method", error->method);
	set_text(L, "value", error->value);
	set_text(L, "reason", error->reason);
	set_where(L, error->where);
	set_text(L, "key", error->key);
}
