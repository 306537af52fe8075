/*
 * launch_block.h: the memory of one launch, shared with the child on every launch
 * path: the record at its start and a stack that grows down from its end, with a
 * guard page between them.  One block is kept for the next launch: mapping a new one
 * and faulting it in takes a tenth of the time of a small program's run.
 */
#ifndef NSH_AREA_H
#define NSH_AREA_H

/* Space for the record, except for a word at its end. */
enum { NSH_AREA_RECORD_SIZE = 65536 };

/* Returns a block, or NULL with errno.  Its content is undefined. */
void *nsh_launch_block_take(void);
/* Keeps the block for the next launch, or frees it.  NULL is allowed. */
void nsh_launch_block_give(void *take_block);
/* Unmaps a block in this process; a child may still be using it. */
void nsh_launch_block_drop(void *take_block);
void *nsh_launch_block_stack(void *block);
/* A second stack, half-way down, for a process that runs beside the first. */
void *nsh_launch_block_second_stack(void *block);

#endif
