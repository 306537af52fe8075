/*
 * launch.h: from a plan to a running program, by one of the launch paths:
 *
 *   shared   memory and descriptor table shared until the child has its own
 *            table (TABLE_FETCH)
 *   prefix   the same; descriptors copied up to the highest one needed
 *   copied   memory shared, descriptor table copied
 *   own      nothing shared: where identity, capabilities or labels change,
 *            and for hooks, handshakes and daemons
 *
 * A path that the kernel, a sandbox or an emulator refuses gives way to the
 * next; the answer is remembered.  NOSHELL_LAUNCH=shared|prefix|copied|own in
 * the environment forces one.
 */
#ifndef NSH_LAUNCH_H
#define NSH_LAUNCH_H

#include <sys/types.h>

#include "plan.h"
#include "supervise.h"

struct launched {
	pid_t pid;
	int pidfd;
	int daemon_pidfd;       /* until the daemon takes its parent's place; or -1 */
	const char *path;       /* one of the words above */
	struct failure_record *record;  /* while a handshake is pending, else NULL */
	struct supervisor *supervisor;  /* the program's parent, or NULL: we are */
};

/* launch_thread.c: starts the child and returns when it executes its program or
 * waits in its handshake.  Returns 0, or -1 with the failure; no child is left
 * then.  *ret_launched is filled on success only: the caller closes pidfd, and
 * releases record and supervisor with nsh_launch_release. */
int nsh_launch(struct plan *plan, struct launched *ret_launched,
	       struct nsh_failure *failure);
/* The same in the calling thread, whatever becomes of the thread. */
int nsh_launch_here(struct plan *plan, struct launched *ret_launched,
		    struct nsh_failure *failure);
/* For a child in its handshake: what its record says when the sync socket is
 * at its end.  0: it executes its program.  -1 with the failure: it is dead,
 * and reaped. */
int nsh_launch_check(const struct plan *plan, struct launched *launched,
		       struct nsh_failure *failure);
void nsh_launch_release(struct launched *launched);
/* Replaces this process.  -1 with the failure; what can be undone is. */
int nsh_launch_in_place(struct plan *plan, struct nsh_failure *failure);
/* The name of the path that a plan takes that asks for nothing special. */
const char *nsh_launch_path(void);

/* launch_failure.c: what the record of a dead child says.  `signal` is what
 * killed it, or 0. */
int nsh_launch_fail(const struct plan *plan, const struct failure_record *record,
		    int signal, struct nsh_failure *failure);

#endif
