/*
 * launch_block.h: memory that we share with a child whatever it shares with us: a
 * record at its start and a stack that grows down from its end, with an
 * untouchable page between.  One is kept for the next launch: making and
 * faulting in a new one costs a tenth of a small program's whole run.
 */
#ifndef NSH_AREA_H
#define NSH_AREA_H

/* How much the record may take, but for a word at its end. */
enum { NSH_AREA_RECORD_SIZE = 65536 };

/* NULL with errno.  Its bytes are what was left there. */
void *nsh_launch_block_take(void);
/* NULL is fine. */
void nsh_launch_block_give(void *take_block);
/* The same, where a child may still be using it. */
void nsh_launch_block_drop(void *take_block);
void *nsh_launch_block_stack(void *block);
/* Half-way down: for a second process while the first has not left yet. */
void *nsh_launch_block_second_stack(void *block);

#endif
