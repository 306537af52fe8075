/*
 * keeper.h: the keeper, a helper thread that serves processes outside of the
 * host's calls.  It is started for the first such process and ends soon after the
 * last one has gone.
 *
 * An orphan belongs to the keeper, which discards its output, continues its input,
 * enforces its deadline and reaps it.  A lent process has a deadline and an owner
 * that is not inside a call; the keeper only ends it when the deadline passes.
 *
 * Each process is used by one thread at a time.  The owner takes a lent process
 * back before it uses it.  The keeper marks the process that it works on as busy,
 * so it need not hold the lock meanwhile.
 */
#ifndef NSH_KEEPER_H
#define NSH_KEEPER_H

#include <stdbool.h>

struct nsh_process;

/* Makes a process that is neither reaped nor lent an orphan. */
void nsh_keeper_adopt(struct nsh_process *take_process);
/* Makes a running process an orphan, and ends it.  False if no thread can be
 * started; then it is still the caller's. */
bool nsh_keeper_end(struct nsh_process *process);
/* Lends a process, if it has a deadline.
 * Limit: if no thread can be started, the deadline is enforced only while the
 * owner pumps. */
void nsh_keeper_lend(struct nsh_process *process);
/* Takes a lent process back; waits while the keeper is ending it. */
void nsh_keeper_take_back(struct nsh_process *process);

#endif
