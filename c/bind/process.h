/*
 * process.h: noshell.process, one running or finished child.  The userdata owns the
 * process.  If it is collected, the child runs on, unless the process is bound to a
 * caller.
 */
#ifndef NSH_LUA_PROCESS_H
#define NSH_LUA_PROCESS_H

#include <stdbool.h>

#include "../noshell.h"
#include "compat.h"

#define NSH_LUA_PROCESS "noshell.process"

struct process {
	struct nsh_process *process;  /* NULL: closed */
	int channel;                  /* the wake-up channel that owns it now; -1 */
	bool crlf;                    /* lines of its streams may end with CR LF */
	bool bound;                   /* collecting it ends the child */
	pid_t pid;                    /* this and `launch` stay after close */
	const char *launch;
};

/* Pushes a closed process, which the caller fills; no call that may raise an error
 * comes between the start and the filling. */
struct process *nsh_lua_push_process(lua_State *L);
/* Adds the process on top of the stack, which is not filled yet, to the list at index
 * `scope` (lua/noshell/scope.lua).  Does nothing if that is not a table. */
void nsh_lua_add_to_scope(lua_State *L, int scope);
/* Sets the fields that stay readable after close, of the process at `index`. */
void nsh_lua_process_started(lua_State *L, int index);
/* Takes back a process that a wake-up channel owns; closes the userdata if the
 * channel has ended the process. */
void nsh_lua_process_come_back(struct process *process);
/* Returns the process at index 1, which may be closed. */
struct process *nsh_lua_check_process(lua_State *L);
/* The same, but raises an error if it is closed. */
struct nsh_process *nsh_lua_check_open(lua_State *L);
/* The same for the process at `index`. */
struct nsh_process *nsh_lua_check_open_at(lua_State *L, int index);
/* Returns 0 if the process may be used here.  In a child of the host, pushes
 * nil and the failure, and returns 2. */
int nsh_lua_fail_foreign(lua_State *L, const struct nsh_process *process);
/* process_result.c: pushes a table about the sandbox: each part with its means, or false;
 * and `unenforced`, a table of reasons.  Pushes nil if there is no sandbox. */
void nsh_lua_push_sandbox(lua_State *L, const struct nsh_process *process);
/* The methods in process_*.c. */
extern const luaL_Reg nsh_lua_output_methods[], nsh_lua_result_methods[];
/* process_wait.c: core.pump and core.await. */
int nsh_lua_pump_all(lua_State *L);
int nsh_lua_await(lua_State *L);
void nsh_lua_open_process(lua_State *L);

#endif
