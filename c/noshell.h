/*
 * noshell.h: run programs without a shell.
 *
 * A command describes what to run and how; it owns copies of everything it is
 * given.  Its setters return nothing and never fail: the first argument error
 * is recorded, later calls do nothing, and running the command reports the
 * error.  A process is one running or finished child, held by a pidfd.  A
 * result describes how it ended.  A failure describes what went wrong: code,
 * stage, errno, subject.
 *
 * Every function accepts NULL for its command (running then fails with ENOMEM),
 * so nsh_command_new needs no check.  Functions that can fail return 0 or -1
 * and fill `failure`, which may be NULL.  Nothing here installs a signal
 * handler, calls waitpid(-1), or changes the umask, the working directory or
 * any other property of the calling process.  A command and a process belong to
 * one thread at a time; different ones may be used in different threads at
 * once.
 */
#ifndef NOSHELL_H
#define NOSHELL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The version of the library, of noshell._VERSION and of noshell.pc. */
#define NOSHELL_VERSION "1.0.0-dev"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- failures ---------------------------------------------------------- */

enum nsh_code {
	NSH_OK,
	NSH_INVALID,       /* a setter was misused; nothing was started */
	NSH_SPAWN,         /* no program ran: retrying is safe; see the stage */
	NSH_EXIT,          /* the program exited with a code that is not allowed */
	NSH_SIGNAL,        /* a signal ended the program */
	NSH_TIMEOUT,       /* a deadline passed */
	NSH_OUTPUT_LIMIT,  /* the program wrote more than set_max_output allows */
	NSH_MEMORY,        /* its sandbox's memory was exhausted: the kernel ended it */
	NSH_LOST,          /* the program ended; its status cannot be found out */
	NSH_IO,            /* the program ran, but an operation on it failed */
	NSH_CLOSED,        /* the object was closed; a fork closes all in the child */
};

/* The launch steps between "run" and "the program is executing".  A failure names
 * the stage that did not succeed. */
enum nsh_stage {
	NSH_STAGE_NONE,
	NSH_STAGE_FIND_PROGRAM,
	NSH_STAGE_PLAN,            /* memory, or a list too long */
	NSH_STAGE_CLONE,
	NSH_STAGE_DESCRIPTORS,
	NSH_STAGE_STDIN,
	NSH_STAGE_STDOUT,
	NSH_STAGE_STDERR,
	NSH_STAGE_PASS_FD,
	NSH_STAGE_SEND_BUFFER,
	NSH_STAGE_PIPES,
	NSH_STAGE_SESSION,
	NSH_STAGE_PTY,
	NSH_STAGE_PROCESS_GROUP,
	NSH_STAGE_FOREGROUND,
	NSH_STAGE_DAEMONIZE,
	NSH_STAGE_PID_FILE,
	NSH_STAGE_UMASK,
	NSH_STAGE_LIMIT,
	NSH_STAGE_NICE,
	NSH_STAGE_OOM_SCORE_ADJ,
	NSH_STAGE_CPU_AFFINITY,
	NSH_STAGE_CORE_SCHEDULING,
	NSH_STAGE_PRE_EXEC_HOOK,
	NSH_STAGE_SELINUX_LABEL,
	NSH_STAGE_APPARMOR_PROFILE,
	NSH_STAGE_GROUPS,
	NSH_STAGE_GID,
	NSH_STAGE_UID,
	NSH_STAGE_USER,
	NSH_STAGE_CAPS,
	NSH_STAGE_WORKING_DIRECTORY,
	NSH_STAGE_PARENT_DEATH_SIGNAL,
	NSH_STAGE_NO_NEW_PRIVS,
	NSH_STAGE_SANDBOX_FILES,   /* from here on: a part of the sandbox is lacking */
	NSH_STAGE_SANDBOX_NETWORK,
	NSH_STAGE_SANDBOX_SYSCALLS,
	NSH_STAGE_SANDBOX_CGROUP,
	NSH_STAGE_SANDBOX_PRIVATE,
	NSH_STAGE_HANDSHAKE,
	NSH_STAGE_SIGNALS,
	NSH_STAGE_EXEC,
	/* From here on the program has started: a failure is NSH_IO. */
	NSH_STAGE_EXCHANGE,        /* data between us and the running program */
	NSH_STAGE_WAIT,
	NSH_STAGE_ABORT,           /* some descendants were not reached */
	NSH_STAGE_COUNT
};

enum { NSH_SUBJECT_SIZE = 4096 + 64, NSH_REASON_SIZE = 1024 };

struct nsh_failure {
	enum nsh_code code;
	enum nsh_stage stage;            /* NSH_STAGE_NONE if none applies */
	int errnum;                      /* an errno value, or 0 */
	int signal;                      /* the one that killed the child; or 0 */
	char subject[NSH_SUBJECT_SIZE];  /* path, name or number concerned; "" */
	char reason[NSH_REASON_SIZE];    /* explains more than errnum does; or "" */
};

/* Returns the stage's name: the setter that requested it ("set_working_directory"),
 * or the operation ("find_program", "exec").  Static. */
const char *nsh_stage_name(enum nsh_stage stage);
/* Returns "invalid", "spawn", "exit", "signal", "timeout", "output_limit", "memory",
 * "lost", "io" or "closed".  Static. */
const char *nsh_code_name(enum nsh_code code);

/* ---- commands: creation, arguments -------------------------------------- */

struct nsh_command;

/* Creates a command for `program`, which is looked up in the caller's PATH
 * unless it contains a slash.  Returns NULL if memory is exhausted.  Free it
 * with nsh_command_free. */
struct nsh_command *nsh_command_new(const char *program);
/* The same with arguments, terminated by NULL. */
struct nsh_command *nsh_command_new_args(const char *program, ...)
	__attribute__((sentinel));
/* Returns an independent copy, including the argument error. */
struct nsh_command *nsh_command_clone(const struct nsh_command *cmd);
/* Frees a command, and closes the descriptors that it owns (pass_fd). */
void nsh_command_free(struct nsh_command *cmd);

void nsh_command_add_arg(struct nsh_command *cmd, const char *arg);
/* Adds arguments, terminated by NULL. */
void nsh_command_add_args(struct nsh_command *cmd, ...) __attribute__((sentinel));
/* Adds a NULL-terminated array of at least one argument. */
void nsh_command_add_arg_list(struct nsh_command *cmd, const char *const *args);
/* Adds the single argument "name=value". */
void nsh_command_add_arg_pair(struct nsh_command *cmd, const char *name,
			      const char *value);
