/*
 * process.h: one running or finished child behind noshell.h, held by a pidfd.
 *
 * It owns the pidfd, the I/O pump with its captured bytes, its streams, and
 * what ends it: deadline, tree, escalation of signals.
 */
#ifndef NSH_PROCESS_H
#define NSH_PROCESS_H

#include "io.h"
#include "launch.h"
#include "tree.h"

/* TERM, a grace period, KILL, and a last while for the kernel to finish. */
enum escalation {
	ESCALATION_NONE,
	ESCALATION_TERM,
	ESCALATION_KILL,
	ESCALATION_OVER,
};

struct nsh_stream {
	struct nsh_process *process;
	int which;
	int fd;                 /* -1: closed */
	bool ended;             /* saw the end of file */
	int epoll;              /* fd and the process together; -1 until needed */
	int watched;            /* the process's descriptor in there ... */
	unsigned generation;    /* ... of that generation of its epoll */
	bool is_blind;          /* as below */
	struct buffer data;     /* read, and not yet taken from `taken` on */
	size_t taken, scanned;
};

struct nsh_process {
	pid_t pid;
	int pidfd;
	struct supervisor *supervisor;  /* NULL: the child is ours */
	pid_t owner;            /* the process that started it */
	unsigned owner_fork_id; /* the same, as nsh_fork_id() has it */
	bool is_daemon;         /* nobody's child: there is no status to wait for */
	bool own_group;
	char *command;
	const char *launch;

	/* the command's rules */
	double deadline, grace; /* deadline < 0: none */
	double limit, limit_grace;  /* the same for the keeper alone */
	size_t max_output;      /* also of a line that is read from a stream */
	struct exits allowed_exit;
	bool allow_any_exit, raw_status;

	bool exited;            /* the status is collected, or known to be lost */
	bool finished;          /* nothing more will happen */
	struct nsh_result result;
	double started;

	struct io io;
	int output_pipe[3];  /* index in io.pipes, -1: none */
	struct nsh_stream *streams[3];
	bool leaves_streams;    /* closes them when it is forgotten */
	bool is_blind;          /* the clock wakes us: no epoll could be had */

	enum escalation escalation;
	double next_signal;       /* when the escalation goes on */
	struct tree tree;
	bool is_denied;         /* the root may not be signalled: EPERM */
	char unreached[128];    /* what the escalation did not reach; "" */
	int unreached_errnum;

	/* while a handshake is pending */
	struct plan *handshake_plan;
	struct launched handshake;
	bool handshake_ready;

	/* of a dry run: no program, the streams' descriptors lead nowhere */
	bool is_dry, dry_handshake;
	struct buffer dry_input;

	/* while no call of the owner runs */
	bool is_left;           /* it is lent then, where it has a deadline */
	bool is_lent;           /* the keeper has it now */
	double ended_at;        /* when the keeper saw that it had; 0: did not see */
	struct {
		bool is_listed, is_orphan, is_busy;
		bool is_ending; /* nsh_ending_begin was called for it */
		int watched;    /* what the keeper's epoll set has of it; -1 */
		double look_at; /* where that has nothing; negative: never */
		struct nsh_process *next, *previous;
	} kept;                 /* behind the keeper's lock */
};

/* As nsh_command_start; it fails with ECANCELED if `cancel` (-1: none) becomes
 * readable while the child waits for something before its exec. */
int nsh_command_start_until(struct nsh_command *cmd, int cancel,
			    struct nsh_process **ret_process,
			    struct nsh_failure *failure);
/* One that was not started yet, with the command's text; NULL where memory is
 * short. */
struct nsh_process *nsh_process_new(const struct nsh_command *cmd);
/* A pipe that captures stream `which`, up to the cap.  0, or -1 with errno. */
int nsh_process_add_reader(struct nsh_process *process, int which, int take_fd,
			   size_t cap);
/* The command's rules; its timeout begins now. */
void nsh_process_take_rules(struct nsh_process *process,
			    const struct nsh_command *cmd);
/* status.c: collects the status where the child has exited: sets exited and result. */
void nsh_status_collect(struct nsh_process *process);
/* process_result.c: it has finished: what it captured, and the check by its rules. */
void nsh_process_conclude(struct nsh_process *process);
/* What is readable once the status can be collected. */
int nsh_process_exit_fd(const struct nsh_process *process);
/* Has it use `epoll`, which the caller waits for already, so that it needs no other.
 * 0: it is the process's from now on; -1: it is still the caller's. */
int nsh_process_use_epoll(struct nsh_process *process, int epoll);
/* Has the process's epoll descriptor, if there is one, watch fd too.  If that fails,
 * the descriptor is closed, so that no wait relies on it. */
void nsh_process_watch(struct nsh_process *process, int fd);
/* Frees what it holds without touching the child; in a process that did not start
 * it, without touching a descriptor. */
void nsh_process_release(struct nsh_process *process);
/* Its descriptors' numbers may be the host's: none is closed any more. */
void nsh_process_forget_descriptors(struct nsh_process *process);

/* A public function of a process begins with hold, where it uses what the keeper
 * may change, and ends with let_go.  In between, as in the keeper, the held
 * functions are used: they do what the public ones of that name do. */
void nsh_process_hold(struct nsh_process *process);
void nsh_process_let_go(struct nsh_process *process);
int nsh_held_pump(struct nsh_process *process, struct nsh_failure *failure);
int nsh_held_pollfd(struct nsh_process *process);
/* Lists the descriptors behind nsh_held_pollfd, for a wait that needs no epoll
 * descriptor; or that one, where they do not fit into `room`.  Returns how many, at
 * least 1. */
size_t nsh_held_watches(struct nsh_process *process, struct nsh_watch *ret_watches,
			size_t room);
/* nsh_processes_poll, also for `extra` (fd -1: nothing). */
int nsh_process_poll_with(struct nsh_process *const *processes, size_t count,
			  struct nsh_watch extra, int other, double seconds);
double nsh_held_timeout(const struct nsh_process *process);
void nsh_held_terminate(struct nsh_process *process, double grace);
/* For the keeper: ends a lent process whose deadline has passed, or goes on with
 * that.  Closes nothing that an owner may be waiting for.  1: nothing is left to
 * do, 0: it is being ended. */
int nsh_process_enforce(struct nsh_process *process);
/* stream.c */
struct nsh_stream *nsh_stream_new(struct nsh_process *process, int which,
				  int take_fd);
void nsh_stream_free(struct nsh_stream *stream);
/* process_dry.c: what is written to its stdin; as nsh_stream_write. */
ssize_t nsh_process_write_dry(struct nsh_process *process, const void *data,
			      size_t size);
void nsh_process_terminate_dry(struct nsh_process *process);
/* escalation.c: begins to end the tree, and goes on with it; and takes down what
 * it did not reach, when it is over. */
void nsh_escalation_begin(struct nsh_process *process, double grace);
void nsh_escalation_pump(struct nsh_process *process, double now);
void nsh_escalation_report(struct nsh_process *process);
/* handshake.c: before the launch, what can fail; after it, the plan is the
 * process's; and forgets a pending one: the child does not exec then. */
int nsh_handshake_prepare(struct nsh_process *process, const struct plan *plan);
void nsh_handshake_begin(struct nsh_process *process, struct plan *take_plan,
			 const struct launched *launched);
void nsh_handshake_drop(struct nsh_process *process);

#endif
