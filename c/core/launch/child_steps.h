/*
 * child_steps.h: declarations shared by the files of the child's side.  child.c
 * has the table of steps and the reasons for their order.
 *
 * All of it runs between clone and exec, perhaps in the parent's memory: raw
 * system calls on prepared data, nothing else.
 */
#ifndef NSH_CHILD_STEPS_H
#define NSH_CHILD_STEPS_H

#include <errno.h>
#include <stddef.h>

#include "plan.h"
#include "supervise.h"
#include "sys.h"

/* The child must not allocate, lock or print, and errno is the host's variable. */
#undef errno
#pragma GCC poison errno malloc calloc realloc free printf fprintf strerror
#pragma GCC poison getenv exit abort signal sigaction setuid setgid syscall

/* Returns 0, or minus an errno.  The runner stores the stage of the table before
 * it calls the step; a step that serves several setters overwrites it with the
 * stage of the one at work. */
typedef int nsh_step(const struct plan *plan);

static inline void nsh_at(const struct plan *plan, enum nsh_stage stage,
			  size_t index)
{
	plan->record->stage = (int)stage;
	plan->record->index = (int)index;
}

/* child_descriptors.c */
nsh_step nsh_step_own_table, nsh_step_place_descriptors;
/* Closes every descriptor that is not a target, the pid file, or kept by a hook. */
void nsh_close_others(const struct plan *plan);
/* Sends a descriptor through a Unix socket, for nsh_fd_receive.  0, or minus an
 * errno. */
int nsh_send_fd(int socket, int fd);

/* child_identity.c */
nsh_step nsh_step_set_selinux_label, nsh_step_set_apparmor_profile,
	nsh_step_drop_bounding_set, nsh_step_set_groups, nsh_step_set_gid,
	nsh_step_set_uid, nsh_step_set_caps;

int nsh_get_cap_sets(struct cap_sets *ret_sets);
int nsh_set_cap_sets(const struct cap_sets *sets);

/* child_launcher.c */
nsh_step nsh_step_enter_launcher;

/* child_check.c: predicts the result of execve(2) as far as possible.  Returns 0,
 * or minus an errno. */
int nsh_check_candidate(const struct plan *plan, const char *path);

/* child_private.c */
nsh_step nsh_step_enter_namespaces, nsh_step_isolate;

/* child_sandbox.c */
nsh_step nsh_step_join_cgroup, nsh_step_restrict, nsh_step_filter;

/* child_signals.c */
nsh_step nsh_step_reset_signals;

#endif
