/*
 * keeper.h: processes that the host does not look after, and the thread that
 * does: the keeper.  It is started when the first process comes and ends soon
 * after the last has gone.
 *
 * An orphan belongs to the keeper: its output is read and thrown away, its input
 * goes on, its deadline holds, and it is reaped.  A lent process is one with a
 * deadline whose owner is not inside a call: the keeper does no more than end it
 * when its deadline has passed.
 *
 * Each process is used by one thread at a time.  The owner takes a lent one back
 * before it touches it, and the keeper marks the one that it works on as busy,
 * so that no lock is held meanwhile.
 */
#ifndef NSH_KEEPER_H
#define NSH_KEEPER_H

#include <stdbool.h>

struct nsh_process;

/* Takes over a process that has not been reaped.  It is not lent. */
void nsh_keeper_adopt(struct nsh_process *take_process);
/* Takes over a process that runs, and ends it.  False: no thread can be started, and
 * it is still the caller's. */
bool nsh_keeper_end(struct nsh_process *process);
/* Lends a process, where it has a deadline to keep.  Limit: where no thread can
 * be started, the deadline holds only if its owner pumps. */
void nsh_keeper_lend(struct nsh_process *process);
/* Takes it back; waits while the keeper is ending it. */
void nsh_keeper_take_back(struct nsh_process *process);

#endif
