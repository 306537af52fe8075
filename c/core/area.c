#include "area.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum {
	GUARD = 65536,          /* the largest page there is */
	STACK = 65536,
	SIZE = NSH_AREA_RECORD_SIZE + GUARD + STACK,
};

/* The one that is kept, and the process that it belongs to: after a fork of
 * the host both processes map it, and only one may use it. */
static _Atomic(void *) spare;
static atomic_int spare_owner;

/* MAP_SHARED, for a child with memory of its own writes its record too. */
static void *map(void)
{
	char *area = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		return NULL;
	(void)mprotect(area + NSH_AREA_RECORD_SIZE, GUARD, PROT_NONE);
	return area;
}

/* What a parent left here is unmapped from this process only. */
static void drop_inherited(void)
{
	int self = (int)getpid();
	void *inherited;

	if (atomic_exchange(&spare_owner, self) == self)
		return;
	inherited = atomic_exchange(&spare, NULL);
	if (inherited)
		(void)munmap(inherited, SIZE);
}

void *nsh_area_take(void)
{
	void *area;

	drop_inherited();
	area = atomic_exchange(&spare, NULL);
	return area ? area : map();
}

void nsh_area_give(void *take_area)
{
	void *none = NULL;

	if (!take_area)
		return;
	drop_inherited();
	if (!atomic_compare_exchange_strong(&spare, &none, take_area))
		(void)munmap(take_area, SIZE);
}

void *nsh_area_stack(void *area)
{
	return (char *)area + SIZE;
}
