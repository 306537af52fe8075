/*
 * process.h: one running or finished child behind noshell.h, held by a pidfd.
 *
 * It owns the pidfd, the I/O pump with its captured bytes, its streams, and the state
 * of its end: deadline, tree, escalation of signals.
 */
#ifndef NSH_PROCESS_H
#define NSH_PROCESS_H

#include "io.h"
#include "launch.h"
#include "tree.h"

/* TERM, a grace period, KILL, and a last second for the kernel to finish. */
enum escalation {
	ESCALATION_NONE,
	ESCALATION_TERM,
	ESCALATION_KILL,
	ESCALATION_OVER,
};

/* The standard streams, the terminal and the added pipes. */
enum { STREAMS = NSH_PIPES + NSH_MOST_PIPES };

struct nsh_stream {
	struct nsh_process *process;
	int which;
	int target;             /* the program's descriptor; -1: a terminal */
	bool writes;            /* this process only writes */
	int terminal;           /* the number of the pty; -1: a pipe */
	bool is_full;           /* the last write to the terminal would block */
	int fd;                 /* -1: closed */
	bool ended;             /* the end of file was read */
	int epoll;              /* fd and the process together; -1 until needed */
	short watched_events;   /* the events of fd in that set */
	int watched;            /* the process's descriptor in it ... */
	unsigned generation;    /* ... and the generation of its epoll */
	bool is_blind;          /* as in struct nsh_process */
	struct buffer data;     /* bytes read; consumed up to `taken` */
	size_t taken;
	int searched;           /* the separator of the last search: it does not ... */
	size_t scanned;         /* ... occur between `taken` and `scanned` */
	struct flow flow;
	bool is_pipe;           /* not a terminal, socket or dry run's descriptor */
};

struct nsh_process {
	pid_t pid;
	int pidfd;
	struct supervisor *supervisor;  /* NULL: the child is ours */
	pid_t owner;            /* the process that started it */
	unsigned owner_fork_id; /* its nsh_fork_id() */
	bool is_daemon;         /* init's child: there is no status to wait for */
	bool own_group;
	pid_t joined_group;     /* 0: none */
	char *command;
	const char *launch;
	struct sandbox_report *sandbox;  /* NULL: none, or it waits in a handshake */
	struct cgroup *cgroup;  /* NULL: none, or it is removed */
	uint64_t memory;        /* its limit; 0: none */
	int init_pidfd;         /* process 1 of its pid namespace, our child; or -1 */
	double clear_until;     /* the rest was killed: stop waiting then; 0: not yet */

	/* the command's rules */
	double deadline, grace; /* deadline < 0: none */
	double limit, limit_grace;  /* the same, enforced by the keeper only */
	size_t max_output;      /* also for a line that is read from a stream */
	struct exits allowed_exit;
	bool allow_any_exit, raw_status;

	unsigned unasked;       /* pumps since the status was asked for */
	bool exited;            /* the status is collected, or known to be lost */
	bool finished;          /* nsh_process_pump has returned 1 */
	struct nsh_result result;
	double begun;           /* the time before the launch; duration counts from it */
	double started;         /* the time after the launch; timeouts count from it */

	struct io io;
	int output_pipe[3];  /* index in io.pipes, -1: none */
	struct nsh_stream *streams[STREAMS];
	bool leaves_streams;    /* nsh_process_forget closes them */
	bool is_blind;          /* no epoll could be made: check at intervals */
	/* The program's side of its terminal, until it has exited: otherwise the
	 * terminal would seem to be at its end while no process has it open, as before
	 * a program opens /dev/tty.  At the exit of the session's leader, which precedes
	 * its status, the kernel hangs the terminal up: descendants that have it open can
	 * no longer write to it.  Reading returns EIO only when they have closed it, but
	 * what was written before can be read without blocking. */
	int pty_slave;

	struct foreground *foreground;  /* foreground.h; NULL: it does not have our terminal */

	enum escalation escalation;
	int stop_signal;          /* the first signal of an escalation */
	double next_signal;       /* the time of the next escalation step */
	struct tree tree;
	bool is_denied;         /* the root may not be signalled: EPERM */
	char unreached[128];    /* describes processes not reached; or "" */
	int unreached_errnum;

	/* while a handshake is pending */
	struct plan *handshake_plan;
	struct launched handshake;
	bool handshake_ready;

	/* of a dry run: no program; the streams' descriptors are eventfds */
	bool is_dry, dry_handshake;
	bool dry_on_pty[3];     /* the standard stream is on the terminal */
	struct buffer dry_input;

	/* between calls of the owner */
	bool is_left;           /* let_go lends it, if it has a deadline */
	bool is_lent;           /* the keeper has it now */
	double ended_at;        /* when the keeper noticed its end; or 0 */
	struct {
		bool is_listed, is_orphan, is_busy;
		bool is_ending; /* nsh_ending_begin was called for it */
		int watched;    /* its descriptor in the keeper's set; or -1 */
		double look_at; /* the next check without it; negative: never */
		struct nsh_process *next, *previous;
	} kept;                 /* protected by the keeper's lock */
};

/* The same as nsh_command_start, but fails with ECANCELED if `cancel` (-1: none)
 * becomes readable while the child blocks before its exec. */
int nsh_command_start_until(struct nsh_command *cmd, int cancel,
			    struct nsh_process **ret_process,
			    struct nsh_failure *failure);
