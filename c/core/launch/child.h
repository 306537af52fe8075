/*
 * child.h: the child's side of a launch.
 */
#ifndef NSH_CHILD_H
#define NSH_CHILD_H

/* Runs the steps of a struct plan and executes the program.  Never returns:
 * where a step fails the record says why, and the process ends, with
 * TABLE_IN_PLACE the thread.  Safe where the caller shares its memory and its thread-local storage with another
 * process: raw system calls on prepared data only. */
int nsh_child_run(void *plan);

#endif
