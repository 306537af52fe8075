/*
 * plan.h: a plan is a command fully resolved and frozen; the child reads
 * nothing else.
 *
 * The struct is public within the core, because the child reads its fields.  It
 * owns its arrays and pipes.  Its strings are borrowed from the command and the
 * environment, which must outlive the launch.
 */
#ifndef NSH_PLAN_H
#define NSH_PLAN_H

#include <fcntl.h>

#include "attributes.h"
#include "cgroup.h"
#include "failure.h"
#include "ruleset.h"

/* Ways for the child to get its own descriptor table, in the order of attempts: each
 * one needs fewer kernel features than the one before. */
enum table {
	/* The child shares the parent's table, replaces it by an empty one, and
	 * fetches the descriptors that it needs with pidfd_getfd(2).  No other
	 * descriptor is ever copied. */
	TABLE_FETCH,
	/* The child replaces the shared table by a copy up to the highest
	 * descriptor that it needs.  For a moment the copy also has the other
	 * descriptors below that; through one of them, another thread may be
	 * writing a program (ETXTBSY). */
	TABLE_PREFIX,
	/* clone(2) copies the table. */
	TABLE_COPIED,
	/* The same, for a thread that replaces this process (exec). */
	TABLE_IN_PLACE,
};

/* The feature that the child was using when it failed.  If set, the failure
 * only means that the kernel or a sandbox lacks it; the launch falls back to
 * the next way. */
enum probing {
	PROBING_NOTHING,
	PROBING_UNSHARE,
	PROBING_FETCH,
	PROBING_RANGE,
	PROBING_LAUNCHER,
};

/* The seals of the launcher's file, by which the child knows it (memfd_create(2)). */
enum { NSH_LAUNCHER_SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL };
/* The seals of the launcher's record, which must stay writable. */
enum { NSH_RECORD_SEALS = F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL };

/* On which side of the launcher's exec (launcher.h) the child's steps run. */
enum launcher_side {
	NO_LAUNCHER,            /* one process runs them all */
	BEFORE_LAUNCHER,        /* in the host's memory */
	IN_LAUNCHER,            /* on a copy of the plan */
};

/* The failure record, in memory that parent and child share. */
struct failure_record {
	volatile int stage;     /* enum nsh_stage, set before each step */
	volatile int error;     /* errno of the step that failed, or 0 */
	volatile int index;     /* of the move, limit or candidate */
	volatile int probing;   /* enum probing */
	volatile int pid;       /* the daemon's pid, if daemonize */
	volatile int pid_file;  /* the child's descriptor of the locked file */
	volatile int entered;   /* the launcher has been executed */
	volatile int no_ruleset, no_filter, no_cgroup;  /* errno, if the sandbox may lack it */
	volatile int strays;    /* the child may have other descriptors than the moves' */
	char message[NSH_REASON_SIZE];  /* from a pre-exec hook */
};

struct move {
	int source;             /* the parent's descriptor, or -1: open path */
	int target;             /* the child's; -1: any, closed at exec */
	bool is_ours;           /* source was created by the plan */
	bool is_launchers;      /* the program does not get it */
	const char *path;
	int flags;              /* of open(2) */
	unsigned mode;          /* of a file that it creates */
	int same_as;            /* a copy of this earlier move's target; or -1 */
	enum nsh_stage stage;   /* of the setter, for failures */
};

/* The moves that the launch adds: the sync socket and the launcher's two. */
enum { NSH_LAUNCH_MOVES = 3 };

/* A target of a list of targets, to which this process writes. */
struct sink {
	int fd;                 /* -1: taken by the process */
	int which;              /* the stream, 1 or 2 */
	bool is_socket;         /* send(2) takes a flag that avoids blocking */
	bool may_block;         /* it could not be opened without blocking: see io.h */
	char *name;             /* for failures; malloc'd, or NULL */
};

/* Capability sets as capset(2) and prctl(2) take them: bit n is capability
 * n. */
struct cap_sets {
	uint64_t effective, permitted, inheritable;
};

