#include "launch_block.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "fork_lock.h"

enum {
	GUARD = 65536,          /* the largest page size of any architecture */
	STACK = 65536,
	SIZE = NSH_AREA_RECORD_SIZE + GUARD + STACK,
};

static _Atomic(void *) spare;

/* The process that made the block, stored in the block: after a fork of the host
 * both processes map it, but only its maker may use it. */
static unsigned *owner_of(void *block)
{
	return (unsigned *)((char *)block + NSH_AREA_RECORD_SIZE) - 1;
}

/* MAP_SHARED, because a child that shares no other memory also writes its record. */
static void *map(void)
{
	char *block = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED)
		return NULL;
	(void)mprotect(block + NSH_AREA_RECORD_SIZE, GUARD, PROT_NONE);
	*owner_of(block) = nsh_fork_id();
	return block;
}

void *nsh_launch_block_take(void)
{
	void *block = atomic_exchange(&spare, NULL);

	if (block && *owner_of(block) == nsh_fork_id())
		return block;
	nsh_launch_block_drop(block);
	return map();
}

void nsh_launch_block_give(void *take_block)
{
	void *none = NULL;

	if (take_block && (*owner_of(take_block) != nsh_fork_id()
			  || !atomic_compare_exchange_strong(&spare, &none, take_block)))
		nsh_launch_block_drop(take_block);
}

void nsh_launch_block_drop(void *take_block)
{
	if (take_block)
		(void)munmap(take_block, SIZE);
}

void *nsh_launch_block_stack(void *block)
{
	return (char *)block + SIZE;
}

void *nsh_launch_block_second_stack(void *block)
{
	return (char *)block + SIZE - STACK / 2;
}
