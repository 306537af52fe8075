/*
 * tree.h: a process and its descendants, held by pidfds, so that a signal
 * reaches all of them and nobody else.
 */
#ifndef NSH_TREE_H
#define NSH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct member {
	pid_t pid;
	int pidfd;
};

struct tree {
	struct member *members;  /* descendants; the root is its owner's */
	size_t count, capacity;
};

/* Stops the root and everything below it, and adds what it finds to the tree:
 * a stopped process has no more children.  What was found before and still
 * lives is searched too.  `root`: 0 where it has gone; `group`: also the
 * members of that process group, 0 for none. */
void nsh_tree_collect(struct tree *tree, pid_t root, int root_pidfd, pid_t group);
/* Signals every member, and lets it run on so that it can act on it. */
void nsh_tree_signal(const struct tree *tree, int signal);
/* Whether that member is still alive. */
bool nsh_tree_is_alive(const struct tree *tree, size_t index);
/* Takes it out; the last one moves to its place. */
void nsh_tree_drop(struct tree *tree, size_t index);
void nsh_tree_free(struct tree *tree);

#endif
