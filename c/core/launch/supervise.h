/*
 * supervise.h: the supervisor, a helper process that is the program's parent in
 * our place.  The host's waitpid(-1) does not see it, so no other code can reap
 * the program.  Used on kernels before 6.15 if the host may reap our children.
 *
 * It is cloned with exit signal 0 and never executes a program; waitpid(-1)
 * without __WALL or __WCLONE ignores such a child.  It shares our memory, so
 * starting it copies nothing.  It starts the program, closes every descriptor,
 * waits, writes the status into the shared struct and exits; we wait for its
 * pidfd.
 * Limit: while the program runs, the supervisor keeps the host's memory alive,
 * even after the host has exited.
 */
#ifndef NSH_SUPERVISE_H
#define NSH_SUPERVISE_H

#include <signal.h>
#include <sys/resource.h>

#include "plan.h"

/* Ways to drop the host's descriptors. */
enum table_cut {
	CUT_RANGE,      /* close_range(2) cuts off the shared table */
	CUT_UNSHARE,    /* unshare(2) copies the shared table, which is emptied */
	CUT_COPY,       /* neither is permitted: clone(2) copies the table */
};

struct supervisor {
	/* set by us; the supervisor reads them until it has published the child */
	struct plan *plan;
	uint64_t clone_flags;
	void *child_stack;
	pid_t parent;           /* the host */
	enum table_cut cut;
	bool no_close_range;    /* it is missing or refused */
	int send_pidfd;         /* CUT_COPY: where the child's pidfd is sent */

	/* set by the supervisor */
	volatile int published; /* futex: `pid` is set */
	volatile int pid;       /* the child's, or minus an errno */
	int child_pidfd;        /* opened in its table */
	volatile int done;      /* status and usage are set */
	siginfo_t status;
	struct rusage usage;

	/* ours */
	pid_t own_pid;
	int pidfd;              /* the supervisor's own */
};

/* True if a status could be lost: the kernel does not keep it (kernel.h), and
 * other code in the host may wait for our children. */
bool nsh_supervise_is_needed(void);
/* Starts the child through a supervisor.  Returns the child's pid and sets
 * *ret_supervisor and *ret_pidfd, or returns minus an errno. */
int nsh_supervise_start(struct plan *plan, uint64_t clone_flags, void *child_stack,
			struct supervisor **ret_supervisor, int *ret_pidfd);
/* Returns 1 if *supervisor has the status, 0 if not yet, -1 if the supervisor was
 * killed. */
int nsh_supervise_collect(struct supervisor *supervisor);
/* The same, but waits until the result is not 0. */
int nsh_supervise_wait(struct supervisor *supervisor);
/* Frees the supervisor's memory if it has ended.  If it is still running, the
 * memory is left to it. */
void nsh_supervise_free(struct supervisor **supervisor);

/* child.c: runs the steps of a struct plan and executes the program.  Never returns: if a
 * step fails, the failure record has the reason, and the process ends, or with
 * TABLE_IN_PLACE the thread.  Safe if the caller shares its memory and thread-local
 * storage with another process: raw system calls on prepared data only. */
int nsh_child_run(void *plan);
/* child_launcher.c: the same in the launcher, on its copy of the plan. */
void nsh_launcher_run(struct plan *plan);
/* child_supervisor.c: the supervisor's main function. */
int nsh_supervise_run(void *supervisor);

#endif
