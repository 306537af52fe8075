/*
 * fdmap.h: the descriptors of a command's child, as moves of the plan.  Creates
 * the pipes and memory files (memfd_create(2)) that they come from.
 */
#ifndef NSH_FDMAP_H
#define NSH_FDMAP_H

#include "command.h"

/* Fills moves, staged, child_ends, parent_ends and send_ends of *plan. */
int nsh_fdmap_plan(struct plan *plan, const struct nsh_command *cmd,
		   bool in_place, struct nsh_failure *failure);

#endif
