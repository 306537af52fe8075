/*
 * label.h: the labels of security modules.  The parent finds out whether the
 * module is active and what is to be written; the child writes it.
 */
#ifndef NSH_LABEL_H
#define NSH_LABEL_H

#include "plan.h"

/* Fill *ret_label; its text is *ret_text, malloc'd.  Both stay empty where
 * the module is not active and `if_enabled` allows that.  0, or -1 with the
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
