/*
 * plan.h: a command fully resolved and frozen, the only thing the child sees.
 *
 * It is open on purpose: the child reads it.  Strings are borrowed from the
 * command and from the environment, which must outlive the launch; the arrays
 * and the pipes belong to the plan.
 */
#ifndef NSH_PLAN_H
#define NSH_PLAN_H

#include <stdbool.h>
#include <sys/resource.h>

#include "failure.h"

/* How the child comes by a descriptor table of its own.  In the order in
 * which they are tried: each needs less of the kernel than the one before. */
enum table {
	/* The parent's table is shared until the child cuts everything off
	 * but 0 to 2 and fetches the few it needs with pidfd_getfd(2): no
	 * copy of any other descriptor ever exists. */
	TABLE_FETCH,
	/* ... cut off above the highest that is needed.  Descriptors below
	 * are copied for a moment, a writer's among them. */
	TABLE_PREFIX,
	/* Copied by clone(2). */
	TABLE_COPIED,
	/* Copied too, for a thread that is to replace this process (exec). */
	TABLE_IN_PLACE,
};

/* What the child was asking of the kernel when it failed: an answer that only
 * means "not here", after which a lesser path is taken. */
enum probing {
	PROBING_NOTHING,
	PROBING_UNSHARE,
	PROBING_FETCH,
	PROBING_RANGE,
};

/* The failure record, in memory that parent and child share. */
struct record {
	volatile int stage;     /* enum nsh_stage, set before each step */
	volatile int error;     /* errno of the step that failed, or 0 */
	volatile int index;     /* which move, limit or candidate it was */
	volatile int probing;   /* enum probing */
	volatile int pid;       /* the daemon's, where daemonized */
	volatile int pid_file;  /* the child's descriptor that is its lock */
	char message[NSH_REASON_SIZE];  /* what a pre-exec hook said */
};

struct move {
	int source;             /* the parent's descriptor, or -1: open path */
	int target;             /* the child's; -1: kept until exec only */
	bool is_ours;           /* source is a pipe or file that we made */
	const char *path;
	int flags;              /* of open(2) */
	int same_as;            /* neither: what that earlier move has; or -1 */
	enum nsh_stage stage;   /* the setter that asked for it */
};

struct limit {
	int resource;
	struct rlimit64 value;
};

/* Capability sets as capset(2) and prctl(2) take them: bit n is capability n. */
struct cap_sets {
	uint64_t effective, permitted, inheritable;
};

struct cap_words {
	bool apply;             /* sets and ambient are to be set */
	bool keep;              /* PR_SET_KEEPCAPS across the change of uid */
	bool raise;             /* raised is to be set before the drop */
	bool no_new_privs;      /* instead of a drop that we may not do */
	uint64_t bounding_drop; /* capabilities to drop from the bounding set */
	struct cap_sets raised; /* ours, and CAP_SETPCAP effective */
	struct cap_sets sets;   /* the program's */
	uint64_t ambient;
};

/* A mask as sched_setaffinity(2) takes it; NSH_CPUS is the kernel's largest
 * NR_CPUS. */
enum { NSH_CPUS = 8192, NSH_CPUS_PER_WORD = 8 * sizeof(unsigned long) };
struct cpu_mask {
	unsigned long words[NSH_CPUS / NSH_CPUS_PER_WORD];
};

struct label {
	const char *path;       /* below /proc/thread-self/attr; NULL: none */
	const char *other_path; /* tried where path does not exist, or NULL */
	const char *text;       /* what is written there */
	size_t size;
};

/* What a hook asked to keep open for the program. */
struct hook_fds {
	int *fds;
	size_t count;
};

struct plan {
	/* exec */
	const char **candidates;   /* tried in order, NULL-terminated */
	const char *const *argv;
	const char *const *envp;

	/* the launch's own choices */
	struct record *record;
	enum table table;
	int parent_pid;            /* process and thread that launch */
	int parent_thread;
	bool own_memory;           /* never share memory with this child */
	bool after_fork;           /* a hook runs: fork(3), not clone(2) */
	bool spreads_core_dumps;   /* a core dump of the child's is the host's too */
	bool supervised;           /* the child's parent is a supervisor */
	bool no_close_range;       /* a filter kills whoever asks for it */
	void *daemon_stack;        /* beside the stack of its parent */

	/* descriptors */
	struct move *moves;
	size_t move_count;
	int *staged;               /* scratch of the child, one per move */
	int sync_move;             /* index of the sync socket, -1: none */

	/* attributes; each with whether it was asked for */
#define FLAG(name, key, ...) bool key;
#define RULE(name, key, ...) bool key;
#define INTEGER(name, key, ...) bool has_##key; int key;
#define MASK(name, key, ...) bool has_##key; unsigned key;
#define SIGNAL(name, key, ...) int key;   /* 0: none */
#define TEXT(name, key, ...) const char *key;
#include "setters.def"
	const struct limit *limits;
	size_t limit_count;
	bool set_cpu_affinity;
	size_t cpu_count;          /* of the command's list */
	const struct cpu_mask *cpu_mask;
	int core_scheduling;       /* 0, or an NSH_PR_SCHED_CORE_ operation */
	pid_t core_among;
	nsh_pre_exec_hook *hook;
	void *hook_data;
	int (*call_hook)(const struct plan *plan);  /* hook.c */
	struct hook_fds *hook_fds; /* the child's, or in place ours */
	struct label selinux, apparmor;
	bool set_groups, set_gid, set_uid;
	const gid_t *groups;
	size_t group_count;
	gid_t gid;
	uid_t uid;
	struct cap_words caps;

	/* The parent's part: what the launch leaves to the process, and what
	 * is freed with the plan.  -1 where there is no descriptor. */
	int parent_ends[3];        /* of the standard streams' pipes */
	int *send_ends;            /* one per send buffer */
	size_t send_count;
	int sync;                  /* the parent's end of the sync socket */
	double patience;           /* seconds to wait there; negative: any */
	int cancel;                /* readable: give up waiting there; or -1 */
	bool opens_fifo;           /* so long that we must not stand still */
	int *child_ends;           /* to be closed once the child has them */
	size_t child_end_count;
	char **found;              /* behind candidates */
	const char **argv_list, **envp_list;
	char *selinux_text, *apparmor_text;
	void *kept[9];             /* copies of what was the command's */
	size_t kept_count;
};

/* A set of exit codes: as bools it would make a command too large for
 * malloc's fast path. */
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

struct nsh_command;

/* Fills *plan, which nsh_plan_free frees in any case.  The command must stay
 * as it is until then.  `in_place`: for an exec of this very process.  0, or
 * -1 with the failure. */
int nsh_plan_init(struct plan *plan, const struct nsh_command *cmd,
		  bool in_place, struct nsh_failure *failure);
void nsh_plan_free(struct plan *plan);
/* Their numbers may be the host's: none is closed any more. */
void nsh_plan_forget_descriptors(struct plan *plan);
/* Closes what was opened for the child only. */
void nsh_plan_close_child_ends(struct plan *plan);
/* Gives the plan a sync socket, where it has none.  0, or -1 with errno. */
int nsh_plan_add_sync(struct plan *plan);

#endif
