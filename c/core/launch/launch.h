/*
 * launch.h: from a plan to a running program, by one of the launch paths:
 *
 *   shared   memory and descriptor table shared until the child has its own
 *            table (TABLE_FETCH)
 *   prefix   the same; descriptors copied up to the highest one needed
 *   copied   memory shared, descriptor table copied
 *   launcher the child executes a launcher, which shares nothing (launcher.h):
 *            if identity, capabilities or labels change, and for daemons
 *   own      nothing shared, memory copied: for hooks, handshakes and FIFOs, and
 *            in place of the launcher
 *
 * If the kernel, a sandbox or an emulator refuses a path, the next one is tried
 * and the refusal is remembered.  NOSHELL_LAUNCH=shared|prefix|copied|launcher|own
 * in the environment forces a path.
 */
#ifndef NSH_LAUNCH_H
#define NSH_LAUNCH_H

#include <sys/types.h>

#include "plan.h"
#include "supervise.h"

struct launched {
	pid_t pid;
	int pidfd;
	int daemon_pidfd;       /* the program's, while `pid` is its parent, as of a daemon; -1 */
	int init_pidfd;         /* of process 1 of a new pid namespace, our child; or -1 */
	const char *path;       /* the name of the launch path */
	struct failure_record *record;  /* while a handshake is pending, else NULL */
	struct supervisor *supervisor;  /* the program's parent; NULL: this process */
};

/* launch_thread.c: starts the child and returns when it executes its program or
 * waits in its handshake.  Returns 0, or -1 with the failure after reaping the
 * child.  *ret_launched is filled on success only; the caller frees it with
 * nsh_launch_release(). */
int nsh_launch(struct plan *plan, struct launched *ret_launched,
	       struct nsh_failure *failure);
/* The same, always in the calling thread.  The child may get its parent-death
 * signal when that thread ends. */
int nsh_launch_here(struct plan *plan, struct launched *ret_launched,
		    struct nsh_failure *failure);
/* Evaluates the record of a child that was in its handshake, once the sync socket
 * is at its end.  Returns 0 if the child executes its program, or -1 with the failure
 * after reaping it. */
int nsh_launch_check(const struct plan *plan, struct launched *launched,
		       struct nsh_failure *failure);
void nsh_launch_release(struct launched *launched);
/* Replaces this process (exec in place).  Returns only on failure: -1, after
 * undoing what can be undone. */
int nsh_launch_in_place(struct plan *plan, struct nsh_failure *failure);

/* launch_failure.c: turns the record of a dead child into a failure.  `signal`
 * is the signal that killed it, or 0.  Returns -1. */
int nsh_launch_fail(const struct plan *plan, const struct failure_record *record,
		    int signal, struct nsh_failure *failure);
/* Returns a text about the kernel setting that forbids user namespaces, or NULL. */
const char *nsh_user_space_lack(void);
/* Returns the name of the path that the last attempt took. */
const char *nsh_launch_path(const struct plan *plan);

#endif
