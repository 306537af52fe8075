/*
 * orphans.h: processes that nobody holds any more and that still run.  They
 * are neither killed nor left as zombies: their output is read and thrown
 * away, their input goes on, and each is reaped once it has ended.
 */
#ifndef NSH_FORGOTTEN_H
#define NSH_FORGOTTEN_H

struct nsh_process;

/* Takes the process over. */
void nsh_forgotten_add(struct nsh_process *take_process);

#endif
