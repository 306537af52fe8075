/*
 * foreground.h: a program in the foreground of our terminal (set_foreground).  Its group
 * has the terminal while it runs.  When it ends or stops, this process takes the terminal
 * back, with the modes that it had before.
 *
 * A shell does the same for its jobs, and this process remains a job of its shell: if the
 * program stops, for example by Ctrl-Z, this process's group stops as well, so that the
 * shell takes over; when the shell continues it, the program gets the terminal again and
 * continues.  Only SIGCHLD reports that a child has stopped, and noshell has no signal
 * handlers.  So a wait checks the program at intervals.
 */
#ifndef NSH_FOREGROUND_H
#define NSH_FOREGROUND_H

#include "process.h"

/* Called before the launch.  Sets plan->takes_terminal if the command is to have the
 * terminal and this process is in its foreground now; otherwise the program only gets a
 * new group.  Returns 0, or -1 with the failure: memory is exhausted, or another
 * program of ours has the terminal, so that TTIN would stop this one when it reads. */
int nsh_foreground_prepare(struct nsh_process *process, struct plan *plan,
			   struct nsh_failure *failure);
/* Notes that the program has the terminal. */
void nsh_foreground_begin(struct nsh_process *process);
/* Takes the terminal back after the program has ended or did not start, and frees
 * everything.  Has no effect on the terminal after nsh_foreground_forget. */
void nsh_foreground_end(struct nsh_process *process);
/* Checks whether the program has stopped.  If so, stops our group, or continues the
 * program. */
void nsh_foreground_look(struct nsh_process *process);
/* Returns the time of the next check; negative: never. */
double nsh_foreground_due(const struct nsh_process *process);
/* Gives up the descriptor without closing it. */
void nsh_foreground_forget(struct nsh_process *process);

#endif
