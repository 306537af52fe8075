/*
 * child_steps.h: what the files of the child's world share.  child.c has the
 * table of steps and the reasons for their order.
 *
 * All of it runs between the launch and the program, perhaps in the parent's
 * memory: raw system calls on prepared data, nothing else.
 */
#ifndef NSH_CHILD_STEPS_H
#define NSH_CHILD_STEPS_H

#include <errno.h>
#include <stddef.h>

#include "plan.h"
#include "supervise.h"
#include "sys.h"

/* Nothing there may allocate, lock or print; errno is the host's. */
#undef errno
#pragma GCC poison errno malloc calloc realloc free printf fprintf strerror
#pragma GCC poison getenv exit abort signal sigaction setuid setgid syscall

/* Returns 0, or minus an errno.  Before it runs, the record names its stage;
 * a step that serves several setters names the one at work itself. */
typedef int nsh_step(const struct plan *plan);

static inline void nsh_at(const struct plan *plan, enum nsh_stage stage,
			  size_t index)
{
	plan->record->stage = (int)stage;
	plan->record->index = (int)index;
}

/* child_descriptors.c */
nsh_step nsh_step_own_table, nsh_step_place_descriptors;
/* Closes all that is neither planned, nor the pid file, nor a hook's. */
void nsh_close_others(const struct plan *plan);
/* Leaves a table of our own with nothing in it. */
void nsh_drop_table(enum table_cut cut, bool no_close_range);
/* Sends a descriptor through a Unix socket, for nsh_fd_receive.  0, or minus an
 * errno. */
int nsh_send_fd(int socket, int fd);

/* child_identity.c */
nsh_step nsh_step_set_selinux_label, nsh_step_set_apparmor_profile,
	nsh_step_drop_bounding_set, nsh_step_set_groups, nsh_step_set_gid,
	nsh_step_set_uid, nsh_step_set_caps;

/* child_check.c: what execve(2) would say, as far as that can be found out: 0,
 * or minus an errno. */
int nsh_check_candidate(const struct plan *plan, const char *path);

/* child_signals.c */
nsh_step nsh_step_reset_signals;

#endif
