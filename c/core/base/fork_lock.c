#include "fork_lock.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"
#include "signals.h"
#include "sys.h"

/* ---- the identity of the process ---------------------------------------- */

/* Lies on a page that the kernel zeroes in the child of every kind of fork
 * (MADV_WIPEONFORK, Linux 4.14).  An atfork handler would miss a raw
 * clone(2). */
_Atomic(struct nsh_self *) nsh_known_self;
static atomic_bool cannot_know;
/* A fork copies it, so the id of a child is greater than those of its
 * ancestors. */
static atomic_uint last_fork_id;

struct advice {
	void *page;
	volatile long wipe, invalid;    /* the answers */
};

/* Requests the wiping.  qemu-user accepts any advice and ignores it, so an
 * invalid one must fail. */
static void advise(struct advice *advice)
{
	advice->wipe = nsh_sys(SYS_madvise, (long)advice->page, sizeof(struct nsh_self),
			       MADV_WIPEONFORK, 0, 0);
	advice->invalid = nsh_sys(SYS_madvise, (long)advice->page,
				  sizeof(struct nsh_self), -1, 0, 0);
}

static int advise_and_exit(void *advice)
{
	advise(advice);
	nsh_sys_exit(0);
	return 0;
}

/* Makes the calls in a child that shares our memory, so that they take effect
 * here: a filter may kill the caller of madvise(2).  The child has no exit signal:
 * the host must not see a SIGCHLD. */
static void advise_in_child(struct advice *advice)
{
	char stack[8192] __attribute__((aligned(16)));
	siginfo_t info;
	uint64_t mask;
	long pid;

	if (nsh_signals_block(&mask) < 0)
		return;
	pid = nsh_sys_clone(CLONE_VM | CLONE_VFORK, stack + sizeof stack, NULL,
			    advise_and_exit, advice);
	nsh_signals_restore(mask);
	while (pid > 0 && nsh_sys_waitid(P_PID, (int)pid, &info, WEXITED | __WALL,
					 NULL) == -EINTR)
		;
}

static bool is_wiped(void *page)
{
	struct advice advice = { .page = page, .wipe = -1 };

	if (nsh_filters() == 0)
		advise(&advice);
	else if (!nsh_spreads_core_dumps())
		advise_in_child(&advice);
	return advice.wipe == 0 && advice.invalid < 0;
}

static struct nsh_self *make_known(void)
{
	struct nsh_self *other = NULL;
	void *page = mmap(NULL, sizeof *other, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (!is_wiped(page))
		atomic_store(&cannot_know, true);
	else if (atomic_compare_exchange_strong(&nsh_known_self, &other, page))
		return page;
	(void)munmap(page, sizeof *other);
	return other;
}

static struct nsh_self *find_self(void)
{
	struct nsh_self *self = atomic_load(&nsh_known_self);

	if (!self && !atomic_load(&cannot_know))
		self = make_known();
	return self;
}

pid_t nsh_self(void)
{
	struct nsh_self *self = find_self();
	pid_t pid;

	if (!self)
		return getpid();
	pid = atomic_load(&self->pid);
	if (pid == 0) {
		pid = getpid();
		atomic_store(&self->pid, pid);
	}
	return pid;
}

/* Used if there is no wiped page.
 * Limit: does not notice a fork whose child has its parent's pid, in a new pid
 * namespace. */
static unsigned fork_id_by_pid(void)
{
	static _Atomic pid_t seen;
	pid_t self = getpid();

	if (atomic_exchange(&seen, self) != self)
		(void)atomic_fetch_add(&last_fork_id, 1);
	return atomic_load(&last_fork_id);
}

unsigned nsh_fork_id(void)
{
	struct nsh_self *self = find_self();
	unsigned id, none = 0;

	if (!self)
		return fork_id_by_pid();
	id = atomic_load(&self->fork_id);
	if (id)
		return id;
	id = atomic_fetch_add(&last_fork_id, 1) + 1;
	return atomic_compare_exchange_strong(&self->fork_id, &none, id) ? id : none;
}

/* ---- the lock ---------------------------------------------------------- */

/* A flag in lock->owner, beside the id of the process in which a thread is taking the
 * lock over.  If that is another process, the thread does not exist here. */
static const unsigned BEING_TAKEN_OVER = 1U << 31;

/* Initialises the lock for this process.  Other threads yield meanwhile: a mutex
 * cannot protect its own initialisation. */
static void take_over(struct fork_lock *lock, void (*start_over)(void))
{
	unsigned self = nsh_fork_id(), owner = atomic_load(&lock->owner);

	while (owner != self) {
		if (owner == (self | BEING_TAKEN_OVER)) {
			(void)sched_yield();
			owner = atomic_load(&lock->owner);
		} else if (atomic_compare_exchange_strong(&lock->owner, &owner,
							  self | BEING_TAKEN_OVER)) {
			pthread_mutex_init(&lock->mutex, NULL);
			start_over();
			atomic_store(&lock->owner, self);
			return;
		}
	}
}

void nsh_fork_lock(struct fork_lock *lock, void (*start_over)(void))
{
	take_over(lock, start_over);
	pthread_mutex_lock(&lock->mutex);
}

void nsh_fork_unlock(struct fork_lock *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}

/* ---- threads ----------------------------------------------------------- */

/* Blocks signals with libc's functions, which do not block libc's own signals: a
 * change of user waits until each thread has handled one of these. */
static int start_thread(void *(*run)(void *), void *argument, size_t stack)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int error;

	(void)sigfillset(&all);
	error = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (error) {
		errno = error;
		return -1;
	}
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, stack);
	error = pthread_create(&thread, &attributes, run, argument);
	(void)pthread_attr_destroy(&attributes);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return error ? -1 : 0;
}

int nsh_start_thread(void *(*run)(void *), void *argument)
{
	return start_thread(run, argument, 256 * 1024);
}

int nsh_start_deep_thread(void *(*run)(void *), void *argument)
{
	return start_thread(run, argument, 8 << 20);
}
