/* Starts programs in a start thread (noshell.h): one thread for each start, made
 * by the caller.  A program inherits its thread's credentials, capabilities,
 * no_new_privs, seccomp filters, Landlock domains, namespaces, CPU affinity, nice
 * value, scheduling policy and more.  Some of that cannot be read, so an existing
 * thread cannot be compared with the caller; a new one inherits everything from
 * it.  Making it takes 15 us. */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "clock.h"
#include "command.h"
#include "ending.h"
#include "fd.h"
#include "fork_lock.h"
#include "path.h"
#include "pollset.h"
#include "process.h"

struct nsh_start {
	struct nsh_command *cmd;    /* a copy that the start owns */
	int *kept;                  /* duplicates of the descriptors that it uses */
	size_t kept_count;
	struct nsh_process *process;
	struct nsh_failure failure;
	int epoll;                  /* readable when the start, or program, ends */
	bool gave_epoll;            /* the process owns epoll now */
	bool to_end, is_done, is_abandoned;
	/* disposes of a process that was not taken */
	void (*leave_process)(struct nsh_process *process);
	unsigned owner;             /* nsh_fork_id() */
	int cancel;                 /* eventfd if the launch may block; or -1 */
	int ready;                  /* the same; if -1, line.ready is used */
	sem_t turn;
	struct nsh_start *next;     /* in the line */
};

/* The pending starts, in the order of their requests.  Only the first one runs:
 * simultaneous starts would contend for the memory map's lock, and with the
 * caller for the processors. */
static struct {
	struct fork_lock lock;
	pthread_cond_t emptied;
	int ready;                  /* always readable */
	struct nsh_start *first, **end;
} line = {
	.lock = NSH_FORK_LOCK_INIT, .emptied = PTHREAD_COND_INITIALIZER, .ready = -1,
};

/* Empties the line after a fork of the host: the pending starts are the parent's. */
static void start_over(void)
{
	pthread_cond_init(&line.emptied, NULL);
	line.ready = -1;
	line.first = NULL;
	line.end = &line.first;
}

static void lock(void)
{
	nsh_fork_lock(&line.lock, start_over);
}

static void unlock(void)
{
	nsh_fork_unlock(&line.lock);
}

static void close_kept(struct nsh_start *start)
{
	while (start->kept_count > 0)
		nsh_close(&start->kept[--start->kept_count]);
}

static void release(struct nsh_start *start)
{
	start->leave_process(start->process);
	nsh_command_free(start->cmd);
	close_kept(start);
	free(start->kept);
	nsh_close(&start->cancel);
	nsh_close(&start->ready);
	(void)sem_destroy(&start->turn);
	if (!start->gave_epoll)
		nsh_close(&start->epoll);
	free(start);
}

/* ---- the line ---------------------------------------------------------- */

static void enter_line(struct nsh_start *start)
{
	if (!line.first) {
		line.end = &line.first;
		(void)sem_post(&start->turn);
	}
	*line.end = start;
	line.end = &start->next;
}

/* Removes the first start and gives the turn to the next. */
static void leave_line(void)
{
	line.first = line.first->next;
	if (line.first)
		(void)sem_post(&line.first->turn);
}

/* Undoes enter_line() for the last start. */
static void leave_end(struct nsh_start *start)
{
	struct nsh_start **link = &line.first;

	while (*link != start)
		link = &(*link)->next;
	*link = NULL;
	line.end = link;
}

/* ---- the thread -------------------------------------------------------- */

static int watch(const struct nsh_start *start, int fd, uint32_t events)
{
	return fd < 0 ? -1 : nsh_epoll_watch(start->epoll, fd, events, 0);
}

/* Makes the start's descriptor readable: now, or with `to_end` when the process
 * ends.  line.ready was added to the set before the start, because adding it now
 * could fail; it only has to be enabled. */
static void tell(struct nsh_start *start)
{
	bool waits = start->process && start->to_end && !start->process->is_daemon;

	if (waits) {
		nsh_process_hold(start->process);
		start->gave_epoll = nsh_process_use_epoll(start->process, start->epoll) == 0;
		nsh_process_let_go(start->process);
	}
	if (start->gave_epoll)
		return;
	if (!waits || watch(start, nsh_process_pollfd(start->process), EPOLLIN) < 0)
		(void)watch(start, start->ready >= 0 ? start->ready : line.ready, EPOLLIN);
}

