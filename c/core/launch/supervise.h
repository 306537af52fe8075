/*
 * supervise.h: the supervisor, for kernels before 6.15 in hosts that may reap
 * our children: a process that is the program's parent in our place, and that
 * the host's waitpid(-1) cannot see.
 *
 * It is cloned with exit signal 0 and never executes anything, which is what
 * hides it; it shares our memory, so that starting it costs no copy.  It
 * starts the program, lets go of every descriptor, waits, writes the status
 * where we read it, and exits; its pidfd is what we wait for.
 * Limit: as long as the program runs it keeps the host's memory alive, also
 * when the host has exited.
 */
#ifndef NSH_SUPERVISE_H
#define NSH_SUPERVISE_H

#include <signal.h>
#include <sys/resource.h>

#include "plan.h"

/* How a supervisor gets rid of the host's descriptors. */
enum table_cut {
	CUT_RANGE,      /* close_range(2) cuts off the shared table */
	CUT_UNSHARE,    /* unshare(2) copies the shared table, which is emptied */
	CUT_COPY,       /* neither is permitted: clone(2) copies the table */
};

struct supervisor {
	/* for the supervisor; read only until it has published the child */
	struct plan *plan;
	long clone_flags;
	void *child_stack;
	pid_t parent;           /* the host */
	enum table_cut cut;
	bool no_close_range;    /* it is missing or refused */
	int send_pidfd;         /* CUT_COPY: where the child's pidfd is sent */

	/* from it */
	volatile int published; /* futex: the child is there, or is not */
	volatile int pid;       /* the child's, or minus an errno */
	int child_pidfd;        /* opened in its table */
	volatile int done;      /* status and usage are there */
	siginfo_t status;
	struct rusage usage;

	/* ours */
	pid_t own_pid;
	int pidfd;              /* the supervisor's own */
};

/* Whether a status could be lost here: the kernel does not keep it, and
 * somebody else may wait for our children. */
bool nsh_supervise_is_needed(void);
/* Starts the child through a supervisor.  Returns the child's pid and sets
 * *ret_supervisor and *ret_pidfd, or minus an errno. */
int nsh_supervise_start(struct plan *plan, long clone_flags, void *child_stack,
			struct supervisor **ret_supervisor, int *ret_pidfd);
/* 1: *supervisor has the status.  0: not yet.  -1: it was killed. */
int nsh_supervise_collect(struct supervisor *supervisor);
/* Waits until that is not 0. */
int nsh_supervise_wait(struct supervisor *supervisor);
/* Where the supervisor has gone, frees what it used; else its memory stays
 * with it. */
void nsh_supervise_free(struct supervisor **supervisor);

/* child_supervisor.c, in the child's world. */
int nsh_supervise_run(void *supervisor);

#endif
