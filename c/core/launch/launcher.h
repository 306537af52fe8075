/*
 * launcher.h: starts that share nothing with the program and copy no page
 * tables.
 *
 * The launcher is a static program without libc, built from the child's files
 * and embedded in the library (launcher_image.c).  A child that shares the
 * host's memory places the descriptors and executes it from a sealed memory
 * file (memfd_create(2)); it runs the other steps and executes the program.
 *
 * The memory file contains the launcher and, in a separate segment, a copy of the
 * plan whose pointers are valid there.  Each launch makes a new file, in 5 us: the
 * host could close one that is kept, and reuse its number.  The file is not
 * readable, which makes the launcher not dumpable from its exec on (would_dump in
 * fs/exec.c); if the host may read any file, the launcher's first call does that.
 * So no other process of the host's user can read the plan or control the
 * launcher.  A second memory file is its failure record.
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
/* Removes them again.  Replaces a sync socket that the plan needs anyway, because the
 * child may have used it.  Returns 0, or -1 with errno. */
int nsh_launcher_drop(struct plan *plan);
/* Disables the launcher if this errno means that it cannot be used here. */
void nsh_launcher_note_refusal(int error);
/* Replaces the record by the launcher's own, if it was executed.  False if that cannot
 * be read: then the child may run its program, and the start has failed. */
bool nsh_launcher_collect(const struct plan *plan);

#endif
