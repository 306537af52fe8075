#include "keeper.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "ending.h"
#include "fd.h"
#include "fork_lock.h"
#include "pollset.h"
#include "process.h"

/* Seconds that the thread exists without work.  Also its longest sleep: after it, the
 * thread checks whether the host has closed the descriptors that it waits for. */
static const double idle_seconds = 0.1;
enum { SLEEP_MILLISECONDS = 60 * 1000 };
/* The key of the timer's entry; those of processes are their addresses. */
enum { TIMER = 0 };

/* The keeper acts this many seconds after a deadline, so that an owner that is waiting
 * ends its process itself; otherwise both threads would contend for the process. */
static const double slack = 0.02;

static struct {
	struct fork_lock lock;
	pthread_cond_t settled; /* a process is no longer busy */
	bool has_thread;
	unsigned generation;    /* a thread ends if its own number differs */
	int epoll, timer;
	double alarm;           /* the time the timer is set to; negative: unset */
	double idle_until;      /* when the thread ends, if there is no process */
	struct nsh_process *first;
	atomic_size_t orphans;
} keeper = {
	.lock = NSH_FORK_LOCK_INIT, .settled = PTHREAD_COND_INITIALIZER,
	.epoll = -1, .timer = -1, .alarm = -1,
};

/* Resets everything after a fork of the host: thread and processes belong to the
 * parent. */
static void start_over(void)
{
	pthread_cond_init(&keeper.settled, NULL);
	keeper.has_thread = false;
	keeper.generation++;
	keeper.epoll = keeper.timer = -1;
	keeper.alarm = -1;
	keeper.first = NULL;
	atomic_store(&keeper.orphans, 0);
}

static void lock(void)
{
	nsh_fork_lock(&keeper.lock, start_over);
}

static void unlock(void)
{
	nsh_fork_unlock(&keeper.lock);
}

/* ---- time -------------------------------------------------------------- */

