/*
 * guard.h: a fork-safe lock around what belongs to one process.  After a fork of
 * the host what it guards is the parent's, and a thread that does not exist here
 * may have held it: the first to lock it makes it new and starts over.
 */
#ifndef NSH_GUARD_H
#define NSH_GUARD_H

#include <pthread.h>
#include <sys/types.h>

struct guard {
	pthread_mutex_t lock;
	_Atomic unsigned owner; /* nsh_fork_id() of its process; 0: not used yet */
};

#define NSH_GUARD_INIT { PTHREAD_MUTEX_INITIALIZER, 0 }

/* getpid(2), which libc does not remember, without the system call. */
pid_t nsh_self(void);
/* Which copy of the host this is: positive, and different from that of every
 * process it was forked from, by fork(3) or a raw clone(2).  A pid does not tell
 * them apart: in a new pid namespace both can be 1. */
unsigned nsh_fork_id(void);

/* `start_over` runs before the first lock in each process.  It must follow no
 * pointer and close no descriptor: another thread may have been changing the
 * data at the fork, and the numbers may be the host's own files by now. */
void nsh_guard_lock(struct guard *guard, void (*start_over)(void));
void nsh_guard_unlock(struct guard *guard);

/* Starts a thread that nobody joins, with every signal blocked: the host's
 * handlers run in the host's threads.  0, or -1 with errno. */
int nsh_guard_start_thread(void *(*run)(void *), void *argument);
/* The same with a stack for any code, as a hook's. */
int nsh_guard_start_deep_thread(void *(*run)(void *), void *argument);

#endif
