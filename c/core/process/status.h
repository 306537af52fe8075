/*
 * status.h: how a child ended: from wait, or where somebody else waited
 * first, from the pidfd itself.
 */
#ifndef NSH_STATUS_H
#define NSH_STATUS_H

#include <stdbool.h>

struct nsh_process;

/* Collects the status where the child has exited: sets exited and result. */
void nsh_status_collect(struct nsh_process *process);
/* Whether this kernel tells the status to the holder of a pidfd also when
 * somebody else has reaped the process (Linux 6.15).  Asked of the kernel by a
 * child once; `share_table`: it need not have a table of its own. */
bool nsh_status_survives(bool share_table);

#endif
