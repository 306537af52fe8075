/*
 * noshell_command.h: commands, the builder part of noshell.h, which includes
 * it and says what commands, processes, results and failures are.
 */
#ifndef NOSHELL_COMMAND_H
#define NOSHELL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- commands: making, arguments --------------------------------------- */

struct nsh_command;

/* A command that runs `program`: looked up in the caller's PATH unless it
 * holds a slash.  NULL where memory is short.  Free with nsh_command_free. */
struct nsh_command *nsh_command_new(const char *program);
/* The same with arguments, ended by a NULL. */
struct nsh_command *nsh_command_new_args(const char *program, ...)
	__attribute__((sentinel));
/* An independent copy, its mistake included. */
struct nsh_command *nsh_command_clone(const struct nsh_command *cmd);
/* Frees; descriptors that pass_fd was told to close are closed. */
void nsh_command_free(struct nsh_command *cmd);

void nsh_command_add_arg(struct nsh_command *cmd, const char *arg);
/* Arguments ended by a NULL. */
void nsh_command_add_args(struct nsh_command *cmd, ...) __attribute__((sentinel));
/* A NULL-terminated array of at least one argument. */
void nsh_command_add_arg_list(struct nsh_command *cmd, const char *const *args);
/* The single argument "name=value". */
void nsh_command_add_arg_pair(struct nsh_command *cmd, const char *name,
			      const char *value);