struct cap_words {
	bool apply;             /* set `sets` and `ambient` */
	bool keep;              /* PR_SET_KEEPCAPS across the change of uid */
	bool raise;             /* set `raised` before the drop */
	bool no_new_privs;      /* replaces a drop that is not permitted */
	uint64_t bounding_drop; /* capabilities to drop from the bounding set */
	struct cap_sets raised; /* the parent's, plus CAP_SETPCAP effective */
	struct cap_sets sets;   /* the program's */
	uint64_t ambient;
};

/* A mask for sched_setaffinity(2). */
enum { NSH_CPUS_PER_WORD = 8 * sizeof(unsigned long) };
struct cpu_mask {
	unsigned long words[NSH_CPUS / NSH_CPUS_PER_WORD];
};

struct label {
	const char *path;       /* below /proc/thread-self/attr; NULL: none */
	const char *other_path; /* tried if path does not exist, or NULL */
	const char *text;       /* to be written to it */
	size_t size;
};

/* The descriptors that a hook keeps open for the program. */
struct hook_fds {
	int *fds;
	size_t count;
};

/* What this kernel offers for a sandbox. */
struct nsh_means {
	int landlock;           /* the version of its interface, or minus an errno */
	int seccomp;            /* 0, or minus an errno */
	/* True if Landlock's calls are safe in this thread (kernel.h). */
	bool (*may_create)(void);
	bool clones_into;       /* CLONE_INTO_CGROUP, of clone3(2) */
};

/* How the parts of a sandbox are enforced. */
struct sandbox_report {
	unsigned asked;         /* bit n: part n */
	struct {
		char means[32];         /* "": it is not enforced */
		char reason[NSH_LACK];  /* why it is not */
	} parts[NSH_PARTS];
};

/* Which of the child's steps has failed: the index in the record. */
enum { NSH_MEANS_RULESET, NSH_MEANS_FILTER, NSH_MEANS_CGROUP };
/* The record's index for a failure in the stage SANDBOX_PRIVATE. */
enum { NSH_PRIVATE_SPACES, NSH_PRIVATE_USER, NSH_PRIVATE_INIT, NSH_PRIVATE_TMP,
	NSH_PRIVATE_PROC, NSH_PRIVATE_NETWORK, NSH_PRIVATE_HIDE };

/* The private parts of a sandbox. */
struct isolation {
	unsigned spaces;        /* CLONE_NEW… of unshare(2); 0: nothing is private */
	bool in_user_space;     /* this process lacks CAP_SYS_ADMIN: needs a user namespace */
	bool has_tmp, has_pids; /* a new /tmp; a new pid namespace, with /proc */
	uint64_t tmp_rights, proc_rights;   /* Landlock's, for the new file systems */
	const char *const *hidden;  /* "d/path" for a directory, "f/path" for others; or NULL */
	const char *directory;  /* our working directory */
	/* the launch's own choices */
	int no_launcher;        /* errno: why there is none, which a pid namespace needs */
	bool looks;             /* a filter kills the caller of pidfd_open(2) */
	enum nsh_stage stage;   /* of a failure; NONE: start again without the parts */
};

struct sock_filter;

/* A sandbox, for the child's steps and for the report. */
struct confinement {
	int ruleset_move;       /* index of the ruleset's descriptor, -1: none */
	int ruleset_mark;       /* of struct ruleset */
	enum nsh_stage ruleset_stage;   /* of a failure; NONE: the child goes on */
	const struct sock_filter *filter;   /* NULL: none */
	unsigned short filter_length;
	enum nsh_stage filter_stage;    /* as ruleset_stage */
	int into_cgroup;        /* the cgroup into which the child is cloned, -1: none */
	int procs_move;         /* cgroup.procs of one that the child joins, -1: none */
	enum nsh_stage cgroup_stage;    /* as ruleset_stage */
	/* for the parent */
	struct ruleset ruleset;
	struct isolation isolation;
	struct cgroup *cgroup;  /* NULL: none, or it was taken */
	int cgroup_error;       /* errno, if the child could not be cloned there */
	/* bit n: part n depends on it */
	unsigned ruleset_parts, filter_parts, cgroup_parts;
	char **hidden;          /* the strings of isolation.hidden */
	struct sandbox_report *report;  /* NULL: there is no sandbox, or it was taken */
};

