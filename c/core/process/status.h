/*
 * status.h: how a child ended: from wait, or where somebody else waited
 * first, from the pidfd itself.
 */
#ifndef NSH_STATUS_H
#define NSH_STATUS_H

struct nsh_process;

/* Collects the status where the child has exited: sets exited and result. */
void nsh_status_collect(struct nsh_process *process);

#endif
