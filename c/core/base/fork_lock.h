/*
 * fork_lock.h: a fork-safe lock around data of one process.  In a child of the
 * host, the data are a copy of the parent's, and the lock may be held by a
 * thread that does not exist there.  The first call of nsh_fork_lock in the
 * child reinitialises both.
 */
#ifndef NSH_FORK_LOCK_H
#define NSH_FORK_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

struct fork_lock {
	pthread_mutex_t mutex;
	_Atomic unsigned owner; /* nsh_fork_id() of the process; 0: not used yet */
};

#define NSH_FORK_LOCK_INIT { PTHREAD_MUTEX_INITIALIZER, 0 }

/* Returns getpid(2) without the system call: libc no longer caches it (glibc
 * 2.25). */
pid_t nsh_self(void);
/* Identifies this copy of the host: positive, and different from the id of
 * every process it was forked from, by fork(3) or a raw clone(2).  A pid does
 * not suffice: in a new pid namespace, parent and child can both be 1. */
unsigned nsh_fork_id(void);

/* The page with both ids; NULL until its first use, or if there is no such page. */
struct nsh_self {
	_Atomic pid_t pid;      /* 0: not determined yet; the same for fork_id */
	_Atomic unsigned fork_id;
};
extern _Atomic(struct nsh_self *) nsh_known_self;

/* True if nsh_fork_id returns this id in this process.  Inline, because reading a line
 * calls it. */
static inline bool nsh_is_fork_id(unsigned id)
{
	struct nsh_self *self = atomic_load(&nsh_known_self);

	return self ? atomic_load(&self->fork_id) == id : nsh_fork_id() == id;
}

/* Locks; calls start_over first if this is the first lock in this process.
 * start_over must not follow pointers or close descriptors: another thread may
 * have been changing the data at the fork, and the numbers may refer to files
 * that the host has opened since. */
void nsh_fork_lock(struct fork_lock *lock, void (*start_over)(void));
void nsh_fork_unlock(struct fork_lock *lock);

/* Starts a detached thread with all signals blocked, so that the host's signal
 * handlers run in the host's own threads.  Returns 0, or -1 with errno. */
int nsh_start_thread(void *(*run)(void *), void *argument);
/* The same, with a stack that is large enough for any code, such as a hook. */
int nsh_start_deep_thread(void *(*run)(void *), void *argument);

#endif
