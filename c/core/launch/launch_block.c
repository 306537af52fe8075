#include "launch_block.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "guard.h"

enum {
	GUARD = 65536,          /* the largest page there is */
	STACK = 65536,
	SIZE = NSH_AREA_RECORD_SIZE + GUARD + STACK,
};

static _Atomic(void *) spare;

/* The process that made it, told by the area itself: after a fork of the host
 * both processes map it, and only one may use it. */
static unsigned *owner_of(void *area)
{
	return (unsigned *)((char *)area + NSH_AREA_RECORD_SIZE) - 1;
}

/* MAP_SHARED, for a child with memory of its own writes its record too. */
static void *map(void)
{
	char *area = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		return NULL;
	(void)mprotect(area + NSH_AREA_RECORD_SIZE, GUARD, PROT_NONE);
	*owner_of(area) = nsh_fork_id();
	return area;
}

void *nsh_area_take(void)
{
	void *area = atomic_exchange(&spare, NULL);

	if (area && *owner_of(area) == nsh_fork_id())
		return area;
	nsh_area_drop(area);
	return map();
}

void nsh_area_give(void *take_area)
{
	void *none = NULL;

	if (take_area && (*owner_of(take_area) != nsh_fork_id()
			  || !atomic_compare_exchange_strong(&spare, &none, take_area)))
		nsh_area_drop(take_area);
}

void nsh_area_drop(void *take_area)
{
	if (take_area)
		(void)munmap(take_area, SIZE);
}

void *nsh_area_stack(void *area)
{
	return (char *)area + SIZE;
}

void *nsh_area_second_stack(void *area)
{
	return (char *)area + SIZE - STACK / 2;
}
