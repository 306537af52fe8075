/*
 * ruleset.h: Landlock rulesets.  Making one takes as long as a start, 5 us for each
 * rule, so those of the last sandboxes are kept, each as a descriptor of this process.
 *
 * The host may close such a descriptor and reuse its number.  So each kept ruleset has a
 * mark: an unusual signal number in its open file description (F_SETSIG of fcntl(2)),
 * which differs between the rulesets that are kept at one time.  A descriptor without the
 * mark is not used, and landlock_restrict_self(2) rejects what is not a ruleset.
 */
#ifndef NSH_RULESET_H
#define NSH_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "landlock.h"

/* Rights for one file, or for everything below a directory.  The numbers identify the
 * file: if the path names another one later, that needs another ruleset.  The kernel keeps
 * the inode of a rule until its file system is unmounted, so that its number is not reused;
 * the mount's number covers the rest. */
struct rule {
	const char *path;
	uint64_t rights;
	uint64_t device, inode, mount;
};

struct wanted_rules {
	struct nsh_ruleset_attr handled;
	struct rule *rules;
	size_t count;
	const struct nsh_port_attr *ports;
	size_t port_count;
	bool is_lasting;        /* the mounts' numbers are not reused (Linux 6.8) */
};

/* A ruleset in use by a start. */
struct ruleset {
	int fd;
	int mark;               /* 0: not kept; closed after the start */
};

/* Finds or makes the ruleset; may_create() is called before the first system call of
 * Landlock.  Returns 0, or -1 with errno and *ret_path, the path concerned, or NULL. */
int nsh_ruleset_get(const struct wanted_rules *wanted, bool (*may_create)(void),
		    struct ruleset *ret_ruleset, const char **ret_path);
/* Ends the use. */
void nsh_ruleset_put(struct ruleset *ruleset);
/* Ends the use in a child of the host: closes nothing. */
void nsh_ruleset_forget(struct ruleset *ruleset);

#endif
