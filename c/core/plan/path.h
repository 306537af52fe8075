/*
 * path.h: looks up programs in PATH, in the parent.
 */
#ifndef NSH_PATH_H
#define NSH_PATH_H

#include <stdbool.h>

#include "failure.h"
#include "strv.h"

/* Adds the files that `name` stands for to *candidates: the name itself if it
 * contains a slash (made absolute if `absolute`), else the first executable
 * file in `directories` (NULL: the caller's PATH), or `all` of them.  Empty and relative entries of
 * PATH are skipped: they would run programs from the current directory.
 * Returns 0, or -1 with the failure. */
int nsh_path_resolve(const char *name, const char *directories, bool absolute, bool all,
		     struct strv *candidates, struct nsh_failure *failure);
/* Adds a reason to a failed exec of `path` if errno is ambiguous: ENOENT for a
 * missing interpreter, EACCES for a directory, ENOEXEC for a script without
 * #!. */
void nsh_path_explain(const char *path, struct nsh_failure *failure);
/* True if the path is a FIFO: opening it blocks until its other end is opened,
 * perhaps for ever (fifo(7)). */
bool nsh_path_is_fifo(const char *path);

#endif
