/*
 * interpreters.h: the files that the kernel executes for a program: the interpreter of a
 * #! line, and the dynamic loader of an ELF file.  Also the system's directories.
 */
#ifndef NSH_INTERPRETERS_H
#define NSH_INTERPRETERS_H

#include <stddef.h>

/* The files that one exec may need: the kernel follows four #! lines (exec_binprm in
 * fs/exec.c), then the loader. */
enum { NSH_MOST_INTERPRETERS = 7 };

/* Returns the path of the interpreter or the loader of a file, malloc'd; NULL if it has
 * none, or cannot be read. */
char *nsh_interpreter(const char *path);
/* Returns the directory of programs and libraries number `index`, from 0; "" for one that
 * does not exist or is a link into another one (/bin in /usr), as it was at the first call;
 * NULL after the last.  Static. */
const char *nsh_system_directory(size_t index);

#endif