#define NSH_NO_CONFINEMENT { .ruleset_move = -1, .ruleset = { -1, 0 }, \
	.into_cgroup = -1, .procs_move = -1 }

/* The launcher gets a copy (copy_plan in launcher.c), also of what the child's
 * pointers lead to. */
struct plan {
	/* exec */
	const char **candidates;   /* tried in order, NULL-terminated */
	const char *const *argv;
	const char *const *envp;

	/* the launch's own choices */
	struct failure_record *record;
	enum table table;
	int parent_pid;            /* process and thread that launch */
	int parent_thread;
	bool own_memory;           /* never share memory with this child */
	bool after_fork;           /* fork(3), not clone(2): a hook runs */
	bool spreads_core_dumps;   /* a core dump of the child also ends the host */
	bool supervised;           /* the child's parent is a supervisor */
	bool no_close_range;       /* a seccomp filter kills its caller */
	bool knows_ignored;        /* `ignored` is set */
	uint64_t ignored;          /* bit n - 1: the host ignores signal n */
	bool clears_handlers;      /* clone3(2) resets the handlers of the host */
	void *daemon_stack;        /* apart from its parent's, which runs on */
	enum launcher_side launcher;
	int image_move, record_move;  /* indices of the launcher's descriptors */
	struct cap_sets held;      /* the sets of the thread that launches */
	const char *security_label;   /* of that thread; NULL: none */

	/* descriptors */
	struct move *moves;
	size_t move_count;
	int *staged;               /* scratch of the child, one per move */
	int sync_move;             /* index of the sync socket, -1: none */
	size_t sync_end;           /* its index in child_ends */
	int pty_move;              /* index of the terminal, -1: none */

	bool takes_terminal;       /* our terminal, with set_foreground */

	/* the setters' values, resolved in this struct if a copy is not enough */
	struct attributes attributes;
	const struct cpu_mask *cpu_mask;            /* NULL: none */
	int (*call_hook)(const struct plan *plan);  /* in hook.c */
	struct hook_fds *hook_fds; /* filled in the child, or here for exec */
	struct label selinux, apparmor;
	struct cap_words caps;
	struct confinement sandbox;

	/* for the parent: descriptors that the process takes over, and memory
	 * to free.  -1: no descriptor */
	int parent_ends[3];        /* of the standard streams' pipes */
	int pty_master;            /* the terminal's other end */
	int pty_slave;             /* the same file as the child's; see process.h */
	struct sink *sinks;        /* the targets of lists */
	size_t sink_count;
	int *send_ends;            /* one per send buffer */
	size_t send_count;
	int *pipe_ends;            /* one per added pipe */
	size_t pipe_count;
	int sync;                  /* the parent's end of the sync socket */
	double patience;           /* seconds to wait for sync; < 0: no limit */
	bool shares_patience;      /* it is the rest of a timeout of several commands */
	int cancel;                /* readable: stop waiting for sync; or -1 */
	bool opens_fifo;           /* opening may block, so wait with a timeout */
	int *child_ends;           /* to close after the launch */
	size_t child_end_count;
	char **found;              /* the strings of `candidates` */
	const char **argv_list, **envp_list;
	char *pwd;                 /* in envp_list: see nsh_env_pwd */
	char *selinux_text, *apparmor_text;
	void *kept[12];            /* other memory to free */
	size_t kept_count;
};

/* The initializers of a plan that has no descriptors and asks for nothing.  A field that
 * is -1 for "none" belongs here: 0 would be a descriptor of the host. */
#define NSH_NOTHING_PLANNED \
	.parent_ends = { -1, -1, -1 }, .sync = -1, .sync_move = -1, .pty_move = -1, \
	.pty_master = -1, .pty_slave = -1, .patience = -1, .cancel = -1, \
	.sandbox = NSH_NO_CONFINEMENT

struct nsh_command;
struct stdio;

