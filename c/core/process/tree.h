/*
 * tree.h: the descendants of a process, found in /proc, so that a signal reaches
 * all of them and no other process.  A tree owns its list and the pidfds in it.
 * Each operation needs four descriptors for a moment; if these are not free, it
 * runs in a thread that has its own descriptor table.
 */
#ifndef NSH_TREE_H
#define NSH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct member {
	pid_t pid;
	unsigned long long start;  /* its start time in /proc */
	int pidfd;              /* -1 from tree.held on */
	bool is_denied;         /* it may not be signalled: EPERM */
	bool is_stopped;        /* by the present operation */
};

/* Reasons why descendants may not have been found. */
enum tree_lack {
	TREE_LACKS_NOTHING,
	TREE_LACKS_PROC,        /* /proc is missing or not readable */
	TREE_LACKS_OWN_PROC,    /* /proc belongs to another pid namespace */
	TREE_LACKS_CALLS,       /* a filter kills the caller of a needed call */
	TREE_LACKS_MEMORY,
	TREE_LACKS_DESCRIPTORS,
	TREE_LACKS_SIGHT,       /* /proc hides processes of other users */
	TREE_LACKS_TIME,        /* the tree starts processes faster than we stop them */
};

struct tree {
	struct member *members; /* the descendants, without the root */
	size_t count, capacity;
	size_t held;            /* the first ones, which have a pidfd */
	bool tables;            /* close_range(2) may be called in this process */
	enum tree_lack lack;    /* the first reason that occurred */
	int lack_errnum;
};

/* Stops the root and its descendants, so that they start no more processes, adds
 * those that it finds to the tree, signals every member, and lets it continue to
 * act on the signal, unless that is SIGSTOP.  Also searches below members found earlier.  The root is
 * only stopped: the caller signals and continues it.  `root` is 0 if it has gone;
 * `group` adds the members of that process group (0: none). */
void nsh_tree_signal(struct tree *tree, pid_t root, int root_pidfd, pid_t group,
		     int signal);
/* True for the signals that stop a process and can be caught: SIGCONT discards them. */
bool nsh_signal_stops(int signal);
/* Opens pidfds for more members, if few have one, and drops members that have gone.
 * The new ones are those from the old tree.held on; there may be none, if no
 * descriptor is left. */
void nsh_tree_hold(struct tree *tree);
/* If no member has a pidfd, drops those that have gone.  Called at intervals. */
void nsh_tree_drop_gone(struct tree *tree);
/* True if that held member is still alive. */
bool nsh_tree_is_alive(const struct tree *tree, size_t index);
/* Removes a held member; another one may move to its place. */
void nsh_tree_drop(struct tree *tree, size_t index);
void nsh_tree_free(struct tree *tree);

#endif
