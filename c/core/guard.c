#include "guard.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "signals.h"

enum { BEING_TAKEN_OVER = -1 };

static void take_over(struct guard *guard, void (*start_over)(void))
{
	pid_t self = getpid(), owner = atomic_load(&guard->owner);

	while (owner != self) {
		if (owner == BEING_TAKEN_OVER) {
			(void)sched_yield();
			owner = atomic_load(&guard->owner);
		} else if (atomic_compare_exchange_strong(&guard->owner, &owner,
							  BEING_TAKEN_OVER)) {
			pthread_mutex_init(&guard->lock, NULL);
			start_over();
			atomic_store(&guard->owner, self);
			return;
		}
	}
}

void nsh_guard_lock(struct guard *guard, void (*start_over)(void))
{
	take_over(guard, start_over);
	pthread_mutex_lock(&guard->lock);
}

void nsh_guard_unlock(struct guard *guard)
{
	pthread_mutex_unlock(&guard->lock);
}

int nsh_guard_start_thread(void *(*run)(void *))
{
	pthread_attr_t attributes;
	pthread_t thread;
	uint64_t mask;
	int error;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, 256 * 1024);
	nsh_signals_block(&mask);
	error = pthread_create(&thread, &attributes, run, NULL);
	nsh_signals_restore(mask);
	(void)pthread_attr_destroy(&attributes);
	errno = error;
	return error ? -1 : 0;
}