void nsh_command_add_arg_format(struct nsh_command *cmd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Marks the last argument (or argv[0]) as a secret, which strings and logs show
 * as ***. */
void nsh_command_mark_secret(struct nsh_command *cmd);
/* Sets the child's argv[0]; by default it is the program as given. */
void nsh_command_set_arg0(struct nsh_command *cmd, const char *arg0);

/* ---- commands: environment --------------------------------------------- *
 * By default the program inherits all variables.  After the first one that is
 * added or passed, it gets only those, unless nsh_command_inherit_env is called.
 * A variable that is set again keeps its place. */

void nsh_command_add_env_pair(struct nsh_command *cmd, const char *name,
			      const char *value);
/* Sets a variable given as "NAME=value". */
void nsh_command_add_env_string(struct nsh_command *cmd, const char *pair);
void nsh_command_add_env_format(struct nsh_command *cmd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Passes the caller's value of `name`; does nothing if it is not set. */
void nsh_command_pass_env(struct nsh_command *cmd, const char *name);
/* The same, with the statement that it is safe even if the caller runs set-user-ID. */
void nsh_command_pass_env_allow_suid(struct nsh_command *cmd, const char *name);
/* The same, unless the caller runs set-user-ID (real and effective ids differ, or
 * AT_SECURE): then sets `fallback`, or nothing if that is NULL. */
void nsh_command_pass_env_block_suid(struct nsh_command *cmd, const char *name,
				     const char *fallback);
/* Sets LC_ALL=C, and passes LD_PRELOAD, LD_LIBRARY_PATH, PATH, HOME, USER,
 * LOGNAME and TMPDIR. */
void nsh_command_pass_env_common(struct nsh_command *cmd);
/* Sets XDG_DATA_HOME, XDG_CACHE_HOME and XDG_CONFIG_HOME to directories below
 * `base`. */
void nsh_command_add_env_xdg(struct nsh_command *cmd, const char *base);
void nsh_command_inherit_env(struct nsh_command *cmd);
void nsh_command_unset_env(struct nsh_command *cmd, const char *name);
void nsh_command_clear_env(struct nsh_command *cmd);

/* ---- commands: attributes ---------------------------------------------- */

/* Sets the working directory, to which the child changes as the target user. */
void nsh_command_set_working_directory(struct nsh_command *cmd, const char *path);
/* Looks the program up in these directories, separated by colons, instead of PATH. */
void nsh_command_set_search_path(struct nsh_command *cmd, const char *directories);
/* Sets the umask, 0 to 0777. */
void nsh_command_set_umask(struct nsh_command *cmd, unsigned mask);
/* Sets a resource limit by its name in lower case ("nofile"); NSH_UNLIMITED: no
 * limit. */
#define NSH_UNLIMITED UINT64_MAX
void nsh_command_set_limit(struct nsh_command *cmd, const char *name,
			   uint64_t soft, uint64_t hard);
void nsh_command_set_max_files(struct nsh_command *cmd, uint64_t count);
void nsh_command_set_max_processes(struct nsh_command *cmd, uint64_t count);
void nsh_command_set_max_mem_lock(struct nsh_command *cmd, uint64_t bytes);
void nsh_command_set_max_core_size(struct nsh_command *cmd, uint64_t bytes);
/* Sets the nice value, -20 to 19. */
void nsh_command_set_nice(struct nsh_command *cmd, int nice);
/* Sets the preference of the kernel's OOM killer for the program, from -1000
 * (never) to 1000 (first): /proc/pid/oom_score_adj in proc(5). */
void nsh_command_set_oom_score_adj(struct nsh_command *cmd, int value);
void nsh_command_new_session(struct nsh_command *cmd);
void nsh_command_new_process_group(struct nsh_command *cmd);
/* Runs the program in a new process group, which is the foreground group of our
 * controlling terminal while the program runs.  When it ends or stops, the terminal gets
 * its former foreground group and modes back.  If it stops, our own group stops as well,
 * so that the shell takes over; when the shell continues us, the program gets the
 * terminal and continues.  Without a terminal, or if we are not in its foreground, the
 * program only gets the group.
 * Limit: only waiting and pumping notice that the program has stopped, and not if the
 * host has a supervisor (nsh_features). */
void nsh_command_set_foreground(struct nsh_command *cmd);
/* Makes the program join the process group `group` of this session; 0: a new one, as
 * above. */
void nsh_command_set_process_group(struct nsh_command *cmd, pid_t group);
/* Sets the signal that the program gets when this process ends.  The kernel sends
 * it when the thread that started the program ends.  So if another thread than the
 * main one starts a program, a helper thread exists until that program ends.  If this
 * process ends during the start, nothing is executed.
 * Limit: the end of the main thread by pthread_exit(3) counts as the end of the
 * process.
 * Limit: the kernel clears the signal when a set-id program, or one with file
 * capabilities, is executed.
 * Limit: in another pid namespace, the end of this process during the start is
 * not noticed. */
void nsh_command_set_parent_death_signal(struct nsh_command *cmd, int signal);
void nsh_command_set_no_new_privs(struct nsh_command *cmd);
/* Sets the processors on which the program may run, each from 0 to 8191; NULL: all
 * processors of its cpuset.  By default it inherits those of the thread that starts it
 * (sched_setaffinity(2)). */
void nsh_command_set_cpu_affinity(struct nsh_command *cmd, const unsigned *cpus,
				  size_t count);
/* Give the program a new core scheduling cookie, or that of the process
 * `pid`. */
void nsh_command_run_alone(struct nsh_command *cmd);
void nsh_command_run_among(struct nsh_command *cmd, pid_t pid);

/* ---- commands: identity, capabilities, labels -------------------------- */

/* Set the ids.  Unless set_groups is called, the supplementary groups become
 * those of the user's account, or only the gid; without CAP_SETGID the child
 * keeps ours.  With a uid other than 0, the permitted, effective, inheritable
 * and ambient capability sets of the program are exactly those of allow_cap,
 * regardless of the sets and securebits of this process. */
void nsh_command_set_uid(struct nsh_command *cmd, uid_t uid);
void nsh_command_set_gid(struct nsh_command *cmd, gid_t gid);
/* Sets the supplementary groups; count may be 0. */
void nsh_command_set_groups(struct nsh_command *cmd, const gid_t *groups,
			    size_t count);
/* Looks up a group by its name or decimal number.  Returns false if there is none. */
bool nsh_group_id(const char *name, gid_t *ret_gid);
/* Sets uid, gid and groups of the account `name`, which is looked up now. */
void nsh_command_set_user(struct nsh_command *cmd, const char *name);
/* The same as set_uid and set_gid, by name or decimal number. */
void nsh_command_set_uid_name(struct nsh_command *cmd, const char *name);
void nsh_command_set_gid_name(struct nsh_command *cmd, const char *name);
/* Removes all capabilities except those of allow_cap.  The bounding set is
 * reduced too, so that the program cannot regain one; without CAP_SETPCAP,
 * no_new_privs is set instead, which also disables set-user-ID programs. */
void nsh_command_clear_caps(struct nsh_command *cmd);
/* Lets the program have a capability ("net_raw", "CAP_NET_RAW"), even with clear_caps
 * or after a change of user.  This process must have it. */
void nsh_command_allow_cap(struct nsh_command *cmd, const char *name);
void nsh_command_allow_cap_number(struct nsh_command *cmd, int number);
/* Set the label of the program.  Running fails if the security module is not
 * active, unless `if_enabled` is true. */
void nsh_command_set_selinux_label(struct nsh_command *cmd, const char *label,
				   bool if_enabled);
void nsh_command_set_apparmor_profile(struct nsh_command *cmd,
				      const char *profile, bool if_enabled);

/* ---- commands: sandbox -------------------------------------------------- *
 * What the program and its descendants may touch; the kernel enforces it.  Each of
 * these functions requests a sandbox: no_new_privs; reading and executing below the
 * system directories, and writing nowhere; no network; no signals to processes outside;
 * no Unix sockets of others.  The program itself, the interpreters of its #! lines and
 * its dynamic loader are always allowed, and so are /dev/null, /dev/zero, /dev/full,
 * /dev/random and /dev/urandom.  A part that this kernel cannot enforce makes the start
 * fail, unless set_sandbox_require allows it to lack. */

/* The parts of a sandbox. */
enum nsh_sandbox_part {
	NSH_PART_READ,
	NSH_PART_EXEC,
	NSH_PART_WRITE,
	NSH_PART_SIGNALS,        /* to processes outside */
	NSH_PART_NETWORK,
	NSH_PART_UNIX,           /* Unix sockets of processes outside */
	NSH_PART_SYSCALLS,
	NSH_PART_MEMORY,
	NSH_PART_PIDS,
	NSH_PART_CPU,
	NSH_PART_CGROUP,         /* a cgroup, of set_sandbox_cgroup */
	NSH_PART_PRIVATE,
	NSH_PARTS
};
enum { NSH_ALL_PARTS = (1 << NSH_PARTS) - 1 };
/* Returns "read" for NSH_PART_READ; "" if it is unknown.  Static. */
const char *nsh_part_name(enum nsh_sandbox_part part);

/* Requests the sandbox described above. */
void nsh_command_set_sandbox(struct nsh_command *cmd);
/* The kinds of access that have lists of paths.  Writing and executing include reading;
 * writing includes creating, removing and renaming.  UNIX: connecting to Unix sockets. */
enum nsh_sandbox_access {
	NSH_SANDBOX_READ,
	NSH_SANDBOX_EXEC,
	NSH_SANDBOX_WRITE,
	NSH_SANDBOX_UNIX,
	NSH_SANDBOX_ACCESSES
};
struct nsh_sandbox_path {
	const char *path;        /* relative ones are relative to the working directory
				    of the program; "@system": the default */
	bool is_optional;        /* ignored if there is no such file */
};
/* Allows one kind of access to these files, and to everything below these directories, in
 * place of the default.  NULL: to everything. */
void nsh_command_set_sandbox_paths(struct nsh_command *cmd,
				   enum nsh_sandbox_access access,
				   const struct nsh_sandbox_path *paths, size_t count);
/* Allows all of the network, or nothing, which is the default. */
void nsh_command_set_sandbox_network(struct nsh_command *cmd, bool is_allowed);
/* Allows TCP only: connections to these ports, and listening on those; 0 in `bind` is a
 * port that the kernel chooses. */
void nsh_command_set_sandbox_ports(struct nsh_command *cmd,
				   const uint16_t *connect, size_t connect_count,
				   const uint16_t *bind, size_t bind_count);
/* Makes system calls that ordinary programs do not need fail with EPERM: those of
 * nsh_sandbox_group, more `deny`, less `allow`.  The lists contain names of calls and of
 * groups ("@mount"), and end with NULL; each may be NULL. */
void nsh_command_set_sandbox_syscalls(struct nsh_command *cmd, const char *const *deny,
				      const char *const *allow);
/* Limit the program and its descendants together, by a cgroup (cgroups(7), version 2):
 * their memory, in bytes, without swap; the number of their processes and threads; their
 * time on processors, 0.5 for half of one.  If the kernel ends them because the memory is
 * exhausted, the result's code is NSH_MEMORY.  The cgroup is made below one that was
 * delegated to this process, or below that of set_sandbox_cgroup, an absolute path.  When
 * the program has ended, the other processes in it are killed, and it is removed. */
void nsh_command_set_sandbox_memory(struct nsh_command *cmd, uint64_t bytes);
void nsh_command_set_sandbox_pids(struct nsh_command *cmd, unsigned count);
void nsh_command_set_sandbox_cpu(struct nsh_command *cmd, double processors);
void nsh_command_set_sandbox_cgroup(struct nsh_command *cmd, const char *path);
struct nsh_sandbox_private {
	bool tmp;                /* empty /tmp and /var/tmp, which the program may use */
	bool pid;                /* it sees only itself and its descendants, which are
				    killed when it has ended */
	bool network;            /* a network with only a loopback interface */
	const struct nsh_sandbox_path *hide;   /* files and directories to hide */
	size_t hide_count;
};
/* Gives the program a private view of the system, by namespaces(7).  If this process
 * lacks CAP_SYS_ADMIN, that needs user namespaces: then files of other users seem to
 * belong to "nobody".  A hidden file may be visible through another path, such as a bind
 * mount. */
void nsh_command_set_sandbox_private(struct nsh_command *cmd,
				     const struct nsh_sandbox_private *private_);
/* Sets the parts that must be enforced, as a mask with the bits 1 << part; default:
 * NSH_ALL_PARTS.  The others are enforced if possible. */
void nsh_command_set_sandbox_require(struct nsh_command *cmd, unsigned parts);

/* One group of the system calls that set_sandbox_syscalls denies. */
struct nsh_sandbox_group {
	const char *name;        /* "@mount" */
	const char *description;
	const char *const *calls;   /* ends with NULL */
};
/* Returns the group number `index`, from 0; NULL after the last.  Thread-local: valid
 * until the next call in this thread. */
const struct nsh_sandbox_group *nsh_sandbox_group(size_t index);
/* Returns true if set_sandbox_syscalls accepts this name of a call or a group.  Without
 * libseccomp, any name is accepted, and the start fails. */
bool nsh_sandbox_has_call(const char *name);
/* Returns the name of system call number `number` of this architecture, malloc'd; NULL
 * if there is none, or without libseccomp. */
char *nsh_sandbox_call(int number);

/* ---- commands: standard streams and descriptors ------------------------ */

enum nsh_stdio {
	NSH_STDIO_DEFAULT,  /* stdin: null; stdout, stderr: capture */
	NSH_STDIO_NULL,
	NSH_STDIO_INHERIT,  /* the caller's at the time of the start */
	NSH_STDIO_PIPE,     /* a stream of the process */
	NSH_STDIO_CAPTURE,  /* stdout, stderr: into the result */
	NSH_STDIO_STDOUT,   /* stderr: to stdout, in the order of writing */
	NSH_STDIO_BUFFER,   /* stdin: from set_input_buffer */
	NSH_STDIO_FD,
	NSH_STDIO_PATH,
	NSH_STDIO_PTY,      /* the default with set_pty */
	NSH_STDIO_STDERR,   /* stdout: to stderr, in the order of writing */
	NSH_STDIO_LIST,     /* stdout, stderr: to several targets */
};

/* Directs stream `which`, 0 to 2.  The last call for a stream wins. */
void nsh_command_set_stdio(struct nsh_command *cmd, int which,
			   enum nsh_stdio kind);
/* Directs a stream to a descriptor, which remains the caller's. */
void nsh_command_set_stdio_fd(struct nsh_command *cmd, int which, int fd);
/* Directs a stream to a file.  For stdin it is opened for reading; otherwise it
 * is created (mode 0666 less the umask) and truncated, or appended to. */
void nsh_command_set_stdio_path(struct nsh_command *cmd, int which,
				const char *path, bool append);
/* How a file for output is opened. */
enum nsh_file {
	NSH_FILE_APPEND = 1,     /* appended to, not truncated */
	NSH_FILE_EXCLUSIVE = 2,  /* must not exist yet */
	NSH_FILE_READ = 4,       /* the program may also read it */
};
/* Directs stdout or stderr to a file; `how` consists of enum nsh_file.  A file that is
 * created gets `mode` (0 to 07777) less the umask. */
void nsh_command_set_stdio_file(struct nsh_command *cmd, int which, const char *path,
				unsigned how, unsigned mode);
/* Directs stdout or stderr to several targets: the process reads what the program writes,
 * and copies it to each target that one of the next three functions adds, without
 * blocking.  It does not read while a target is 256 KiB behind.  `captures`: the stream
 * is also captured.  `listens`: if not, nsh_process_captured still returns the bytes
 * until nsh_process_drop_captured, for a binding that passes them to functions.  A target
 * whose reader closed it (EPIPE) gets no more bytes; after the last one, the program gets
 * SIGPIPE.  Any other error is a failure of the stage EXCHANGE. */
void nsh_command_set_stdio_list(struct nsh_command *cmd, int which, bool captures,
				bool listens);
/* Add the caller's own stdout or stderr, a descriptor that remains the caller's, and a
 * file as for nsh_command_set_stdio_file.
 * Limit: a terminal or pipe that cannot be opened again through /proc, because it belongs
 * to another user, may block this process for a moment. */
void nsh_command_add_target(struct nsh_command *cmd, int which);
void nsh_command_add_target_fd(struct nsh_command *cmd, int which, int fd);
void nsh_command_add_target_file(struct nsh_command *cmd, int which, const char *path,
				 unsigned how, unsigned mode);
/* Replaces the descriptor of target number `index`, from 0, if that target is one. */
void nsh_command_change_target_fd(struct nsh_command *cmd, int which, size_t index, int fd);
/* Returns how stream `which` is directed. */
enum nsh_stdio nsh_command_stdio(const struct nsh_command *cmd, int which);
/* Returns the first stream, `from` included, that is directed to a pipe; -1 if none
 * is. */
int nsh_command_find_pipe(const struct nsh_command *cmd, int from);
/* Sets the bytes for the child's stdin, which is closed after them.  Copies
 * them. */
void nsh_command_set_input_buffer(struct nsh_command *cmd, const void *data,
				  size_t size);
/* Gives the program a new terminal of that size (1 to 65535), which is the
 * controlling terminal of a new session and replaces the default of each standard
 * stream.  `echo`: the terminal echoes what is written to it, as terminals do by
 * default.  nsh_command_run captures what the program writes as its stdout, or as its
 * stderr if only that is on the terminal.  Otherwise the terminal is stream NSH_PTY of
 * the process; closing it hangs it up: the program gets HUP.  With a change of uid the
 * terminal belongs to that user, if this process may change owners (chown(2)).  The stop
 * signal is HUP by default, because interactive shells ignore TERM. */
void nsh_command_set_pty(struct nsh_command *cmd, int rows, int columns, bool echo);
/* Makes nsh_command_start capture the terminal's output as nsh_command_run does, or
 * makes it a stream again. */
void nsh_command_capture_pty(struct nsh_command *cmd, bool is_captured);
/* Returns true if the command has a terminal. */
bool nsh_command_has_pty(const struct nsh_command *cmd);
/* Makes `data` readable at a descriptor of the child, which is returned.  The
 * copy is wiped after use.  Returns -1 after an argument error. */
int nsh_command_send_buffer(struct nsh_command *cmd, const void *data,
			    size_t size);
/* Adds a pipe between the program's descriptor `target` and this process.  The first is
 * the stream number NSH_PIPES of the process.  `reads`: this process reads what the
 * program writes; otherwise the program reads what this process writes.  At most
 * NSH_MOST_PIPES. */
enum { NSH_MOST_PIPES = 16 };
void nsh_command_add_pipe(struct nsh_command *cmd, int target, bool reads);
/* Removes all added pipes. */
void nsh_command_clear_pipes(struct nsh_command *cmd);
/* Gets pipe number `index`, from 0; returns false after the last. */
bool nsh_command_pipe(const struct nsh_command *cmd, size_t index, int *ret_target,
		      bool *ret_reads);
/* Passes the caller's `fd` to the child as `child_fd`.  With `close_parent` the
 * command takes ownership of `fd`, even after an argument error: it is closed
 * after the next start, or with the command. */
void nsh_command_pass_fd(struct nsh_command *cmd, int fd, int child_fd,
			 bool close_parent);

/* ---- commands: running ------------------------------------------------- */

/* A function that runs in the forked child just before exec, before labels, ids
 * and the working directory are set.  Returns 0, or -1 with a message
 * (NUL-terminated, at most `size` bytes), which becomes the failure's reason.
 * Descriptors that it opens are closed afterwards, except those that it keeps
 * with nsh_hook_keep_fd or duplicates onto a planned one (dup2(2)).
 * Limit: stdin and send buffers are written once the program is executing; a
 * hook that reads them to the end never returns. */
typedef int nsh_pre_exec_hook(void *data, char *message, size_t size);
void nsh_command_set_pre_exec_hook(struct nsh_command *cmd,
				   nsh_pre_exec_hook *hook, void *data);
/* Called by a hook: keeps `fd` open for the program.  Returns 0, or -1 with
 * errno; EINVAL: not called by a hook. */
int nsh_hook_keep_fd(int fd);
/* Makes the child wait for nsh_process_handshake_notify before its exec. */
void nsh_command_require_handshake(struct nsh_command *cmd);
/* Runs the program as a daemon: in its own session, in "/" unless a working
 * directory is set.  The process's pid is the daemon's; waiting ends when the
 * daemon has started. */
void nsh_command_daemonize(struct nsh_command *cmd);
/* Sets a file that is locked before exec, and to which the pid is written.  The
 * program keeps the lock.  The file stays when the program has ended or failed
 * to start; only the lock shows whether the program runs. */
void nsh_command_set_pid_file(struct nsh_command *cmd, const char *path);
/* Sets a timeout: the process tree gets TERM after `seconds` (INFINITY: no timeout),
 * and KILL after another `grace`.  The time counts from the exec.  Before the exec, a hook, or the
 * wait for the other end of a FIFO, may take as long. */
void nsh_command_set_timeout(struct nsh_command *cmd, double seconds,
			     double grace);
/* Sets the signal that a timeout, abort or termination sends first, instead of TERM. */
void nsh_command_set_stop_signal(struct nsh_command *cmd, int signal);
/* Limits only the start, for commands that share a timeout, such as those of a
 * pipeline.  If a child still waits in a hook or for the other end of a FIFO at the
 * time `deadline` (of nsh_now), it is killed, and the start fails with ETIMEDOUT. */
void nsh_command_set_start_deadline(struct nsh_command *cmd, double deadline);
/* Limits each captured stream to a number of bytes; SIZE_MAX: no limit; default
 * 64 MiB. */
void nsh_command_set_max_output(struct nsh_command *cmd, size_t bytes);
/* Makes one more exit code (0 to 255) a success. */
void nsh_command_allow_exit(struct nsh_command *cmd, int code);
void nsh_command_allow_any_exit(struct nsh_command *cmd);
/* Makes every way to end a success, even death by a signal. */
void nsh_command_raw_status(struct nsh_command *cmd);

/* ---- commands: getters -------------------------------------------------- */

/* An argument error. */
struct nsh_argument_error {
	const char *method;  /* the setter */
	const char *value;   /* the argument, as text */
	const char *reason;  /* why it is rejected */
	const char *where;   /* "file:line" of the caller, or "" */
	const char *key;     /* the option that called the setter, or "" */
	int errnum;          /* EINVAL, ENOMEM, ... */
};

/* Returns the first argument error, or NULL.  The command owns it. */
const struct nsh_argument_error *nsh_command_argument_error(
	const struct nsh_command *cmd);
/* Records an argument error, unless there is one already.  For bindings, which
 * reject values that C cannot represent. */
void nsh_command_set_argument_error(struct nsh_command *cmd, const char *method,
				    const char *value, const char *reason,
				    int errnum);
/* Records the caller's "file:line" of the first argument error. */
void nsh_command_set_argument_error_where(struct nsh_command *cmd,
					  const char *where);
/* Records that the first argument error is about the value of the option `key`: a
 * failure then reads "key = value", not "method(value)".  Has no effect if there is no
 * error, or if its key is recorded already. */
void nsh_command_set_argument_error_key(struct nsh_command *cmd, const char *key);

/* Former names. */
#define nsh_mistake nsh_argument_error
#define nsh_command_mistake nsh_command_argument_error
#define nsh_command_set_mistake nsh_command_set_argument_error
#define nsh_command_set_mistake_where nsh_command_set_argument_error_where
#define nsh_command_set_mistake_key nsh_command_set_argument_error_key

enum nsh_text {
	NSH_TEXT_LINEBREAKS = 1,  /* a line break before each option */
	NSH_TEXT_STRIP_PATH = 2,  /* the program without its directory */
	NSH_TEXT_ENV_VALUES = 4,  /* with the values of variables */
};

/* Returns the command line as a POSIX shell takes it: the variables that are
 * set, then the words, quoted if necessary.  Secrets are shown as ***.  So are the
 * values of variables, which often are secrets and would get into errors and logs,
 * unless `how` has NSH_TEXT_ENV_VALUES.  The string is malloc'd; NULL: memory is
 * exhausted. */
char *nsh_command_to_string(const struct nsh_command *cmd, unsigned how);
/* Writes the variables, with their values, and the words to fd, unquoted and
 * separated by blanks, and a newline.  Returns 0, or -1 with errno. */
int nsh_command_write_arg_log(const struct nsh_command *cmd, int fd);
/* Returns the words, argv[0] first, NULL-terminated.  The command owns them. */
const char *const *nsh_command_argv(const struct nsh_command *cmd);
/* Returns true if argv[index] is marked as a secret. */
bool nsh_command_arg_is_secret(const struct nsh_command *cmd, size_t index);
/* Returns the environment that the program would get now, NULL-terminated.
 * Free it with nsh_strv_free.  NULL: memory is exhausted. */
char **nsh_command_environment(const struct nsh_command *cmd);
void nsh_strv_free(char **strings);
/* Returns the input buffer and its size, or NULL. */
const void *nsh_command_input(const struct nsh_command *cmd, size_t *ret_size);
/* Returns NULL if none is set. */
const char *nsh_command_working_directory(const struct nsh_command *cmd);

/* The setters of a single scalar, with name, range and description, from which
 * a binding to another language generates its methods. */
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
	enum nsh_stage stage;    /* NSH_STAGE_NONE: no step of the child */
	union {
		void (*flag)(struct nsh_command *cmd);
		void (*integer)(struct nsh_command *cmd, int value);
		void (*mask)(struct nsh_command *cmd, unsigned mask);
		void (*limit)(struct nsh_command *cmd, uint64_t value);
		void (*text)(struct nsh_command *cmd, const char *text);
	} set;
};
/* Returns the setter number `index`, from 0; NULL after the last.  Static. */
const struct nsh_setter *nsh_setter(size_t index);
/* Gets the last value of setter `index`: a number (1 for a flag) and, for a
 * text, the command's string, else NULL.  Returns false if the setter was not
 * called, and always for a limit, which nsh_command_limit reports. */
bool nsh_command_setter_value(const struct nsh_command *cmd, size_t index,
			      int *ret_value, const char **ret_text);

/* The other attributes of a command, which owns the strings and arrays. */
struct nsh_description {
	const char *arg0, *selinux_label, *apparmor_profile;  /* or NULL */
	const char *path[3];     /* if the stream is directed to a path */
	unsigned file_how[3];    /* enum nsh_file */
	unsigned file_mode[3];   /* of a new file */
	bool captures[3];        /* if it is directed to a list that captures */
	int fd[3];               /* if it is directed to a descriptor */
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
	pid_t process_group;     /* to be joined; 0: none */
	double timeout, grace;   /* timeout < 0: none */
	size_t max_output;       /* SIZE_MAX: no limit */
	bool has_sandbox;
	/* The variables that were set ("NAME=value") and removed, each
	 * NULL-terminated; NULL: none. */
	const char *const *env_set, *const *env_removed;
	bool inherits_env;       /* the program gets the other variables, too */
	bool has_pty, echo;      /* set_pty, with the size: */
	int rows, columns;
};
void nsh_command_describe(const struct nsh_command *cmd,
			  struct nsh_description *ret_description);
struct nsh_limit_set {
	const char *name;        /* "nofile" */
	uint64_t soft, hard;
};
/* Get the limit, the passed descriptor and the send buffer number `index`, from
 * 0; return false or -1 after the last. */
bool nsh_command_limit(const struct nsh_command *cmd, size_t index,
		       struct nsh_limit_set *ret_limit);
bool nsh_command_passed_fd(const struct nsh_command *cmd, size_t index,
			   int *ret_fd, int *ret_child_fd);
int nsh_command_send_buffer_fd(const struct nsh_command *cmd, size_t index);

/* Turns the command into one that is run here in place of a program that runs on
 * another machine, such as ssh.  Replaces its words by `argv`, and removes everything
 * else that concerns the program itself: environment, directory, identity, limits.
 * Standard streams, input, timeout, caps of output and the rules of success stay. */
void nsh_command_carry(struct nsh_command *cmd, const char *const *argv);

/* Quotes a word so that sh reads it back unchanged.  The string is malloc'd;
 * NULL: memory is exhausted. */
char *nsh_quote(const char *word);

/* ---- results ----------------------------------------------------------- */

struct nsh_result {
	enum nsh_code code;      /* NSH_OK, or the kind of failure */
	pid_t pid;
	int exit_code;           /* -1 unless the program exited */
	int signal;              /* 0 unless a signal ended the program */
	bool core_dumped;
	int raw_status;          /* as from wait(2); -1 if it is lost */
	bool timed_out;          /* the command's timeout passed */
	int stopped_by;          /* the signal that had stopped it at the timeout; or 0 */
	double timed_out_after;  /* seconds from the start to the timeout; or 0 */
	bool output_incomplete;  /* a pipe was still open when reading stopped */
	/* The name of a target in a list that did not get all bytes; NULL: none. */
	const char *unwritten;
	/* [1], [2]: the program had exited, but a descendant held that captured
	 * stream open until a timeout or an abort ended the reading. */
	bool held[3];
	bool output_limited;     /* a captured stream exceeded its cap */
	int limited_stream;      /* that stream, 1 or 2 (1 if both did); else 0 */
	/* Names descendants that were not reached when the tree was ended, and
	 * may still run.  NULL: all have ended. */
	const char *unreached;
	bool has_output[3];      /* the stream was captured */
	const char *output[3];   /* [1], [2]: captured bytes; never NULL there */
	size_t output_size[3];
	double duration;         /* in seconds, like the next two */
	double user_time;        /* -1 if the status came without it */
	double system_time;
	/* In bytes; -1 if unknown.
	 * Limit: if memory was shared at the launch, the kernel includes the
	 * parent's peak. */
	int64_t max_rss;
	/* Of the cgroup of its sandbox, in bytes: the largest memory that the program and
	 * its descendants had together; -1 if unknown. */
	int64_t memory_peak;
	bool out_of_memory;      /* the kernel has killed a process in that cgroup */
};

/* ---- processes --------------------------------------------------------- */

struct nsh_process;

/* Starts the program.  Returns when it is executing or, with a handshake, when the
 * child has been started.  Free *ret_process with nsh_process_free.  The timeout is
 * enforced even if no other function is ever called with the process: see
 * nsh_process_leave. */
int nsh_command_start(struct nsh_command *cmd, struct nsh_process **ret_process,
		      struct nsh_failure *failure);
/* The same, for a caller that then waits until the process ends.  Until
 * nsh_process_leave is called, only nsh_process_pump and nsh_process_wait enforce
 * the timeout, so that no thread is needed. */
int nsh_command_start_attended(struct nsh_command *cmd,
			       struct nsh_process **ret_process,
			       struct nsh_failure *failure);
/* Starts the program, exchanges all data and waits for the end.  NSH_STDIO_PIPE
 * is an argument error here.  If the program started, *ret_process has the
 * result, even if -1 is returned because the result is not a success; otherwise
 * *ret_process is NULL.  ret_process may be NULL. */
int nsh_command_run(struct nsh_command *cmd, struct nsh_process **ret_process,
		    struct nsh_failure *failure);
/* Replaces the calling process (exec in place); returns only on failure, -1.
 * Standard streams are inherited unless directed elsewhere.  After a failure this
 * process is as before.  Signals that it ignores stay without effect all the time.
 * Limit: resource limits and a new session are not undone.
 * Limit: exec can fail for the file's format, an ELF program's dynamic loader or
 * memory.  These failures are detected only after the signal mask has been opened, so
 * pending signals have been delivered by then. */
int nsh_command_exec(struct nsh_command *cmd, struct nsh_failure *failure);

/* After a fork of the host (fork(3) or a raw clone(2)), commands are usable in the
 * child; processes, streams, starts, channels and pollsets of the parent are not.
 * The functions below fail there with NSH_CLOSED or EBADF, and freeing an object
 * frees only memory.  A fork(3) closes the objects' descriptors in the child at
 * once, including those returned by nsh_process_pidfd, nsh_process_pollfd and
 * nsh_stream_fd; a raw clone(2) leaves them open.  No descriptor is closed later,
 * because the child may have reused its number.  Descriptors that noshell has
 * given away (nsh_pipe, nsh_stream_take_fd) stay open. */

/* Returns true if the process may be used here, false in a forked child of its
 * owner. */
bool nsh_process_is_ours(const struct nsh_process *process);
/* Fills in the failure of using a process that is not ours.  Returns -1. */
int nsh_process_fail_foreign(const struct nsh_process *process,
			     struct nsh_failure *failure);
pid_t nsh_process_pid(const struct nsh_process *process);
/* How a part of the sandbox is enforced.  The process owns the strings. */
struct nsh_part_state {
	const char *means;     /* "landlock 7", "seccomp", "cgroup", "namespaces";
			        NULL: it is not enforced */
	const char *reason;    /* why it is not; else NULL */
};
/* Gets the state of a part.  Returns false if it was not requested. */
bool nsh_process_sandbox(const struct nsh_process *process, enum nsh_sandbox_part part,
			 struct nsh_part_state *ret_state);
/* Returns the pidfd, which the process owns; -1 once the process is reaped. */
int nsh_process_pidfd(const struct nsh_process *process);
/* Returns the launch path: "shared", "prefix", "copied", "launcher", "own"; or
 * NSH_DRY. */
const char *nsh_process_launch(const struct nsh_process *process);
/* Returns the command line as text, for messages. */
const char *nsh_process_command(const struct nsh_process *process);

/* Returns a descriptor that is readable when pump has something to do; the process
 * owns it.  -1 if there is nothing left to wait for. */
int nsh_process_pollfd(struct nsh_process *process);
/* Returns the seconds after which pump must be called even if pollfd is not
 * readable.  Negative: never, as for a finished process. */
double nsh_process_timeout(struct nsh_process *process);
/* Returns the time (of nsh_now) at which the timeout passes; negative if there is
 * none, or if it has passed and was acted on.  A finished process keeps its
 * deadline, because a descendant may still hold a stream open.  *ret_seconds is
 * the time between start and deadline. */
double nsh_process_deadline(const struct nsh_process *process, double *ret_seconds);
/* Returns the value of the command's set_max_output. */
size_t nsh_process_max_output(const struct nsh_process *process);
/* Moves data, runs timers and collects the status; never blocks.  Returns 1 when
 * the process has ended and its pipes are at end of file, 0 before, -1 on
 * failure. */
int nsh_process_pump(struct nsh_process *process, struct nsh_failure *failure);
/* A descriptor to wait for. */
struct nsh_watch {
	int fd;        /* -1: skipped */
	short events;  /* NSH_READABLE, NSH_WRITABLE */
};
/* Waits once, as poll(2) does.  Returns
 *   1: pump has something to do for one of the processes, or one of `others` is ready;
 *   2: `other` (-1: none) is readable;
 *   0: `seconds` have passed (negative: no limit), or a process's timer has expired;
 *  -1: error, with errno.  EINTR: a signal handler ran. */
int nsh_processes_poll(struct nsh_process *const *processes, size_t count,
		       const struct nsh_watch *others, size_t other_count, int other,
		       double seconds);
/* Pumps until the process is finished or `seconds` have passed (negative: no
 * limit).  Returns 1 if finished, 0 if the time is up, -1 on failure.  Waiting on
 * a dry-run process without an end is a failure. */
int nsh_process_wait(struct nsh_process *process, double seconds,
		     struct nsh_failure *failure);
/* Returns true if everything that pump may have to do is announced by the descriptors
 * and the timeout of the process, so that a wait for them need not begin with pump. */
bool nsh_process_announces(const struct nsh_process *process);
/* Asks the kernel to use huge pages for memory that is about to be written. */
void nsh_use_huge_pages(void *memory, size_t size);
/* Returns the result, which the process owns; NULL until pump has returned 1. */
const struct nsh_result *nsh_process_result(const struct nsh_process *process);
/* Returns true if the program's status was collected, although other processes may still
 * hold its pipes. */
bool nsh_process_has_exited(const struct nsh_process *process);
/* Gets the bytes captured so far from stream 1 or 2, valid until the next pump.
 * Returns false if the stream is not captured. */
bool nsh_process_captured(const struct nsh_process *process, int which,
			  const char **ret_data, size_t *ret_size);
/* Returns true if pump still has data to move: input or captured output. */
bool nsh_process_moves_data(const struct nsh_process *process);
/* Discards the first `count` captured bytes: they do not count towards the cap and
 * are not in the result.  Has no effect on a finished process. */
void nsh_process_drop_captured(struct nsh_process *process, int which,
			       size_t count);
/* Checks a finished process by its command's rules (allow_exit, raw_status).
 * Returns 0, or -1 with the failure. */
int nsh_process_check(const struct nsh_process *process,
		      struct nsh_failure *failure);
/* The end of a program that ran on another machine. */
struct nsh_remote_end {
	int exit_code, signal;   /* signal: 0 if it exited */
	bool core_dumped;
	bool timed_out;          /* its timeout passed there */
	bool lost;               /* its status is unknown */
};
/* Replaces the status of a finished process, such as ssh, by that of the program that
 * ran on another machine.  Returns 0, or -1 with errno (ESRCH: it still runs). */
int nsh_process_restate(struct nsh_process *process, const struct nsh_remote_end *end);
/* Returns the signal that stopped the program, if it is stopped or was at its timeout;
 * 0: it was not, or other code has waited for the stop. */
int nsh_process_stopped_by(struct nsh_process *process);
/* Returns the name of a target in a list that has unwritten bytes, now or at the end;
 * NULL: there is none. */
const char *nsh_process_behind(struct nsh_process *process);
/* Sends a signal through the pidfd.  Returns 0, or -1 with errno (ESRCH: the
 * process has ended). */
int nsh_process_kill(struct nsh_process *process, int signal);
/* The same for the process group that the command made or joined; EINVAL if it did
 * neither. */
int nsh_process_kill_group(struct nsh_process *process, int signal);
/* The same for the program and all its descendants, and the members of the group that
 * the command made.  While they are searched for, they are stopped.  Returns 0, or -1
 * with the failure: the program has ended, or not all could be found or signalled. */
int nsh_process_kill_tree(struct nsh_process *process, int signal,
			  struct nsh_failure *failure);
/* Changes the size of the program's terminal; the foreground process group gets WINCH.
 * Returns 0, or -1 with errno: ENOTTY if it has no terminal that is open, EINVAL if a
 * number is not from 1 to 65535. */
int nsh_process_resize(struct nsh_process *process, int rows, int columns);
/* Starts the escalation: TERM to the whole tree now, KILL after `grace` seconds;
 * pump continues it.  Has no effect on a finished process. */
void nsh_process_terminate(struct nsh_process *process, double grace);
/* The seconds between TERM and KILL of an abort. */
#define NSH_ABORT_GRACE 0.01
/* Sends TERM to the tree and, 10 ms later, KILL, and reaps the process.  Returns 0;
 * -1 with the stage NSH_STAGE_ABORT if processes of the tree may still run,
 * because they could not be found or signalled. */
int nsh_process_abort(struct nsh_process *process, struct nsh_failure *failure);
/* Makes a helper thread, the keeper, enforce the command's timeout even if the process
 * is not pumped.  The keeper runs the escalation when the timeout has passed, and
 * nsh_process_pump reports it as its own.  With `seconds` >= 0 the keeper also ends the
 * tree that many seconds from now, with `grace`; pump does not enforce this second
 * deadline.  The thread is started when there is a deadline to enforce, and ends 0.1 s
 * after the last one.
 * Limit: if no thread can be started, the timeout is enforced only while the
 * process is pumped. */
void nsh_process_leave(struct nsh_process *process, double seconds, double grace);
/* Makes the process an orphan and frees `process`.  The program runs on.  The
 * keeper serves it until its end: it discards its output, writes the rest of its
 * input, enforces its timeout, completes an escalation and reaps it. */
void nsh_process_forget(struct nsh_process *process);
/* Begins to end the tree as nsh_process_abort does, and returns at once; the keeper
 * continues.  Frees `process`; NULL is allowed. */
void nsh_process_end(struct nsh_process *process);
/* The same, but even the search for the tree happens in a helper thread. */
void nsh_process_end_later(struct nsh_process *process);
/* Makes nsh_process_forget close the streams instead of reading them to their end: a
 * program that then writes more gets SIGPIPE. */
void nsh_process_leave_streams(struct nsh_process *process);
/* Aborts the process if it is still running, and frees everything.  NULL is
 * allowed. */
void nsh_process_free(struct nsh_process *process);
/* Reaps orphans that have ended, without waiting for the keeper to do it.  Returns the
 * number of orphans that are left. */
size_t nsh_reap(void);

/* Waits until the child is ready for the handshake.  Returns 1; 0 if the time is
 * up; -1 with the failure. */
int nsh_process_handshake_wait(struct nsh_process *process, double seconds,
			       struct nsh_failure *failure);
/* Lets the child continue to its exec. */
int nsh_process_handshake_notify(struct nsh_process *process,
				 struct nsh_failure *failure);

/* ---- dry runs: a process without a program ------------------------------ *
 * A dry run starts nothing, opens no file and runs no hook.  Its streams exist:
 * input is kept, and output can be read once the end is set.  Only
 * nsh_process_end_dry, terminate and abort end the process; other signals succeed
 * and have no effect. */

#define NSH_DRY "dry"

struct nsh_dry_end {
	int exit_code;           /* 0 to 255; ignored if `signal` is set */
	int signal;
	bool core_dumped, timed_out, output_limited, out_of_memory, lost;
	const void *output[3];   /* [1], [2]: the output; or NULL */
	size_t output_size[3];
};

/* Checks a command without an argument error for conflicts between its setters,
 * for a start or for an exec (`in_place`).  Returns 0, or -1 with the failure. */
int nsh_command_check(const struct nsh_command *cmd, bool in_place,
		      struct nsh_failure *failure);
/* Looks the program up as a start does.  Returns 0, or -1 with the failure. */
int nsh_command_find_program(const struct nsh_command *cmd,
			     struct nsh_failure *failure);
/* As nsh_command_start, but makes a dry-run process with that pid. */
int nsh_command_start_dry(struct nsh_command *cmd, pid_t pid,
			  struct nsh_process **ret_process,
			  struct nsh_failure *failure);
/* Ends a dry-run process as described by the second argument.  Output beyond the cap
 * has the same effect as for a program.  Returns 0, or -1 with errno: ENOMEM, or ESRCH
 * if the process has ended already. */
int nsh_process_end_dry(struct nsh_process *process,
			const struct nsh_dry_end *end);
/* Sets the bytes that the added pipe of stream `which` delivers before its end of file.
 * Returns 0, or -1 with errno. */
int nsh_process_give_dry(struct nsh_process *process, int which, const void *data,
			 size_t size);
/* Returns the bytes written to the added pipe of stream `which`; the process owns them.
 * NULL: there is no such pipe. */
const void *nsh_process_pipe_input_dry(const struct nsh_process *process, int which,
				       size_t *ret_size);
/* Returns the bytes written to its stdin so far; the process owns them. */
const void *nsh_process_input_dry(const struct nsh_process *process,
				  size_t *ret_size);

/* ---- streams: the parent's ends of a child's pipes and terminal --------- */

struct nsh_stream;

/* The numbers of the terminal, and of the first pipe of nsh_command_add_pipe, among the
 * streams. */
enum { NSH_PTY = 3, NSH_PIPES };
/* Returns stream 0, 1 or 2 if it was directed to NSH_STDIO_PIPE, the terminal, or an
 * added pipe; else NULL.  The process owns it. */
struct nsh_stream *nsh_process_stream(struct nsh_process *process, int which);
/* Returns the program's descriptor of the stream's other end; -1 for a terminal. */
int nsh_stream_target(const struct nsh_stream *stream);
/* Returns true if this process only writes to the stream. */
bool nsh_stream_writes(const struct nsh_stream *stream);
/* Returns the descriptor, which is non-blocking and owned by the stream; -1 if the
 * stream is closed or its end has been read. */
int nsh_stream_fd(const struct nsh_stream *stream);
/* Returns true after nsh_stream_close or nsh_stream_take_fd.  Reading to the end
 * does not close a stream. */
bool nsh_stream_is_closed(const struct nsh_stream *stream);
/* Closes the stream and returns its descriptor, made blocking, for fdopen(3).  The
 * caller owns it.  Returns -1 if the stream is closed or holds unread data. */
int nsh_stream_take_fd(struct nsh_stream *stream);
void nsh_stream_close(struct nsh_stream *stream);

/* Reads up to and including `separator` (-1: none), at most `max` bytes (0: no
 * bound), or to the end.  Returns
 *   1: *ret_data and *ret_size are set, valid until the next call;
 *   0: would block, or the process must be pumped because its deadline passed;
 *   2: end of stream, nothing left;
 *  -1: error, with errno.  EMSGSIZE: without `max`, a record is longer than
 *      set_max_output allows; its bytes can be read with other arguments. */
int nsh_stream_read(struct nsh_stream *stream, int separator, size_t max,
		    const char **ret_data, size_t *ret_size);
/* Reads up to and including a separator of `size` bytes, as nsh_stream_read does, but
 * only from the bytes that were read from the pipe already: makes no system call.
 * Returns false if these contain no separator. */
bool nsh_stream_take_record(struct nsh_stream *stream, const char *separator,
			    size_t size, const char **ret_data, size_t *ret_size);
/* Reads once into the stream's buffer, without blocking.  Returns 1 if bytes arrived,
 * 0 if it would block, 2 at the end, -1 with errno. */
int nsh_stream_fill(struct nsh_stream *stream);
/* Returns the number of bytes that are buffered and not read yet.  *ret_data is valid
 * until the next call with this stream, and is not set if there are none. */
size_t nsh_stream_buffered(const struct nsh_stream *stream, const char **ret_data);
/* Puts bytes before those that are read next.  Returns 0, or -1 with errno. */
int nsh_stream_push_back(struct nsh_stream *stream, const void *data, size_t size);
/* Gives back the last `size` bytes that the last call of nsh_stream_read or
 * nsh_stream_take_record returned. */
void nsh_stream_unread(struct nsh_stream *stream, size_t size);
/* Writes as much as fits.  Returns the number of bytes, 0 if it would block, -1
 * with errno: EPIPE if the child has stopped reading.  SIGPIPE is never raised. */
ssize_t nsh_stream_write(struct nsh_stream *stream, const void *data,
			 size_t size);
/* Returns a descriptor to poll for *ret_events (POLLIN, POLLOUT): it is ready when
 * the stream may be tried again or its process must be pumped. */
int nsh_stream_pollfd(struct nsh_stream *stream, short *ret_events);
/* Waits once until the stream may be tried again, as nsh_processes_poll. */
int nsh_stream_poll(struct nsh_stream *stream, int other, double seconds);

/* ---- pending starts: starting a program in another thread ---------------- *
 * For a host whose thread must not be suspended.  A start suspends the thread that
 * performs it until the program executes, for a fraction of a millisecond.  Here that
 * is a new thread, made for this start in 15 us.  Because the caller makes it, the
 * thread, and so the program, has the caller's attributes at the time of the call: ids,
 * capabilities, no_new_privs, seccomp filters, Landlock, namespaces, CPU affinity, nice
 * value, scheduling policy.  Starts take turns in the order of the calls, except those
 * that open a FIFO.  If no thread can be made, the caller starts the program itself.
 * Limit: the environment must not be changed while a start is pending. */

struct nsh_start;

/* Returns true if the command can be started in another thread: it has no hook, no
 * handshake, and no pass_fd with close_parent. */
bool nsh_command_can_start_aside(const struct nsh_command *cmd);
/* Returns true if a standard stream is directed to a FIFO: a start then waits for the
 * FIFO's other end. */
bool nsh_command_opens_fifo(const struct nsh_command *cmd);
/* Starts a copy of the command, with duplicates of the caller's descriptors.  Free
 * *ret_start with nsh_start_free. */
int nsh_command_start_aside(const struct nsh_command *cmd, bool to_end,
			    struct nsh_start **ret_start,
			    struct nsh_failure *failure);
/* Returns a descriptor that is readable when the start is done; with `to_end`,
 * when its process must be pumped as well.  The start owns it. */
int nsh_start_fd(const struct nsh_start *start);
/* Returns the seconds after which to call nsh_start_finish even if the descriptor is
 * not readable: with `to_end`, the command's timeout.  Negative: never. */
double nsh_start_timeout(const struct nsh_start *start);
/* Waits up to `seconds` for the start.  Returns 1 with the process, 0 if it is not
 * done, -1 with the failure of nsh_command_start. */
int nsh_start_finish(struct nsh_start *start, double seconds,
		     struct nsh_process **ret_process,
		     struct nsh_failure *failure);
/* Makes the start fail with ECANCELED if it waits for the other end of a FIFO; any
 * other start goes on. */
void nsh_start_cancel(struct nsh_start *start);
/* Frees the start without waiting.  Cancels a start that is not done: if its turn
 * has not come, nothing is run; a child that waits for the other end of a FIFO is
 * killed and reaped.  A process that was not taken becomes an orphan and runs on.
 * NULL is allowed. */
void nsh_start_free(struct nsh_start *start);
/* The same, but end a process that was not taken, with nsh_process_end or
 * nsh_process_end_later. */
void nsh_start_end(struct nsh_start *start);
void nsh_start_end_later(struct nsh_start *start);

/* ---- wake-up channels: for a host that can wait for its own sockets only - *
 * The host connects a stream socket to nsh_wake_path, nsh_wake_accept takes the
 * other end, and a helper thread writes one byte there when an armed descriptor
 * is ready.  A channel is a number >= 0.  It ends when the host closes its end; the
 * number is not reused soon. */

/* Returns the path to connect to: a listener that only this process can reach.
 * Static; NULL with errno. */
const char *nsh_wake_path(void);
/* Takes the connection that the caller has just made.  Returns the channel, or -1
 * with errno (EAGAIN: there is no connection). */
int nsh_wake_accept(void);
/* Arms the channel: it gets one byte, once, when fd (-1: none) is ready for
 * `events` or `seconds` have passed (negative: never).  fd stays the caller's; if
 * the caller closes it first, only the time wakes the channel.  Returns 0, or -1
 * with errno (EBADF: the channel has ended). */
int nsh_wake_arm(int channel, int fd, short events, double seconds);
/* Disarms the channel.  A byte may be on its way already. */
void nsh_wake_disarm(int channel);
/* Returns true if the host's end is open.  Call it in the thread in which the host
 * closes sockets: the answer holds until that thread returns to the host. */
bool nsh_wake_is_open(int channel);
/* Gives `object` to the channel: if the host closes its end before
 * nsh_wake_take_back, the helper thread calls end(object).  Call it in the thread
 * in which the host closes sockets.  Returns 0, or -1 with errno (EBADF: the
 * channel has ended); then the object is still the caller's. */
int nsh_wake_entrust(int channel, void *object, void (*end)(void *object));
/* Takes `object` back.  Returns false if the channel has ended: end(object) was or
 * will be called. */
bool nsh_wake_take_back(int channel, const void *object);

/* ---- several processes ------------------------------------------------- */

/* Makes a pipe between two commands: pass ends[0] to set_stdio_fd of the reader,
 * ends[1] to that of the writer.  Both are close-on-exec, and the caller closes
 * them.  Returns 0, or -1 with errno. */
int nsh_pipe(int ends[2]);

/* A set of descriptors that is itself represented by one pollable descriptor. */
struct nsh_pollset;

/* Returns NULL with errno on failure. */
struct nsh_pollset *nsh_pollset_new(void);
/* Returns the descriptor, which is readable if one of those watched is ready.  The
 * set owns it. */
int nsh_pollset_fd(const struct nsh_pollset *set);
/* Watches these descriptors and no others.  Returns 0, or -1 with errno. */
int nsh_pollset_watch(struct nsh_pollset *set, const struct nsh_watch *watches,
		      size_t count);
/* Add a descriptor or change its events, and remove one.  For sets on which
 * nsh_pollset_watch is not used.  Returns 0, or -1 with errno. */
int nsh_pollset_add(struct nsh_pollset *set, int fd, short events);
void nsh_pollset_remove(struct nsh_pollset *set, int fd);
/* Puts up to `count` (at most 64) ready descriptors into fds.  Returns their
 * number. */
size_t nsh_pollset_ready(struct nsh_pollset *set, int *fds, size_t count);
/* Returns true if this process made the set.  After a fork, the child may only
 * call nsh_pollset_free. */
bool nsh_pollset_is_ours(const struct nsh_pollset *set);
void nsh_pollset_free(struct nsh_pollset *set);

/* ---- helpers for bindings ---------------------------------------------- */

/* A descriptor owned by an object of a binding whose finalizer may run after a
 * fork of the host. */
struct nsh_descriptor {
	int fd;                /* -1: closed */
	bool is_shared;
	unsigned owner;
	uint64_t device, inode;
};
/* Takes ownership of take_fd; -1 makes a closed descriptor.  In a child of the
 * host, a descriptor that `is_shared`, such as the end of a pipe, can be used and
 * closed as long as its number refers to the same file; any other one is closed
 * at once. */
void nsh_descriptor_init(struct nsh_descriptor *ret_descriptor, int take_fd,
			 bool is_shared);
/* Returns the number; -1 if it is closed or not usable in this process. */
int nsh_descriptor_fd(const struct nsh_descriptor *descriptor);
void nsh_descriptor_close(struct nsh_descriptor *descriptor);
/* Closes take_fd and keeps errno; -1 is allowed. */
void nsh_fd_close(int take_fd);
/* Returns a close-on-exec duplicate, or -1 with errno. */
int nsh_fd_duplicate(int fd);
/* Returns a descriptor that becomes readable after `seconds` and stays so, or -1
 * with errno. */
int nsh_timer(double seconds);
/* The values of POLLIN and POLLOUT. */
enum { NSH_READABLE = 1, NSH_WRITABLE = 4 };
/* Returns the seconds of CLOCK_MONOTONIC. */
double nsh_now(void);
/* Calls poll(2) for one descriptor, and repeats the call after EINTR.  Returns 1 if the
 * descriptor is ready, 0 after `seconds` (negative: no limit), -1 with errno. */
int nsh_poll(int fd, short events, double seconds);
/* The same for several descriptors, once: returns 1 if one is ready, 2 if `other`
 * (-1: none) is readable, 0 after `seconds`, and -1 with EINTR if a signal handler
 * ran. */
int nsh_poll_several(const struct nsh_watch *watches, size_t count, int other,
		     double seconds);
/* Returns the number of the signal "TERM", "SIGTERM" or "RTMIN+1"; 0 if unknown. */
int nsh_signal_number(const char *name);
/* Returns "TERM" for 15; "" if unknown.  Static or thread-local. */
const char *nsh_signal_name(int number);
/* Returns "ENOENT" for 2; "" if unknown.  Static. */
const char *nsh_errno_name(int errnum);
/* Looks `name` up in the caller's PATH.  Returns the path, malloc'd; NULL with the
 * failure. */
char *nsh_find_program(const char *name, struct nsh_failure *failure);
/* The same in these directories, separated by colons; NULL: in PATH. */
char *nsh_find_program_in(const char *name, const char *directories,
			  struct nsh_failure *failure);

struct nsh_features {
	const char *launch;        /* the path a plain command takes now */
	bool pidfd_info;           /* a status survives reaping by other code */
	bool supervisor;           /* programs are started through a supervisor */
	bool capng;                /* built with libcap-ng */
	bool selinux;              /* built with libselinux */
	bool selinux_enabled;
	bool apparmor_enabled;
	bool core_scheduling;
	bool close_range;
	bool process_group_signal; /* pidfd_send_signal to a group */
	int landlock;              /* the version of Landlock's interface; 0: none */
	bool libseccomp;           /* built with libseccomp */
	bool seccomp;              /* ... and the kernel accepts filters */
	bool cgroup;               /* a cgroup was delegated to this process */
	/* This process may make namespaces: it has CAP_SYS_ADMIN, or the kernel's settings
	 * permit user namespaces.  A seccomp filter or a security module may still refuse. */
	bool namespaces;
};
/* Probes the kernel with one trial launch and in children, so a seccomp filter
 * that kills the probing process does not kill this one. */
void nsh_features(struct nsh_features *ret_features);
/* The same without starting anything: the launch path is NSH_DRY, and features
 * that only a child can probe are false. */
void nsh_features_dry(struct nsh_features *ret_features);

/* ---- signals that the script handles ----------------------------------- */

/* For bindings: noshell handles no signal unless these are called.  The handler only
 * notes the signal; the script's code runs later, at a safe point.
 *
 * `notify` is called by the signal handler and must be async-signal-safe
 * (signal-safety(7)).  `at_exit` is called at exit(3), if this thread calls it, but not
 * in a forked child.  Either may be NULL.  Opening twice replaces them. */
void nsh_trap_open(void (*notify)(void), void (*at_exit)(void));
/* Restores all dispositions; at_exit is no longer called. */
void nsh_trap_close(void);
/* Returns true if this process called nsh_trap_open, false in a forked child of it. */
bool nsh_trap_is_ours(void);
/* Starts to note the signal.  The first call for a signal saves its disposition.
 * Returns 0, or -1 with errno: EINVAL if it cannot be handled (KILL, STOP, signals of
 * libc) or must not be (SEGV, BUS, FPE, ILL: the handler would return to the fault). */
int nsh_trap_set(int signal);
/* The same, but the signal is ignored. */
int nsh_trap_ignore(int signal);
/* Restores the disposition that the first call saved. */
void nsh_trap_restore(int signal);
/* Returns true if the signal is ignored, by us or by the program that started us
 * (nohup(1)). */
bool nsh_trap_is_ignored(int signal);
/* Returns a signal that was noted, and forgets it; 0: none. */
int nsh_trap_take(void);
/* Ends this process by the signal, with its default action.  Does not return. */
void nsh_trap_die(int signal);

#ifdef __cplusplus
}
#endif

#endif
