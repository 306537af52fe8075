/*
 * kernel.h: the features of this kernel, and the calls that the host's seccomp filter
 * permits: every probe, and every remembered answer.
 *
 * All questions are asked in a child, because a filter may kill the process
 * that asks.  One child answers them all; if a question kills it, another
 * child goes on with the next one.  The children have no exit signal, so the
 * host's handlers and waits do not notice them.
 *
 * Before Linux 5.16 a core dump ends every process that shares the memory of
 * the one that dumps, and SIGSYS from a filter dumps core (kernel commit
 * 0258b5fd7c71).  There the children that ask have memory of their own.
 */
#ifndef NSH_KERNEL_H
#define NSH_KERNEL_H

#include <stdbool.h>
#include <sys/types.h>

#include "plan.h"

/* The questions, each a system call that changes nothing but the child. */
enum nsh_question {
	NSH_ASK_CUT,                /* close_range(2) with its own new table */
	NSH_ASK_UNSHARE,            /* unshare(2) of the table */
	NSH_ASK_CLOSE_RANGE,
	NSH_ASK_PIDFD_OPEN,
	NSH_ASK_PIDFD_GETFD,
	NSH_ASK_PIDFD_SIGNAL,
	NSH_ASK_PIDFD_GROUP,        /* pidfd_send_signal(2) to a group */
	NSH_ASK_PIDFD_INFO,         /* ioctl_pidfd(2) */
	NSH_ASK_CORE_SCHEDULING,
	NSH_ASK_LAUNCHER,           /* the host's calls in launcher.c */
	NSH_ASK_LANDLOCK,           /* the version of its interface */
	NSH_ASK_SECCOMP,
	NSH_ASK_CLONE3,
	NSH_ASK_CLONE_INTO,         /* clone3(2) with CLONE_INTO_CGROUP */
	NSH_ASK_PWRITEV2,
	/* The other calls of a child that shares memory.  Asked only if a
	 * killed child would end the host. */
	NSH_ASK_NO_NEW_PRIVS,
	NSH_ASK_PARENT_DEATH,
	NSH_ASK_LIMIT,
	NSH_ASK_NICE,
	NSH_ASK_AFFINITY,
	NSH_ASK_UMASK,
	NSH_ASK_SESSION,
	NSH_ASK_PROCESS_GROUP,
	NSH_ASK_DIRECTORY,
	NSH_ASK_SIGACTION,
	NSH_ASK_SIGNAL_MASK,
	NSH_ASK_DUP3,
	NSH_ASK_FCNTL,
	NSH_ASK_OPEN,
	NSH_ASK_LIST,               /* getdents64(2) */
	NSH_ASK_SLEEP,
	NSH_ASK_SELECT,
	NSH_ASK_MAP,                /* mmap(2), munmap(2) */
	NSH_ASK_GETPPID,
	NSH_ASK_FUTEX,
	NSH_ASK_SEND,               /* sendmsg(2) */
	NSH_ASK_EXEC,
	NSH_ASK_EXECVEAT,
	NSH_QUESTIONS
};

enum { NSH_FIRST_STEP_QUESTION = NSH_ASK_NO_NEW_PRIVS };

/* An answer is the result of the call, or one of these. */
enum { NSH_ANSWER_KILLED = -10000, NSH_ANSWER_NONE = -10001 };

/* The memory shared by the host and the asking children. */
struct survey {
	volatile int next;          /* the first question that is left */
	volatile long answers[NSH_QUESTIONS];
	int end;                    /* one past the last question */
	bool shares_table;          /* the child has the host's descriptors */
};

/* child_kernel.c: answers one question; in the host too, if it has no filter. */
long nsh_ask(enum nsh_question question, const struct survey *survey);
/* Runs in a child: answers the remaining questions and exits. */
int nsh_ask_all(void *survey);

/* True if the call is safe in this thread: no known filter kills the caller.
 * Notices filters that were added later.
 * Limit: not without /proc. */
bool nsh_kernel_permits(enum nsh_question question);
/* True if the probe succeeded.  Does not notice filters that were added later. */
bool nsh_kernel_has(enum nsh_question question);
/* The same, but never starts a child: false if only a child could ask. */
bool nsh_kernel_has_here(enum nsh_question question);
/* Asks again if this thread has more filters than when the answers were found. */
void nsh_kernel_refresh(void);

/* True if a filter kills the caller of some probed call and, before Linux 5.16,
 * that would end everything that shares its memory. */
bool nsh_kernel_forbids_sharing(void);

/* Returns the first table, in the order of enum table, that is not refused. */
enum table nsh_kernel_table(void);
/* Makes later launches skip this table. */
void nsh_kernel_refuse_table(enum table table);
/* True if a filter has killed a child in close_range(2) during a launch. */
bool nsh_kernel_kills_close_range(void);
void nsh_kernel_note_close_range_kills(void);

/* True if a launch has found that a memory file cannot be executed here. */
bool nsh_kernel_refuses_launcher(void);
void nsh_kernel_refuse_launcher(void);

/* True if clone3(2) may be called with CLONE_CLEAR_SIGHAND in this thread, which has
 * that number of filters (nsh_filters). */
bool nsh_kernel_clears_handlers(int filters);
/* Makes later launches do without it. */
void nsh_kernel_refuse_clearing(void);

/* True if reading the set of ignored signals from the thread's status file is faster than
 * resetting every signal in the child.  That depends on the machine's cost of a system
 * call, so the first call measures both. */
bool nsh_kernel_reads_ignored(void);

/* True if pwritev2(2) may be called in this thread with RWF_NOSIGNAL, by which a write
 * raises no SIGPIPE. */
bool nsh_kernel_writes_quietly(void);
/* Makes later pipes do without it: Linux before 6.18 fails with EOPNOTSUPP. */
void nsh_kernel_refuse_quiet_writes(void);

/* True if a pidfd still yields the exit status after other code has reaped the
 * process (Linux 6.15). */
bool nsh_kernel_keeps_status(void);
/* Reads the status of a process that other code has reaped.  Returns 1 with
 * *ret_status, or -1 if this kernel does not keep it. */
int nsh_kernel_kept_status(int pidfd, int *ret_status);

/* Returns what this kernel offers for a sandbox.  Remembered; does not notice filters that
 * were added later, except before Landlock's calls (may_create).
 * NOSHELL_LANDLOCK=2 in the environment pretends that version, for the specs; 0: none. */
const struct nsh_means *nsh_kernel_means(void);

/* pidfd_open(2) and pidfd_send_signal(2); -ENOSYS if a filter would kill the
 * caller.  `flags` is 0 or NSH_PIDFD_PROCESS_GROUP. */
int nsh_kernel_pidfd_open(pid_t pid);
int nsh_kernel_pidfd_send_signal(int pidfd, int signal, unsigned flags);
/* Signals the process of a pidfd, or its process group if `pid` is negative.
 * Falls back to kill(2) with `pid` if the pidfd call is refused and the process
 * has not exited.  Returns 0, or minus an errno. */
int nsh_kernel_signal(int pidfd, pid_t pid, int signal);

#endif
