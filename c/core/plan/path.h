/*
 * path.h: which file a program's name means, looked up in the parent.
 */
#ifndef NSH_PATH_H
#define NSH_PATH_H

#include <stdbool.h>

#include "failure.h"
#include "strv.h"

/* Fills *candidates with the files that `name` means: itself where it holds a
 * slash (made absolute for `absolute`), else what the caller's PATH gives:
 * the first executable file, or `all` of them.  Empty and relative entries of
 * PATH are skipped.  0, or -1 with the failure. */
int nsh_path_resolve(const char *name, bool absolute, bool all,
		     struct strv *candidates, struct nsh_failure *failure);
/* Adds to a failed exec of `path` what errno alone does not say: a missing
 * interpreter, a directory, a file that is no program. */
void nsh_path_explain(const char *path, struct nsh_failure *failure);
/* It is open when somebody opens its other end, perhaps never. */
bool nsh_path_is_fifo(const char *path);

#endif
