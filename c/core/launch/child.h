/*
 * child.h: the child's side of a launch.
 */
#ifndef NSH_CHILD_H
#define NSH_CHILD_H

/* Runs the steps of a struct plan and executes the program.  Never returns: if a
 * step fails, the failure record has the reason, and the process ends, or with
 * TABLE_IN_PLACE the thread.  Safe if the caller shares its memory and thread-local
 * storage with another process: raw system calls on prepared data only. */
int nsh_child_run(void *plan);

#endif