/* True if a process that was not taken is to be ended. */
static bool ends_process(const struct nsh_start *start)
{
	return start->leave_process != nsh_process_forget;
}

static void finish(struct nsh_start *start)
{
	bool is_ending = start->is_abandoned && ends_process(start);

	start->is_done = true;
	pthread_cond_broadcast(&line.emptied);
	if (start->is_abandoned)
		release(start);
	else
		tell(start);
	if (is_ending)
		nsh_ending_over();
}

static void start_now(struct nsh_start *start)
{
	if (nsh_command_start_until(start->cmd, start->cancel, &start->process,
				    &start->failure) < 0)
		start->process = NULL;
	/* Closed now: while a duplicate of a pipe's end is open, the program does not
	 * get the end of file or SIGPIPE. */
	close_kept(start);
}

static bool is_abandoned(struct nsh_start *start)
{
	bool abandoned;

	lock();
	abandoned = start->is_abandoned;
	unlock();
	return abandoned;
}

static void *run_in_turn(void *argument)
{
	struct nsh_start *start = argument;

	while (sem_wait(&start->turn) < 0)
		;
	if (!is_abandoned(start))
		start_now(start);
	lock();
	leave_line();
	finish(start);
	unlock();
	return NULL;
}

/* Runs a start that may block for ever outside the line, so that other starts do not
 * wait for it. */
static void *run_alone(void *argument)
{
	struct nsh_start *start = argument;

	start_now(start);
	lock();
	finish(start);
	unlock();
	return NULL;
}

/* Limit: a path that becomes a FIFO after this check blocks the line. */
bool nsh_command_opens_fifo(const struct nsh_command *cmd)
{
	for (int i = 0; cmd && i < 3; i++)
		if (cmd->stdio[i].kind == NSH_STDIO_PATH
		    && nsh_path_is_fifo(cmd->stdio[i].path))
			return true;
	return false;
}

/* ---- the caller -------------------------------------------------------- */

bool nsh_command_can_start_aside(const struct nsh_command *cmd)
{
	for (size_t i = 0; cmd && i < cmd->passed_count; i++)
		if (cmd->passed[i].close_parent)
			return false;
	return cmd && !cmd->attributes.hook && !cmd->attributes.require_handshake;
}

/* Replaces the caller's *fd, which the caller may close, by a duplicate. */
static int keep(struct nsh_start *start, int *fd)
{
	int copy = fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		return -1;
	*fd = start->kept[start->kept_count++] = nsh_fd_own(copy);
	return 0;
}

static int keep_stdio(struct nsh_start *start, struct stdio *stream, int which)
{
	if (stream->kind == NSH_STDIO_INHERIT && nsh_fd_check(which) == 0) {
		stream->kind = NSH_STDIO_FD;
		stream->fd = which;
	}
	return stream->kind == NSH_STDIO_FD ? keep(start, &stream->fd) : 0;
}

static int keep_stream(struct nsh_start *start, int which)
{
	struct stdio *stream = &start->cmd->stdio[which];

	for (size_t i = 0; i < stream->target_count; i++)
		if (keep_stdio(start, &stream->targets[i], which) < 0)
			return -1;
	return keep_stdio(start, stream, which);
}

/* Limit: a failure names the number of the duplicate. */
static int keep_descriptors(struct nsh_start *start)
{
	struct nsh_command *cmd = start->cmd;

	start->kept = calloc(3 + cmd->stdio[1].target_count + cmd->stdio[2].target_count
			     + cmd->passed_count, sizeof *start->kept);
	if (!start->kept)
		return -1;
	for (int which = 0; which < 3; which++)
		if (keep_stream(start, which) < 0)
			return -1;
	for (size_t i = 0; i < cmd->passed_count; i++)
		if (keep(start, &cmd->passed[i].source) < 0)
			return -1;
	return 0;
}

static struct nsh_start *new_start(const struct nsh_command *cmd, bool to_end)
{
	struct nsh_start *start = calloc(1, sizeof *start);

	if (!start)
		return NULL;
	start->owner = nsh_fork_id();
	start->leave_process = nsh_process_forget;
	start->to_end = to_end;
	start->cancel = start->ready = -1;
	(void)sem_init(&start->turn, 0, 0);
	start->epoll = nsh_epoll_new();
	start->cmd = nsh_command_clone(cmd);
	if (start->epoll >= 0 && start->cmd && keep_descriptors(start) == 0)
		return start;
	release(start);
	return NULL;
}

