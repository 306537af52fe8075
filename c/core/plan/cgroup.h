/*
 * cgroup.h: the cgroup of one start (cgroups(7), version 2).
 *
 * It is made in a cgroup that was delegated to this process, or that the caller names.
 * Other cgroups belong to their managers, such as systemd, and noshell does not change
 * them or move existing processes.  The kernel enables controllers only in a cgroup
 * without processes.  So a delegated cgroup that contains this process cannot be used.
 *
 * After the launch, the files are opened by path: if the host closes the descriptor and
 * reuses its number, no other cgroup is affected.  The descriptor holds a lock (flock(2))
 * while the cgroup is in use.  A later start removes cgroups that are empty and not
 * locked: those of daemons that have ended, and of hosts that were killed.
 */
#ifndef NSH_CGROUP_H
#define NSH_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup {
	int fd;                 /* the directory; for clone3(2) */
	char path[PATH_MAX];
};

/* The size of a text that explains why a part cannot be enforced. */
enum { NSH_LACK = 384 };

/* Finds the directory in which to make cgroups; `given` is the caller's, or NULL.  Returns
 * 0, or -1 with the reason. */
int nsh_cgroup_find(const char *given, char ret_place[PATH_MAX], char ret_reason[NSH_LACK]);
/* Enables a controller for cgroups made there.  Returns 0, or -1 with the reason. */
int nsh_cgroup_enable(const char *place, const char *controller,
		      char ret_reason[NSH_LACK]);
/* Makes a cgroup.  NULL with the reason. */
struct cgroup *nsh_cgroup_new(const char *place, char ret_reason[NSH_LACK]);
/* Writes to a file of the cgroup.  Returns 0, or -1 with errno. */
int nsh_cgroup_write(const struct cgroup *cgroup, const char *file, const char *text);
/* Opens its list of processes, for the child to join it.  Returns -1 with errno. */
int nsh_cgroup_open_procs(const struct cgroup *cgroup);

/* True if no process is in it, or if that is unknown. */
bool nsh_cgroup_is_empty(const struct cgroup *cgroup);
/* Sends a signal to its processes but `except`.  Freezes them meanwhile, so that no new
 * process is missed.  Returns false if it cannot list them.  *ret_denied: one that we may
 * not signal, or 0. */
bool nsh_cgroup_signal(const struct cgroup *cgroup, pid_t except, int signal,
		       pid_t *ret_denied);
/* Sends KILL to all of its processes. */
void nsh_cgroup_kill(const struct cgroup *cgroup);
/* Returns a process that is in it; 0 if there is none. */
pid_t nsh_cgroup_member(const struct cgroup *cgroup);
/* Returns memory.peak; -1 if it is unknown (before Linux 5.19). */
int64_t nsh_cgroup_peak(const struct cgroup *cgroup);
/* Returns the number of events `name` in memory.events. */
uint64_t nsh_cgroup_events(const struct cgroup *cgroup, const char *name);

/* Kills its processes, removes and frees it.  If it is not empty after 20 ms, a later
 * start removes it. */
void nsh_cgroup_drop(struct cgroup **cgroup);
/* Frees it without removing it or closing the descriptor. */
void nsh_cgroup_forget(struct cgroup **cgroup);
/* Frees it without removing it: a daemon uses it. */
void nsh_cgroup_leave(struct cgroup **cgroup);

#endif
