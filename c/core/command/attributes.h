/*
 * attributes.h: the values that the setters of a command store for its child.
 *
 * The command owns the strings and arrays.  A plan has a copy of the struct that
 * borrows them.  has_ and set_ fields: whether the setter was called.
 */
#ifndef NSH_ATTRIBUTES_H
#define NSH_ATTRIBUTES_H

#include <stdbool.h>
#include <sys/resource.h>

#include "noshell.h"

struct limit {
	int resource;
	struct rlimit64 value;
};

/* A set of exit codes.  As 256 bools it would make struct nsh_command too large
 * for malloc's fast path. */
struct exits {
	uint32_t bits[256 / 32];
};

static inline void nsh_exits_add(struct exits *exits, int code)
{
	exits->bits[code / 32] |= (uint32_t)1 << code % 32;
}

static inline bool nsh_exits_has(const struct exits *exits, int code)
{
	return code >= 0 && exits->bits[code / 32] >> code % 32 & 1;
}

/* The kernel's largest NR_CPUS. */
enum { NSH_CPUS = 8192 };

struct attributes {
#define FLAG(name, key, ...) bool key;
#define RULE(name, key, ...) bool key;
#define INTEGER(name, key, ...) bool has_##key; int key;
#define MASK(name, key, ...) bool has_##key; unsigned key;
#define SIGNAL(name, key, ...) int key;   /* 0: none */
#define TEXT(name, key, ...) char *key;   /* NULL: none */
#include "setters.def"
	struct limit *limits;
	size_t limit_count;
	bool set_cpu_affinity;
	unsigned *cpus;            /* NULL: all, if set_cpu_affinity */
	size_t cpu_count;
	int core_scheduling;       /* 0, or an NSH_PR_SCHED_CORE_ operation */
	pid_t core_among;
	nsh_pre_exec_hook *hook;
	void *hook_data;
	pid_t process_group;       /* to be joined; 0: none */
	bool set_groups, set_gid, set_uid;
	gid_t *groups;
	size_t group_count;
	gid_t gid;
	uid_t uid;
	struct exits allowed_exit;
};

/* Returns "nofile" for RLIMIT_NOFILE; "" if it is unknown.  Static. */
const char *nsh_limit_name(int resource);

#endif
