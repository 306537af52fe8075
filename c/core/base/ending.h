/*
 * ending.h: counts the programs that helper threads are about to end.  exit(3) waits
 * for them, a second at most: the threads end with the host, and the programs would
 * run on.
 */
#ifndef NSH_ENDING_H
#define NSH_ENDING_H

void nsh_ending_begin(void);
/* A thread that ends the program begins another ending before this one is over. */
void nsh_ending_over(void);

#endif
