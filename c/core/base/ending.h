/*
 * ending.h: counts the programs that helper threads are about to end.  exit(3) waits
 * for them, a second at most: the threads end with the host, and the programs would
 * run on.
 */
#ifndef NSH_ENDING_H
#define NSH_ENDING_H

void nsh_ending_begin(void);
/* If another thread goes on ending the program, it calls nsh_ending_begin first, so
 * that exit(3) does not find a count of 0 in between. */
void nsh_ending_over(void);

#endif