/* Creates a process that is not started, with the command's text.  Returns NULL if
 * memory is exhausted. */
struct nsh_process *nsh_process_new(const struct nsh_command *cmd);
/* Adds a pipe that captures stream `which`, up to the cap.  Returns 0, or -1 with
 * errno. */
int nsh_process_add_reader(struct nsh_process *process, int which, int take_fd,
			   size_t cap);
/* Sets where the captured bytes of a stream with a list of targets go: to the result, to
 * functions, or only to the sinks. */
struct stdio;
void nsh_process_take_list(struct nsh_process *process, int which,
			   const struct stdio *stream);
/* Makes the stream of the command's added pipe number `index`.  Returns 0, or -1 with
 * errno. */
int nsh_process_add_pipe(struct nsh_process *process, size_t index, int take_fd,
			 const struct nsh_command *cmd);
/* Takes the cgroup of the plan's sandbox. */
void nsh_process_take_cgroup(struct nsh_process *process, struct plan *plan);
/* Takes the report of the plan's sandbox. */
void nsh_process_take_sandbox(struct nsh_process *process, struct plan *plan);
/* pty.c: returns the number of the terminal whose master is fd; -1 if there is none. */
int nsh_pty_number(int fd);
/* Gives the plan's terminal to the process, as a stream or a captured output.
 * Returns 0, or -1 with errno. */
int nsh_process_take_pty(struct nsh_process *process, struct plan *plan,
			 const struct nsh_command *cmd);
/* Copies the command's rules; its timeout starts now. */
void nsh_process_take_rules(struct nsh_process *process,
			    const struct nsh_command *cmd);
/* status.c: collects the status if the child has exited: sets exited and result. */
void nsh_status_collect(struct nsh_process *process);
/* Returns the signal that stopped the child; 0: it is not stopped, or that is unknown. */
int nsh_status_stopped(const struct nsh_process *process);
/* process_result.c: completes the result of a finished process: captured output and
 * code. */
void nsh_process_conclude(struct nsh_process *process);
/* Returns the descriptor that is readable once the status can be collected. */
int nsh_process_exit_fd(const struct nsh_process *process);
/* Makes the process use `epoll`, on which the caller already waits.  Returns 0 if the
 * process now owns it, -1 if the caller still does. */
int nsh_process_use_epoll(struct nsh_process *process, int epoll);
/* Adds fd to the process's epoll set, if there is one.  If adding fails, closes the
 * set, so that no wait relies on it. */
void nsh_process_watch(struct nsh_process *process, int fd);
/* Frees the process without affecting the child.  In a process that did not start
 * it, closes no descriptor. */
void nsh_process_release(struct nsh_process *process);
/* Gives up its descriptors without closing them: their numbers may belong to files
 * of the host. */
void nsh_process_forget_descriptors(struct nsh_process *process);

/* A public function that uses fields which the keeper may change begins with hold
 * and ends with let_go.  In between, and in the keeper, the nsh_held_ functions
 * replace the public ones of the same name. */
void nsh_process_hold(struct nsh_process *process);
void nsh_process_let_go(struct nsh_process *process);
int nsh_held_pump(struct nsh_process *process, struct nsh_failure *failure);
int nsh_held_pollfd(struct nsh_process *process);
/* Lists the descriptors behind nsh_held_pollfd, for a wait without an epoll set; or
 * lists nsh_held_pollfd itself if they do not fit into `room`.  Returns their number,
 * at least 1. */
size_t nsh_held_watches(struct nsh_process *process, struct nsh_watch *ret_watches,
			size_t room);
double nsh_held_timeout(const struct nsh_process *process);
void nsh_held_terminate(struct nsh_process *process, double grace);
/* For the keeper: begins or continues the escalation of a lent process whose
 * deadline has passed.  Closes no descriptor on which the owner may be waiting.
 * Returns 1 if the process has ended by itself, else 0. */
int nsh_process_enforce(struct nsh_process *process);
/* stream.c */
struct nsh_stream *nsh_stream_new(struct nsh_process *process, int which,
				  int take_fd);
void nsh_stream_free(struct nsh_stream *stream);
/* process_dry.c: nsh_stream_write in a dry run: keeps the bytes for the program's stdin,
 * terminal or pipe. */
ssize_t nsh_stream_write_dry(struct nsh_stream *stream, const void *data, size_t size);
void nsh_process_terminate_dry(struct nsh_process *process);
/* escalation.c: begin the escalation, continue it, and describe in the result the
 * processes that it did not reach. */
void nsh_escalation_begin(struct nsh_process *process, double grace);
void nsh_escalation_pump(struct nsh_process *process, double now);
void nsh_escalation_report(struct nsh_process *process);
/* Kills what the program has left behind in its cgroup, and waits for the end of its pid
 * namespace.  Returns true if nothing is left, or after a second. */
bool nsh_escalation_clear(struct nsh_process *process);
/* True if no descriptor reports the end of the processes left, so that a wait must check
 * the cgroup at intervals. */
bool nsh_escalation_looks(const struct nsh_process *process);
/* handshake.c: prepare allocates before the launch; begin gives the plan to the
 * process after it; drop gives up a pending handshake, so that the child does not
 * execute its program. */
int nsh_handshake_prepare(struct nsh_process *process, const struct plan *plan);
void nsh_handshake_begin(struct nsh_process *process, struct plan *take_plan,
			 const struct launched *launched);
void nsh_handshake_drop(struct nsh_process *process);

#endif