static int begin_alone(struct nsh_start *start)
{
	start->cancel = nsh_fd_raise(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	return start->cancel < 0 ? -1 : nsh_start_thread(run_alone, start);
}

/* False if no thread could be made: the caller then starts the program itself. */
static bool begin_in_turn(struct nsh_start *start)
{
	enter_line(start);
	if (nsh_start_thread(run_in_turn, start) == 0)
		return true;
	leave_end(start);
	return false;
}

/* line.ready is kept: only a host that starts programs often makes it. */
static int make_ready(struct nsh_start *start, bool alone)
{
	int *ready = alone ? &start->ready : &line.ready;

	if (*ready < 0)
		*ready = nsh_fd_raise(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
	return watch(start, *ready, 0);
}

static int begin(struct nsh_start *start)
{
	bool alone = nsh_command_opens_fifo(start->cmd), here = false;
	int ret;

	lock();
	ret = make_ready(start, alone);
	if (ret == 0 && alone)
		ret = begin_alone(start);
	else if (ret == 0)
		here = !begin_in_turn(start);
	unlock();
	if (!here)
		return ret;
	start_now(start);
	lock();
	finish(start);
	unlock();
	return 0;
}

int nsh_command_start_aside(const struct nsh_command *cmd, bool to_end,
			    struct nsh_start **ret_start,
			    struct nsh_failure *failure)
{
	struct nsh_start *start;

	if (cmd && nsh_fdmap_check(cmd, false, failure) < 0)
		return -1;
	start = new_start(cmd, to_end);
	if (start && begin(start) == 0) {
		*ret_start = start;
		return 0;
	}
	nsh_fail(failure, NSH_STAGE_PLAN, errno, "the start thread");
	if (start)
		release(start);
	return -1;
}

int nsh_start_fd(const struct nsh_start *start)
{
	return start->owner == nsh_fork_id() ? start->epoll : -1;
}

double nsh_start_timeout(const struct nsh_start *start)
{
	return start->to_end ? start->cmd->timeout : -1;
}

static bool is_done(struct nsh_start *start, double seconds)
{
	struct timespec until = nsh_timespec(nsh_now() + seconds);
	int timed_out = seconds <= 0;
	bool done;

	if (start->owner != nsh_fork_id())
		return start->is_done;
	lock();
	while (!start->is_done && !timed_out)
		timed_out = pthread_cond_clockwait(&line.emptied, &line.lock.mutex,
						   CLOCK_MONOTONIC, &until);
	done = start->is_done;
	unlock();
	return done;
}

int nsh_start_finish(struct nsh_start *start, double seconds,
		     struct nsh_process **ret_process,
		     struct nsh_failure *failure)
{
	if (!is_done(start, seconds) && start->owner == nsh_fork_id())
		return 0;
	if (!start->is_done) {
		nsh_fail_code(failure, NSH_CLOSED, NULL);
		nsh_fail_reason(failure, "it belongs to a process that forked");
		return -1;
	}
	if (!start->process) {
		if (failure)
			*failure = start->failure;
		return -1;
	}
	*ret_process = start->process;
	start->process = NULL;
	return 1;
}

void nsh_start_cancel(struct nsh_start *start)
{
	if (start->owner == nsh_fork_id() && start->cancel >= 0)
		(void)eventfd_write(start->cancel, 1);
}

/* Limit: after a fork of the host, the child does not free it. */
void nsh_start_free(struct nsh_start *start)
{
	bool done;

	if (!start || start->owner != nsh_fork_id())
		return;
	lock();
	done = start->is_done;
	start->is_abandoned = !done;
	if (!done && ends_process(start))
		nsh_ending_begin();
	/* Under the lock, because the thread frees an abandoned start. */
	if (!done)
		nsh_start_cancel(start);
	unlock();
	if (done)
		release(start);
}

static void leave(struct nsh_start *start,
		  void (*leave_process)(struct nsh_process *process))
{
	if (start && start->owner == nsh_fork_id()) {
		lock();
		start->leave_process = leave_process;
		unlock();
	}
	nsh_start_free(start);
}

void nsh_start_end(struct nsh_start *start)
{
	leave(start, nsh_process_end);
}

void nsh_start_end_later(struct nsh_start *start)
{
	leave(start, nsh_process_end_later);
}
