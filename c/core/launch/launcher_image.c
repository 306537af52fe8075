/* The bytes of the launcher.  The Makefile names its file in LAUNCHER. */
#include "launcher.h"
#include "sys.h"

#ifdef NSH_RAW_CALLS
__asm__(".section .rodata\n"
	".globl nsh_launcher_image, nsh_launcher_size\n"
	".hidden nsh_launcher_image, nsh_launcher_size\n"
	".balign 16\n"
	"nsh_launcher_image:\n"
	".incbin \"" LAUNCHER "\"\n"
	"1:\n"
	".balign 8\n"
	"nsh_launcher_size:\n"
	".quad 1b - nsh_launcher_image\n"
	".previous\n");
#else
const char nsh_launcher_image[] = "";
const size_t nsh_launcher_size = 0;
#endif