/* Fills *plan, which the caller frees with nsh_plan_free, on failure too.  The
 * command must not change until then.  `in_place`: for an exec in this process.
 * `means` is for a sandbox, and may be NULL without one.  Returns 0, or -1 with the
 * failure. */
int nsh_plan_init(struct plan *plan, const struct nsh_command *cmd, bool in_place,
		  const struct nsh_means *means, struct nsh_failure *failure);
void nsh_plan_free(struct plan *plan);
/* Drops all descriptors without closing them: in a child of the host, their
 * numbers may refer to its own files. */
void nsh_plan_forget_descriptors(struct plan *plan);
/* Closes the descriptors that only the child uses. */
void nsh_plan_close_child_ends(struct plan *plan);
/* Creates the sync socket, if there is none yet.  Returns 0, or -1 with
 * errno. */
int nsh_plan_add_sync(struct plan *plan);
/* Adds a descriptor for the launcher only, after nsh_plan_add_sync.  Returns the index
 * of the move. */
int nsh_plan_add_launchers(struct plan *plan, int take_fd, int target);
/* Closes and removes the launcher's descriptors, and the sync socket, if there is
 * one. */
void nsh_plan_drop_launchers(struct plan *plan);
void nsh_plan_drop_sync(struct plan *plan);

/* fdmap.c: checks that the descriptors that the caller gave are open. */
int nsh_fdmap_check(const struct nsh_command *cmd, bool in_place,
		    struct nsh_failure *failure);
/* fdmap.c: fills moves, staged, child_ends, parent_ends and send_ends of *plan. */
int nsh_fdmap_plan(struct plan *plan, const struct nsh_command *cmd,
		   bool in_place, struct nsh_failure *failure);
/* sinks.c: opens the targets of a stream's list, and adds them to the plan's sinks.
 * Returns 0, or -1 with the failure. */
int nsh_sinks_plan(struct plan *plan, const struct stdio *stream, int which,
		   struct nsh_failure *failure);
/* fdmap.c: the stage of a standard stream. */
enum nsh_stage nsh_stdio_stage(int which);
/* fdmap.c: opens a file for output, with more `flags`; returns -1 with errno. */
int nsh_open_output(const struct stdio *file, int flags);
/* pty.c: makes the terminal if the command has one: fills pty_master and pty_slave, and
 * returns a third descriptor, for the child, in *ret_fd (-1: no terminal).  Returns 0,
 * or -1 with the failure. */
int nsh_pty_plan(struct plan *plan, const struct nsh_command *cmd, int *ret_fd,
		 struct nsh_failure *failure);
/* caps.c: reads the sets of this thread with capget(2).  Returns 0, or -1 with
 * errno. */
int nsh_caps_read(struct cap_sets *ret_sets);
/* Returns the capabilities of `among` that are in the ambient set. */
uint64_t nsh_caps_ambient(uint64_t among);
/* True if this thread may mount file systems (CAP_SYS_ADMIN). */
bool nsh_caps_can_mount(void);
/* True if this thread may set its groups (CAP_SETGID). */
bool nsh_caps_can_set_groups(void);
/* Computes *ret_words from clear_caps, allow_cap (bit n is capability n), the
 * ids in `plan` and the sets of this thread.  Returns 0, or -1 with the
 * failure: a capability that this thread does not have cannot be given to the
 * child. */
int nsh_caps_plan(const struct plan *plan, bool clear, uint64_t allow,
		  struct cap_words *ret_words, struct nsh_failure *failure);
/* sandbox.c: fills plan->sandbox and adds its ruleset's descriptor.  Returns 0, or -1 with
 * the failure. */
int nsh_sandbox_plan(struct plan *plan, const struct nsh_command *cmd,
		     const struct nsh_means *means, struct nsh_failure *failure);
/* Returns the stage in which a part fails. */
enum nsh_stage nsh_part_stage(enum nsh_sandbox_part part);
/* hook.c: sets the plan's call_hook and hook_fds if the command has a hook: child.c
 * calls the hook through a pointer, because it must not refer to code that may
 * allocate.  Returns 0, or -1 with errno. */
int nsh_hook_plan(struct plan *plan);
void nsh_hook_free(struct plan *plan);

#endif
