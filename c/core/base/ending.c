#include "ending.h"

#include <stdatomic.h>

#include "clock.h"
#include "fork_lock.h"
#include "noshell.h"

/* No lock protects these: exit(3) must not wait for a thread that holds one. */
static atomic_uint owner;               /* nsh_fork_id() of the process */
static atomic_int count;

/* The longest that exit(3) waits.  KILL follows TERM after 10 ms, so this is ample. */
static const double longest = 1.0;

void nsh_ending_begin(void)
{
	unsigned self = nsh_fork_id();

	/* After a fork of the host, the count is the parent's. */
	if (atomic_exchange(&owner, self) != self)
		atomic_store(&count, 0);
	(void)atomic_fetch_add(&count, 1);
}

void nsh_ending_over(void)
{
	if (atomic_load(&owner) == nsh_fork_id())
		(void)atomic_fetch_sub(&count, 1);
}

__attribute__((destructor)) static void await_endings(void)
{
	double until = nsh_now() + longest;

	if (atomic_load(&count) <= 0 || atomic_load(&owner) != nsh_fork_id())
		return;
	while (atomic_load(&count) > 0 && nsh_now() < until)
		(void)nsh_poll(-1, 0, 0.001);
}
