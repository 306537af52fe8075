/*
 * guard.h: a lock around what belongs to one process.  After a fork of the host
 * what it guards is the parent's, and a thread that is not here may have held
 * it: then whoever locks it first makes it new and starts over.
 */
#ifndef NSH_GUARD_H
#define NSH_GUARD_H

#include <pthread.h>
#include <sys/types.h>

struct guard {
	pthread_mutex_t lock;
	_Atomic pid_t owner;    /* 0: nobody's yet */
};

#define NSH_GUARD_INIT { PTHREAD_MUTEX_INITIALIZER, 0 }

/* getpid(2), which libc does not remember, without the system call. */
pid_t nsh_self(void);

/* `start_over` runs before the first lock in each process. */
void nsh_guard_lock(struct guard *guard, void (*start_over)(void));
void nsh_guard_unlock(struct guard *guard);

/* Starts a thread that nobody joins, with every signal blocked: the host's
 * handlers run in the host's threads.  0, or -1 with errno. */
int nsh_guard_start_thread(void *(*run)(void *), void *argument);

#endif
