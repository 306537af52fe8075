#include "guard.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "filter.h"
#include "signals.h"

/* ---- who we are -------------------------------------------------------- */

static const size_t known_size = sizeof(_Atomic pid_t);
static _Atomic(_Atomic pid_t *) known;
static atomic_bool cannot_know;

/* qemu-user says yes to any advice, and does nothing.  A filter may kill the
 * caller, and cannot be asked in a child before we know who we are. */
static bool is_wiped(void *page)
{
	return nsh_filters() == 0
		&& madvise(page, known_size, MADV_WIPEONFORK) == 0
		&& madvise(page, known_size, -1) < 0;
}

static _Atomic pid_t *make_known(void)
{
	_Atomic pid_t *other = NULL;
	void *page = mmap(NULL, known_size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (!is_wiped(page))
		atomic_store(&cannot_know, true);
	else if (atomic_compare_exchange_strong(&known, &other, page))
		return page;
	(void)munmap(page, known_size);
	return other;
}

/* The kernel wipes the page in whatever a fork of any kind makes: there it is
 * not known yet. */
pid_t nsh_self(void)
{
	_Atomic pid_t *page = atomic_load(&known);
	pid_t self;

	if (!page && !atomic_load(&cannot_know))
		page = make_known();
	if (!page)
		return getpid();
	self = atomic_load(page);
	if (self == 0) {
		self = getpid();
		atomic_store(page, self);
	}
	return self;
}

/* ---- the lock ---------------------------------------------------------- */

enum { BEING_TAKEN_OVER = -1 };

static void take_over(struct guard *guard, void (*start_over)(void))
{
	pid_t self = nsh_self(), owner = atomic_load(&guard->owner);

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

/* ---- threads ----------------------------------------------------------- */

int nsh_guard_start_thread(void *(*run)(void *), void *argument)
{
	pthread_attr_t attributes;
	pthread_t thread;
	uint64_t mask;
	int error;

	if (nsh_signals_block(&mask) < 0)
		return -1;
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, 256 * 1024);
	error = pthread_create(&thread, &attributes, run, argument);
	(void)pthread_attr_destroy(&attributes);
	nsh_signals_restore(mask);
	errno = error;
	return error ? -1 : 0;
}
