/*
 * tree.h: the descendants of a process, found in /proc, so that a signal
 * reaches all of them and no other process.  A tree owns its list and the
 * pidfds in it.  Each operation needs four descriptors for a moment; without
 * those it runs in a thread with a descriptor table of its own.
 */
#ifndef NSH_TREE_H
#define NSH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct member {
	pid_t pid;
	unsigned long long start;  /* of its life, as /proc has it */
	int pidfd;              /* -1 beyond tree.held */
	bool is_denied;         /* it may not be signalled: EPERM */
	bool is_stopped;        /* by us, just now */
};

/* Why descendants may not have been found. */
enum tree_lack {
	TREE_LACKS_NOTHING,
	TREE_LACKS_PROC,        /* /proc is not there, or not readable */
	TREE_LACKS_OWN_PROC,    /* /proc belongs to another pid namespace */
	TREE_LACKS_CALLS,       /* a filter kills the caller of what it takes */
	TREE_LACKS_MEMORY,
	TREE_LACKS_DESCRIPTORS,
	TREE_LACKS_SIGHT,       /* /proc hides processes of other users */
	TREE_LACKS_TIME,        /* it starts processes faster than we stop them */
};

struct tree {
	struct member *members; /* descendants; the root is its owner's */
	size_t count, capacity;
	size_t held;            /* so many, the first, have a pidfd to wait for */
	bool tables;            /* close_range(2) may be called in this process */
	enum tree_lack lack;    /* the first that was found */
	int lack_errnum;
};

/* Stops the root and everything below it (a stopped process has no more
 * children), adds what it finds to the tree, signals every member, and lets it
 * continue so that it can act on the signal.  Descendants of members that were
 * found before are searched too.  The root is only stopped: its owner signals
 * and continues it.  `root`: 0 if it has gone; `group`: also the members of
 * that process group, 0 for none. */
void nsh_tree_signal(struct tree *tree, pid_t root, int root_pidfd, pid_t group,
		     int signal);
/* Takes pidfds for more members, if few are held; those that have gone are
 * dropped.  New ones follow behind the old tree.held.  None may be added: no
 * descriptor is left. */
void nsh_tree_hold(struct tree *tree);
/* Drops the members that have gone, if none is held: the clock asks for it. */
void nsh_tree_drop_gone(struct tree *tree);
/* Whether that held member is still alive. */
bool nsh_tree_is_alive(const struct tree *tree, size_t index);
/* Takes a held one out; others move to its place. */
void nsh_tree_drop(struct tree *tree, size_t index);
void nsh_tree_free(struct tree *tree);

#endif