void nsh_command_add_arg_format(struct nsh_command *cmd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Marks the argument added last (or argv[0]) as a secret: strings and logs
 * show *** for it. */
void nsh_command_mark_secret(struct nsh_command *cmd);
/* The child's argv[0], where it is not to be the program's name. */
void nsh_command_set_arg0(struct nsh_command *cmd, const char *arg0);

/* ---- commands: environment --------------------------------------------- *
 * No call: everything is inherited.  The first add or pass switches to "only
 * what was named"; nsh_command_inherit_env keeps the rest.  A name that is
 * set again is replaced where it stands. */

void nsh_command_add_env_pair(struct nsh_command *cmd, const char *name,
			      const char *value);
/* "NAME=value". */
void nsh_command_add_env_string(struct nsh_command *cmd, const char *pair);
void nsh_command_add_env_format(struct nsh_command *cmd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The caller's value of `name`; nothing where it is not set. */
void nsh_command_pass_env(struct nsh_command *cmd, const char *name);
/* Safe to pass also where the caller runs set-id: the same as pass_env,
 * said explicitly. */
void nsh_command_pass_env_allow_suid(struct nsh_command *cmd, const char *name);
/* Where the caller runs set-id (real and effective ids differ, or AT_SECURE):
 * `fallback`, or nothing where that is NULL.  Else as pass_env. */
void nsh_command_pass_env_block_suid(struct nsh_command *cmd, const char *name,
				     const char *fallback);
/* LC_ALL=C, and LD_PRELOAD, LD_LIBRARY_PATH, PATH, HOME, USER, LOGNAME,
 * TMPDIR as far as they are set. */
void nsh_command_pass_env_common(struct nsh_command *cmd);
/* XDG_DATA_HOME, XDG_CACHE_HOME, XDG_CONFIG_HOME below `base`. */
void nsh_command_add_env_xdg(struct nsh_command *cmd, const char *base);
void nsh_command_inherit_env(struct nsh_command *cmd);
void nsh_command_unset_env(struct nsh_command *cmd, const char *name);
void nsh_command_clear_env(struct nsh_command *cmd);

/* ---- commands: attributes ---------------------------------------------- */

/* Entered last, as the target user. */
void nsh_command_set_working_directory(struct nsh_command *cmd, const char *path);
/* 0 to 0777. */
void nsh_command_set_umask(struct nsh_command *cmd, unsigned mask);
/* RLIMIT by its lower-case name ("nofile"); NSH_UNLIMITED for none. */
#define NSH_UNLIMITED UINT64_MAX
void nsh_command_set_limit(struct nsh_command *cmd, const char *name,
			   uint64_t soft, uint64_t hard);
void nsh_command_set_max_files(struct nsh_command *cmd, uint64_t count);
void nsh_command_set_max_processes(struct nsh_command *cmd, uint64_t count);
void nsh_command_set_max_mem_lock(struct nsh_command *cmd, uint64_t bytes);
void nsh_command_set_max_core_size(struct nsh_command *cmd, uint64_t bytes);
/* Nice value, -20 to 19. */
void nsh_command_set_nice(struct nsh_command *cmd, int nice);
void nsh_command_new_session(struct nsh_command *cmd);
void nsh_command_new_process_group(struct nsh_command *cmd);
/* The signal the child gets when the thread that started it dies. */
void nsh_command_set_parent_death_signal(struct nsh_command *cmd, int signal);
void nsh_command_set_no_new_privs(struct nsh_command *cmd);
/* The processors on which the program may run, each from 0 to 8191; NULL: all
 * that its cpuset has.  Otherwise it inherits them from the thread that starts
 * it: see sched_setaffinity(2). */
void nsh_command_set_cpu_affinity(struct nsh_command *cmd, const unsigned *cpus,
				  size_t count);
/* Core scheduling: a new cookie, or that of the process `pid`. */
void nsh_command_run_alone(struct nsh_command *cmd);
void nsh_command_run_among(struct nsh_command *cmd, pid_t pid);

/* ---- commands: identity, capabilities, labels -------------------------- */

/* Unless set_groups names them, the supplementary groups become those of the
 * user's account, or the gid alone: ours are kept only without CAP_SETGID.
 * With a uid other than 0, the permitted, effective, inheritable and ambient
 * capability sets of the program are exactly those of allow_cap, whatever this
 * process holds and whatever its securebits are. */
void nsh_command_set_uid(struct nsh_command *cmd, uid_t uid);
void nsh_command_set_gid(struct nsh_command *cmd, gid_t gid);
/* Exactly these supplementary groups; count may be 0. */
void nsh_command_set_groups(struct nsh_command *cmd, const gid_t *groups,
			    size_t count);
/* uid, gid and groups of the account `name`, looked up now. */
void nsh_command_set_user(struct nsh_command *cmd, const char *name);
/* As set_uid and set_gid, by name; a decimal number is taken as one. */
void nsh_command_set_uid_name(struct nsh_command *cmd, const char *name);
void nsh_command_set_gid_name(struct nsh_command *cmd, const char *name);
/* Start from no capabilities; allow_cap then adds.  The bounding set is reduced
 * too; without CAP_SETPCAP no_new_privs is set instead, so that the program
 * cannot regain one (nor another user id from a set-user-ID program). */
void nsh_command_clear_caps(struct nsh_command *cmd);
/* "net_raw", "CAP_NET_RAW": the program has it, after clear_caps and after a
 * change of user too.  This process must hold it. */
void nsh_command_allow_cap(struct nsh_command *cmd, const char *name);
void nsh_command_allow_cap_number(struct nsh_command *cmd, int number);
/* The label that exec gives the program.  Where the module is not active
 * running fails, unless `if_enabled`. */
void nsh_command_set_selinux_label(struct nsh_command *cmd, const char *label,
				   bool if_enabled);
void nsh_command_set_apparmor_profile(struct nsh_command *cmd,
				      const char *profile, bool if_enabled);

/* ---- commands: standard streams and descriptors ------------------------ */

enum nsh_stdio {
	NSH_STDIO_DEFAULT,  /* stdin: null; stdout, stderr: capture */
	NSH_STDIO_NULL,
	NSH_STDIO_INHERIT,  /* the caller's, whatever it is then */
	NSH_STDIO_PIPE,     /* a stream of the process */
	NSH_STDIO_CAPTURE,  /* stdout, stderr: into the result */
	NSH_STDIO_STDOUT,   /* stderr only: where stdout goes, in true order */
	NSH_STDIO_BUFFER,   /* stdin: from set_input_buffer */
	NSH_STDIO_FD,
	NSH_STDIO_PATH,
};

/* `which` is 0, 1 or 2; the last call for one wins. */
void nsh_command_set_stdio(struct nsh_command *cmd, int which,
			   enum nsh_stdio kind);
/* An open descriptor of the caller, which stays the caller's. */
void nsh_command_set_stdio_fd(struct nsh_command *cmd, int which, int fd);
/* A file: read for stdin, else created (0666 less the caller's umask) and
 * truncated, or appended to. */
void nsh_command_set_stdio_path(struct nsh_command *cmd, int which,
				const char *path, bool append);
/* How stream `which` is directed now. */
enum nsh_stdio nsh_command_stdio(const struct nsh_command *cmd, int which);
/* Written to the child's stdin, then closed.  Any bytes; copied. */
void nsh_command_set_input_buffer(struct nsh_command *cmd, const void *data,
				  size_t size);
/* `data` becomes readable at the returned descriptor number of the child;
 * the copy is wiped after use.  -1 on a mistake. */
int nsh_command_send_buffer(struct nsh_command *cmd, const void *data,
			    size_t size);
/* The caller's `fd` becomes the child's `child_fd` (>= 0).  `close_parent`
 * gives `fd` to the command: it is closed after the next start, or with the
 * command, also where the call was a mistake. */
void nsh_command_pass_fd(struct nsh_command *cmd, int fd, int child_fd,
			 bool close_parent);

/* ---- commands: running ------------------------------------------------- */

/* Runs in the forked child just before exec, with everything in place but
 * labels, ids and the working directory.  0, or -1 with a message (NUL
 * terminated, at most `size` bytes) that becomes the failure's reason.
 * The descriptors that it opens are closed afterwards, except those that it
 * keeps with nsh_hook_keep_fd or puts in the place of a planned one (dup2(2)).
 * Limit: what goes to the program's stdin or send buffers comes when it is
 * executing; a hook that waits for its end waits for ever. */
typedef int nsh_pre_exec_hook(void *data, char *message, size_t size);
void nsh_command_set_pre_exec_hook(struct nsh_command *cmd,
				   nsh_pre_exec_hook *hook, void *data);
/* Called by a hook: the program inherits `fd`, under its number.  0, or -1 with
 * errno: EINVAL outside of a hook. */
int nsh_hook_keep_fd(int fd);
/* Before exec the child waits for nsh_process_handshake_notify. */
void nsh_command_require_handshake(struct nsh_command *cmd);
/* Detach: own session, "/" as working directory unless one is set.  The
 * process's pid is the daemon's; waiting ends when the daemon has started. */
void nsh_command_daemonize(struct nsh_command *cmd);
/* Locked and written with the pid before exec; kept locked by the program.  The
 * file stays when that has ended, or was not started: only the lock counts. */
void nsh_command_set_pid_file(struct nsh_command *cmd, const char *path);
/* Seconds after which the process tree gets TERM, and KILL after `grace`.  They
 * count from the exec; a hook, or a FIFO that nobody opens, gets as many before. */
void nsh_command_set_timeout(struct nsh_command *cmd, double seconds,
			     double grace);
/* Cap of each captured stream, in bytes; SIZE_MAX for none.  64 MiB unless
 * set. */
void nsh_command_set_max_output(struct nsh_command *cmd, size_t bytes);
/* Also this exit code (0 to 255) is success. */
void nsh_command_allow_exit(struct nsh_command *cmd, int code);
void nsh_command_allow_any_exit(struct nsh_command *cmd);
/* Nothing is a failure, not even death by signal. */
void nsh_command_raw_status(struct nsh_command *cmd);

/* ---- commands: looking at them ----------------------------------------- */

struct nsh_mistake {
	const char *method;  /* the setter, "" where none was made */
	const char *value;   /* what it was given, as text */
	const char *reason;  /* why that cannot be */
	const char *where;   /* "file:line" of the caller, or "" */
	const char *key;     /* the option that called the setter, or "" */
	int errnum;          /* EINVAL, ENOMEM, ... */
};

/* The first mistake, or NULL.  Belongs to the command. */
const struct nsh_mistake *nsh_command_mistake(const struct nsh_command *cmd);
/* Makes one: for bindings, whose values C cannot hold.  Ignored where there
 * is one already. */
void nsh_command_set_mistake(struct nsh_command *cmd, const char *method,
			     const char *value, const char *reason, int errnum);
/* Where the first mistake was made. */
void nsh_command_set_mistake_where(struct nsh_command *cmd, const char *where);
/* Records that the first argument error is the value of the option `key`: a
 * failure then reads "key = value", not "method(value)".  Has no effect if
 * there is no error, or its key is recorded already. */
void nsh_command_set_mistake_key(struct nsh_command *cmd, const char *key);

/* The command line as a POSIX shell reads it back: variables that were set,
 * then the words, each quoted where it must be.  Secrets show as ***.
 * malloc'd; NULL where memory is short. */
char *nsh_command_to_string(const struct nsh_command *cmd, bool linebreaks,
			    bool strip_path);
/* Variables and words separated by blanks, unquoted, and a newline, written
 * to fd.  0, or -1 with errno. */
int nsh_command_write_arg_log(const struct nsh_command *cmd, int fd);
/* The words, argv[0] first, NULL-terminated; belongs to the command. */
const char *const *nsh_command_argv(const struct nsh_command *cmd);
/* Whether argv[index] was marked secret. */
bool nsh_command_arg_is_secret(const struct nsh_command *cmd, size_t index);
/* The environment that a run now would give, NULL-terminated; free with
 * nsh_strv_free.  NULL where memory is short. */
char **nsh_command_environment(const struct nsh_command *cmd);
void nsh_strv_free(char **strings);
/* The input buffer and its size, or NULL. */
const void *nsh_command_input(const struct nsh_command *cmd, size_t *ret_size);
/* NULL where none is set. */
const char *nsh_command_working_directory(const struct nsh_command *cmd);

/* The setters of one scalar, for bindings to other languages: name, range and
 * description of each, so that a binding needs no code of its own for it. */
enum nsh_setter_kind {
	NSH_SETTER_FLAG,         /* set.flag, no argument */
	NSH_SETTER_INTEGER,      /* set.integer, from minimum to maximum */
	NSH_SETTER_MASK,         /* set.mask, from 0 to maximum */
	NSH_SETTER_SIGNAL,       /* set.integer, a signal's number */
	NSH_SETTER_LIMIT,        /* set.limit; NSH_UNLIMITED for none */
	NSH_SETTER_TEXT,         /* set.text, not empty; copied */
};
struct nsh_setter {
	const char *name;        /* nsh_command_<name> */
	const char *key;         /* the name without "set_" */
	const char *description; /* Markdown */
	enum nsh_setter_kind kind;
	int minimum, maximum;    /* of the argument, both included */
	enum nsh_stage stage;    /* NSH_STAGE_NONE: the kernel is not asked */
	union {
		void (*flag)(struct nsh_command *cmd);
		void (*integer)(struct nsh_command *cmd, int value);
		void (*mask)(struct nsh_command *cmd, unsigned mask);
		void (*limit)(struct nsh_command *cmd, uint64_t value);
		void (*text)(struct nsh_command *cmd, const char *text);
	} set;
};
/* The setter number `index`, from 0; NULL behind the last.  Static. */
const struct nsh_setter *nsh_setter(size_t index);
/* Reads what setter `index` was last given: a number (1 for a flag) and, for a
 * text, the command's string, else NULL.  Returns false if it was not called;
 * always for a limit, which nsh_command_limit reports. */
bool nsh_command_setter_value(const struct nsh_command *cmd, size_t index,
			      int *ret_value, const char **ret_text);

/* All else that a command was told; strings and arrays are the command's. */
struct nsh_description {
	const char *arg0, *selinux_label, *apparmor_profile;  /* or NULL */
	const char *path[3];     /* of a standard stream, where it is a path */
	bool append[3];
	int fd[3];               /* ... where it is a descriptor */
	bool set_uid, set_gid, set_groups;
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
	bool set_cpu_affinity;
	const unsigned *cpus;    /* of set_cpu_affinity; NULL: all */
	size_t cpu_count;
	bool clear_caps;
	uint64_t allow_caps;     /* bit n: capability n */
	bool run_alone, has_hook;
	pid_t run_among;         /* 0: none */
	double timeout, grace;   /* timeout < 0: none */
	size_t max_output;       /* SIZE_MAX: any */
};
void nsh_command_describe(const struct nsh_command *cmd,
			  struct nsh_description *ret_description);
struct nsh_limit_set {
	const char *name;        /* "nofile" */
	uint64_t soft, hard;
};
/* The limit, the passed descriptor and the send buffer number `index`, from 0;
 * false, -1 behind the last. */
bool nsh_command_limit(const struct nsh_command *cmd, size_t index,
		       struct nsh_limit_set *ret_limit);
bool nsh_command_passed_fd(const struct nsh_command *cmd, size_t index,
			   int *ret_fd, int *ret_child_fd);
int nsh_command_send_buffer_fd(const struct nsh_command *cmd, size_t index);

/* `word` so that sh reads it back unchanged.  malloc'd; NULL where memory is
 * short. */
char *nsh_quote(const char *word);

#ifdef __cplusplus
}
#endif

#endif
