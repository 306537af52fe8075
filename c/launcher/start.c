/*
 * The launcher's entry; c/core/launch/launcher.h says what it is for.  It is
 * linked with the child's files, and with nothing else.
 */
#include <string.h>

#include "plan.h"
#include "supervise.h"
#include "sys.h"

#ifdef NSH_RAW_CALLS

/* The host puts its plan in the place of this segment. */
__attribute__((section(".plan"), aligned(16))) static struct plan plan;

/* Clears the frame pointer, which the kernel need not do, and calls nsh_start().  The
 * stack pointer is at the arguments, which the launcher does not read. */
#ifdef __x86_64__
__asm__(".text\n"
	".globl _start\n"
	"_start:\n\t"
	"xor %ebp, %ebp\n\t"
	"and $-16, %rsp\n\t"
	"call nsh_start\n\t"
	"hlt\n");
#else
__asm__(".text\n"
	".globl _start\n"
	"_start:\n\t"
	"mov x29, xzr\n\t"
	"mov x30, xzr\n\t"
	"bl nsh_start\n\t"
	"brk 0\n");
#endif

/* Some compilers call these to initialise and copy structs.  volatile, else a
 * compiler may turn the loop into a call of the function itself. */
void *memset(void *bytes, int value, size_t size)
{
	volatile unsigned char *to = bytes;

	while (size-- > 0)
		*to++ = (unsigned char)value;
	return bytes;
}

void *memcpy(void *restrict target, const void *restrict source, size_t size)
{
	volatile unsigned char *to = target;
	const unsigned char *from = source;

	while (size-- > 0)
		*to++ = *from++;
	return target;
}

void nsh_start(void);

__attribute__((used)) void nsh_start(void)
{
	nsh_launcher_run(&plan);
}

#endif