static void set_alarm(double at)
{
	struct itimerspec when = { .it_value = nsh_timespec(at) };

	if (at < 0 || (keeper.alarm >= 0 && keeper.alarm <= at))
		return;
	keeper.alarm = at;
	/* An it_value of 0 would stop the timer. */
	if (when.it_value.tv_sec == 0 && when.it_value.tv_nsec == 0)
		when.it_value.tv_nsec = 1;
	(void)timerfd_settime(keeper.timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void clear_alarm(void)
{
	uint64_t expirations;

	if (read(keeper.timer, &expirations, sizeof expirations) > 0)
		keeper.alarm = -1;
}

static bool escalates(const struct nsh_process *process)
{
	if (process->kept.is_orphan)
		return process->escalation == ESCALATION_TERM || process->escalation == ESCALATION_KILL;
	return process->escalation == ESCALATION_TERM && process->result.timed_out;
}

/* Returns the time at which the keeper must act without an event; negative: none. */
static double due_time(const struct nsh_process *process)
{
	double due = nsh_sooner(process->deadline, process->limit);

	if (escalates(process))
		due = nsh_sooner(due, process->next_signal);
	if (process->kept.is_orphan)
		return nsh_sooner(due, process->kept.look_at);
	return due < 0 || process->is_daemon ? -1 : due + slack;
}

/* ---- the list and the epoll set ---------------------------------------- */

static void insert(struct nsh_process *process)
{
	process->kept.is_listed = true;
	process->kept.previous = NULL;
	process->kept.next = keeper.first;
	if (keeper.first)
		keeper.first->kept.previous = process;
	keeper.first = process;
	if (process->kept.is_orphan)
		(void)atomic_fetch_add(&keeper.orphans, 1);
}

static void unwatch(struct nsh_process *process)
{
	nsh_epoll_unwatch(keeper.epoll, process->kept.watched);
	process->kept.watched = -1;
}

/* True if the process gets KILL soon, or TERM at once.  exit(3) waits for such
 * processes only: if the grace period is longer, the caller chose so. */
static bool is_ending(const struct nsh_process *process)
{
	double now = nsh_now();

	if (process->escalation == ESCALATION_NONE)
		return process->deadline >= 0 && process->deadline <= now
			&& process->grace <= NSH_ABORT_GRACE;
	return process->escalation == ESCALATION_TERM
		&& process->next_signal <= now + NSH_ABORT_GRACE;
}

static void note_ending(struct nsh_process *process, bool is_noted)
{
	if (is_noted == process->kept.is_ending)
		return;
	process->kept.is_ending = is_noted;
	if (is_noted)
		nsh_ending_begin();
	else
		nsh_ending_over();
}

static void take_out(struct nsh_process *process)
{
	struct nsh_process *next = process->kept.next;
	struct nsh_process *previous = process->kept.previous;

	if (!process->kept.is_listed)
		return;
	unwatch(process);
	process->kept.is_listed = false;
	note_ending(process, false);
	if (previous)
		previous->kept.next = next;
	else
		keeper.first = next;
	if (next)
		next->kept.previous = previous;
	if (process->kept.is_orphan)
		(void)atomic_fetch_sub(&keeper.orphans, 1);
	if (keeper.first || !keeper.has_thread)
		return;
	keeper.idle_until = nsh_now() + idle_seconds;
	set_alarm(keeper.idle_until);
}

static int watch(struct nsh_process *process, int fd)
{
	if (fd < 0 || nsh_epoll_watch(keeper.epoll, fd, EPOLLIN, (uintptr_t)process) < 0)
		return -1;
	process->kept.watched = fd;
	return 0;
}

/* ---- serving ----------------------------------------------------------- */

/* Calls serve without the lock.  The busy mark keeps other threads from using the
 * process. */
static int serve_unlocked(struct nsh_process *process,
			  int (*serve)(struct nsh_process *process))
{
	int ret;

	process->kept.is_busy = true;
	pthread_mutex_unlock(&keeper.lock.mutex);
	ret = serve(process);
	pthread_mutex_lock(&keeper.lock.mutex);
	process->kept.is_busy = false;
	pthread_cond_broadcast(&keeper.settled);
	return ret;
}

/* Keeps an orphan that did not end after KILL: only its pidfd is left to watch. */
static void run_on(struct nsh_process *process)
{
	process->finished = false;
	process->escalation = ESCALATION_NONE;
	process->deadline = process->limit = -1;
}

/* Returns 1 if the orphan has ended.  If moving its data fails, closes its pipes,
 * except after EBADF: then the host has closed our descriptors, and the numbers may
 * belong to its own files. */
static int pump_orphan(struct nsh_process *process)
{
	struct nsh_failure failure = { .errnum = 0 };
	int ret = nsh_held_pump(process, &failure);

	if (ret < 0 && failure.errnum == EBADF) {
		nsh_process_forget_descriptors(process);
		return 1;
	}
	if (ret < 0) {
		nsh_io_close(&process->io);
		ret = nsh_held_pump(process, NULL);
	}
	if (ret == 1 && !process->exited) {
		run_on(process);
		return 0;
	}
	return ret != 0;
}

/* Seconds between two checks if no descriptor is left to wait for. */
static const double blind_interval = 0.1;

static void await_orphan(struct nsh_process *process)
{
	bool is_blind = watch(process, nsh_held_pollfd(process)) < 0
		|| nsh_escalation_looks(process);

	process->kept.look_at = is_blind ? nsh_now() + blind_interval : -1;
	set_alarm(due_time(process));
	note_ending(process, keeper.has_thread && is_ending(process));
}

/* Removes the orphan from the set before the pump may close its descriptor.  If a
 * fork of the host holds a copy of the descriptor, closing ours does not remove the
 * epoll entry, whose pointer would outlive the process (epoll(7), Q6). */
static void serve_orphan(struct nsh_process *process)
{
	unwatch(process);
	if (serve_unlocked(process, pump_orphan) == 0) {
		await_orphan(process);
		return;
	}
	take_out(process);
	pthread_mutex_unlock(&keeper.lock.mutex);
	nsh_process_release(process);
	pthread_mutex_lock(&keeper.lock.mutex);
}

/* Notes the time of the end.  The owner collects the status. */
static void note_end(struct nsh_process *process)
{
	process->ended_at = nsh_now();
	unwatch(process);
	if (due_time(process) < 0)
		take_out(process);
}

static void serve_lent(struct nsh_process *process)
{
	if (serve_unlocked(process, nsh_process_enforce) == 1)
		take_out(process);
	else if (process->kept.watched < 0 && process->ended_at <= 0)
		(void)watch(process, nsh_process_exit_fd(process));
	else if (process->kept.watched < 0 && due_time(process) < 0)
		take_out(process);
}

/* Returns a process that is due, or NULL and the time at which the next one is. */
static struct nsh_process *find_due(double now, double *ret_next)
{
	*ret_next = -1;
	for (struct nsh_process *it = keeper.first; it; it = it->kept.next) {
		double due = it->kept.is_busy ? -1 : due_time(it);

		if (due >= 0 && due <= now)
			return it;
		*ret_next = nsh_sooner(*ret_next, due);
	}
	return NULL;
}

static void serve_due(void)
{
	double now = nsh_now(), next;
	struct nsh_process *due;

	while ((due = find_due(now, &next))) {
		if (due->kept.is_orphan)
			serve_orphan(due);
		else
			serve_lent(due);
	}
	set_alarm(keeper.first ? next : keeper.idle_until);
}

static void handle(struct nsh_process *process)
{
	if (!process) {
		clear_alarm();
		serve_due();
	} else if (process->kept.is_busy)
		/* nsh_reap serves it in another thread. */
		pthread_cond_wait(&keeper.settled, &keeper.lock.mutex);
	else if (process->kept.is_orphan)
		serve_orphan(process);
	else
		note_end(process);
}

/* Handles one event at a time, because handling it may free processes that other
 * events point to. */
static bool handle_next(void)
{
	struct epoll_event event;

	if (keeper.epoll < 0 || nsh_epoll_wait(keeper.epoll, &event, 1, 0) != 1)
		return false;
	handle((struct nsh_process *)(uintptr_t)event.data.u64);
	return true;
}

/* ---- the thread -------------------------------------------------------- */

/* True if the set and the timer are still ours.  After the host has closed
 * everything, the numbers may be its own epoll set and a descriptor in it, whose
 * entry must not be changed: so epoll_ctl is tried only if `timer` is a timer. */
static bool has_own_set(void)
{
	struct itimerspec left;

	return timerfd_gettime(keeper.timer, &left) == 0
		&& nsh_epoll_change(keeper.epoll, keeper.timer, EPOLLIN, TIMER) == 0;
}

/* Gives everything up after the host has closed our descriptors.  Closes nothing:
 * the numbers may belong to files of the host by now.
 * Limit: the orphans are not reaped. */
static void abandon(void)
{
	keeper.generation++;
	keeper.has_thread = false;
	nsh_fd_forget(&keeper.epoll);
	nsh_fd_forget(&keeper.timer);
	keeper.alarm = -1;
	for (struct nsh_process *it = keeper.first, *next; it; it = next) {
		next = it->kept.next;
		it->kept.watched = -1;
		if (!it->kept.is_orphan || it->kept.is_busy)
			continue;
		take_out(it);
		nsh_process_forget_descriptors(it);
		nsh_process_release(it);
	}
}

static bool is_idle(void)
{
	return !keeper.first && nsh_now() >= keeper.idle_until;
}

static bool make_set(void)
{
	if (keeper.epoll >= 0)
		return true;
	keeper.epoll = nsh_epoll_new();
	keeper.timer = nsh_fd_raise(timerfd_create(CLOCK_MONOTONIC,
						   TFD_CLOEXEC | TFD_NONBLOCK));
	if (keeper.epoll >= 0 && keeper.timer >= 0
	    && nsh_epoll_watch(keeper.epoll, keeper.timer, EPOLLIN, TIMER) == 0) {
		keeper.alarm = -1;
		set_alarm(nsh_now());
		return true;
	}
	nsh_close(&keeper.epoll);
	nsh_close(&keeper.timer);
	return false;
}

/* Sleeps for an interval if no descriptors are left for the set and the timer. */
static void sleep_blindly(void)
{
	pthread_mutex_unlock(&keeper.lock.mutex);
	(void)nsh_poll(-1, 0, blind_interval);
	pthread_mutex_lock(&keeper.lock.mutex);
}

static void sleep_until_needed(unsigned generation)
{
	struct epoll_event event;
	int epoll = keeper.epoll, count, error;

	pthread_mutex_unlock(&keeper.lock.mutex);
	count = nsh_epoll_wait(epoll, &event, 1, SLEEP_MILLISECONDS);
	error = errno;
	pthread_mutex_lock(&keeper.lock.mutex);
	if (generation == keeper.generation
	    && ((count < 0 && error != EINTR) || !has_own_set()))
		abandon();
}

static void *run_thread(void *argument)
{
	unsigned generation = (unsigned)(uintptr_t)argument;

	pthread_mutex_lock(&keeper.lock.mutex);
	while (generation == keeper.generation && !is_idle()) {
		serve_due();
		/* Limited, because a program that writes continuously is
		 * ready again at once, and deadlines must be served. */
		for (int i = 0; i < 64 && handle_next(); i++)
			;
		if (generation != keeper.generation)
			break;
		if (make_set())
			sleep_until_needed(generation);
		else
			sleep_blindly();
	}
	if (generation == keeper.generation) {
		nsh_close(&keeper.epoll);
		nsh_close(&keeper.timer);
		keeper.alarm = -1;
		keeper.has_thread = false;
	}
	pthread_mutex_unlock(&keeper.lock.mutex);
	return NULL;
}

/* Starts the thread if necessary.  Returns true if it runs; otherwise nsh_reap
 * serves the orphans. */
static bool make(void)
{
	/* The host may have closed our descriptors. */
	if (keeper.epoll >= 0 && !has_own_set())
		abandon();
	keeper.idle_until = nsh_now() + idle_seconds;
	(void)make_set();
	if (!keeper.has_thread)
		keeper.has_thread = nsh_start_thread(run_thread,
				(void *)(uintptr_t)keeper.generation) == 0;
	return keeper.has_thread;
}

/* ---- taking and returning processes -------------------------------------- */

static void take_output(struct nsh_process *process, int fd, bool is_terminal)
{
	struct io_pipe *pipe = nsh_io_add(&process->io, fd, false);

	if (pipe)
		pipe->is_terminal = is_terminal;
}

/* Turns streams into pipes of the I/O pump: output is discarded, and stdin is
 * closed. */
static void take_streams(struct nsh_process *process)
{
	for (int which = 0; which < STREAMS; which++) {
		struct nsh_stream *stream = process->streams[which];
		int fd = stream ? stream->fd : -1;

		if (fd < 0)
			continue;
		stream->fd = -1;
		if (stream->writes || process->leaves_streams)
			nsh_close(&fd);
		else
			take_output(process, fd, which == NSH_PTY);
	}
	nsh_io_discard(&process->io);
}

/* Merges the keeper's own limit into the deadline: an orphan needs only one. */
static void take_limit(struct nsh_process *process)
{
	if (process->limit >= 0 && nsh_sooner(process->deadline, process->limit) == process->limit) {
		process->deadline = process->limit;
		process->grace = process->limit_grace;
	}
	process->limit = -1;
}

static void become_orphan(struct nsh_process *process)
{
	process->kept.is_orphan = true;
	process->kept.watched = -1;
	insert(process);
}

void nsh_keeper_adopt(struct nsh_process *take_process)
{
	struct nsh_process *process = take_process;

	take_streams(process);
	take_limit(process);
	if (process->finished)
		run_on(process);
	/* Served once before a thread is started: none is needed if it has ended. */
	if (pump_orphan(process)) {
		nsh_process_release(process);
		return;
	}
	lock();
	(void)make();
	become_orphan(process);
	await_orphan(process);
	unlock();
}

bool nsh_keeper_end(struct nsh_process *process)
{
	bool has_thread;

	lock();
	has_thread = make();
	if (has_thread) {
		take_streams(process);
		process->limit = -1;
		process->deadline = nsh_now();
		process->grace = NSH_ABORT_GRACE;
		process->kept.look_at = -1;
		become_orphan(process);
		note_ending(process, true);
		set_alarm(process->deadline);
	}
	unlock();
	return has_thread;
}

void nsh_keeper_lend(struct nsh_process *process)
{
	double due = due_time(process);

	if (due < 0)
		return;
	lock();
	if (make()) {
		process->is_lent = true;
		process->kept.watched = -1;
		insert(process);
		set_alarm(due);
	}
	unlock();
}

void nsh_keeper_take_back(struct nsh_process *process)
{
	lock();
	while (process->kept.is_busy)
		pthread_cond_wait(&keeper.settled, &keeper.lock.mutex);
	take_out(process);
	process->is_lent = false;
	unlock();
}

size_t nsh_reap(void)
{
	size_t left;

	/* Without the lock: every start calls this, and usually there are no
	 * orphans. */
	if (atomic_load(&keeper.orphans) == 0)
		return 0;
	lock();
	if (keeper.epoll >= 0 && !has_own_set())
		abandon();
	left = atomic_load(&keeper.orphans);
	for (size_t rounds = left + 1; rounds > 0 && handle_next(); rounds--)
		;
	left = atomic_load(&keeper.orphans);
	unlock();
	return left;
}
