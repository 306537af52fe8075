/*
 * label.h: labels of security modules.  The parent checks that the module is
 * active and computes the text; the child writes it to /proc.
 */
#ifndef NSH_LABEL_H
#define NSH_LABEL_H

#include "plan.h"

/* Fill *ret_label, whose text is *ret_text (malloc'd).  Leave both unchanged if
 * the module is not active and `if_enabled` is true.  Return 0, or -1 with the
 * failure. */
int nsh_label_selinux(const char *context, bool if_enabled,
		      struct label *ret_label, char **ret_text,
		      struct nsh_failure *failure);
int nsh_label_apparmor(const char *profile, bool if_enabled,
		       struct label *ret_label, char **ret_text,
		       struct nsh_failure *failure);
bool nsh_label_selinux_built(void);
bool nsh_label_selinux_enabled(void);
bool nsh_label_apparmor_enabled(void);

#endif
