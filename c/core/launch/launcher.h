/*
 * launcher.h: starts that share nothing with the program and copy no page
 * tables.
 *
 * The launcher is a static program without libc, built from the child's files
 * and embedded in the library (launcher_image.c).  A child that shares the
 * host's memory places the descriptors and executes it from a sealed memory
 * file (memfd_create(2)); it runs the other steps and executes the program.
 *
 * The memory file holds the launcher and, in a segment of its own, a copy of
 * the plan whose pointers are valid there.  Each launch makes its own, 5 us: one
 * that is kept could be closed by the host, and its number be another file.
 * Nobody may read it, which makes the launcher not dumpable from its exec on
 * (would_dump in fs/exec.c); for a host that may read any file, its first call
 * does.  So no other process of the host's user can look at the plan or take
 * the place of the launcher.  A second memory file is its failure record.
 */
#ifndef NSH_LAUNCHER_H
#define NSH_LAUNCHER_H

#include "plan.h"

/* launcher_image.c: the launcher, an ELF file; its size is 0 on an architecture
 * without system calls of our own (sys.h). */
extern const char nsh_launcher_image[];
extern const size_t nsh_launcher_size;

/* Adds the launcher's descriptors to the plan, and a sync socket.  Returns 0, or
 * -1 with nothing added: the launcher's exec would change what the program inherits
 * from this thread, a step needs the host's memory, or there is no room. */
int nsh_launcher_prepare(struct plan *plan);
/* Takes them away again.  A sync socket that the plan needs anyway is made
 * anew: the old one may be used up.  Returns 0, or -1 with errno. */
int nsh_launcher_drop(struct plan *plan);
/* Remembers that there is no launcher here, if that is what this errno means. */
void nsh_launcher_note_refusal(int error);
/* Replaces the record by the launcher's own, if it was executed. */
void nsh_launcher_collect(const struct plan *plan);

#endif
