/* Starting in another thread (noshell.h): a queue, and a thread that is made
 * when first asked for and kept. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "command.h"
#include "fd.h"
#include "guard.h"
#include "kernel.h"
#include "path.h"
#include "process.h"
#include "sys.h"

struct nsh_start {
	struct nsh_command *cmd;    /* our own */
	struct nsh_process *process;
	struct nsh_failure failure;
	int epoll;                  /* of what it is readable by, in the end */
	bool gave_epoll;            /* to the process; it is not closed here then */
	bool to_end, is_done, is_abandoned;
	/* What is done with a process that was not taken. */
	void (*leave_process)(struct nsh_process *process);
	unsigned owner;             /* nsh_fork_id() */
	struct nsh_start *next;     /* in the queue */
};

static struct {
	struct guard guard;
	pthread_cond_t filled, emptied;
	bool has_thread;
	int ready;                  /* always readable */
	struct nsh_start *first, **end;
} queue = {
	.guard = NSH_GUARD_INIT, .filled = PTHREAD_COND_INITIALIZER,
	.emptied = PTHREAD_COND_INITIALIZER, .ready = -1,
};

/* After a fork of the host: what was in the queue is the parent's. */
static void start_over(void)
{
	pthread_cond_init(&queue.filled, NULL);
	pthread_cond_init(&queue.emptied, NULL);
	queue.has_thread = false;
	queue.ready = -1;
	queue.first = NULL;
	queue.end = &queue.first;
}

static void lock(void)
{
	nsh_guard_lock(&queue.guard, start_over);
}

static void unlock(void)
{
	nsh_guard_unlock(&queue.guard);
}

static void release(struct nsh_start *start)
{
	start->leave_process(start->process);
	nsh_command_free(start->cmd);
	if (!start->gave_epoll)
		nsh_close(&start->epoll);
	free(start);
}

/* ---- the thread -------------------------------------------------------- */

static struct nsh_start *take_first(void)
{
	struct nsh_start *start;

	while (!queue.first)
		pthread_cond_wait(&queue.filled, &queue.guard.lock);
	start = queue.first;
	queue.first = start->next;
	if (!queue.first)
		queue.end = &queue.first;
	return start;
}

static int watch(const struct nsh_start *start, int operation, int fd,
		 uint32_t events)
{
	struct epoll_event event = { .events = events };

	return fd < 0 ? -1 : epoll_ctl(start->epoll, operation, fd, &event);
}

/* The waiter is woken by the process itself, or now.  The descriptor that does
 * it now was added before the start, because adding one may fail. */
static void tell(struct nsh_start *start)
{
	bool waits = start->process && start->to_end;

	if (waits) {
		nsh_process_hold(start->process);
		start->gave_epoll = nsh_process_use_epoll(start->process, start->epoll) == 0;
		nsh_process_let_go(start->process);
	}
	if (start->gave_epoll)
		return;
	if (!waits || watch(start, EPOLL_CTL_ADD, nsh_process_pollfd(start->process),
			    EPOLLIN) < 0)
		(void)watch(start, EPOLL_CTL_MOD, queue.ready, EPOLLIN);
}

static void finish(struct nsh_start *start)
{
	start->is_done = true;
	pthread_cond_broadcast(&queue.emptied);
	if (start->is_abandoned)
		release(start);
	else
		tell(start);
}

/* Woken, a thread of SCHED_OTHER stops whoever runs on its processor, and that
 * is just who asked for the start; one of SCHED_BATCH waits for its turn.  What
 * it starts is to be as the host is: fork(2) does not reset that (sched_fork). */
static int set_policy(int policy)
{
	static const struct sched_param normal = { .sched_priority = 0 };

	return (int)nsh_sys(SYS_sched_setscheduler, 0, policy, (long)&normal, 0, 0);
}

/* A filter may kill whoever asks (systemd's @resources). */
static bool can_stand_back(void)
{
	return nsh_kernel_permits(NSH_ASK_SCHEDULER)
		&& nsh_kernel_has(NSH_ASK_SCHEDULER)
		&& sched_getscheduler(0) == SCHED_OTHER;
}

static void start_now(struct nsh_start *start)
{
	if (nsh_command_start(start->cmd, &start->process, &start->failure) < 0)
		start->process = NULL;
}

static void *run_thread(void *nothing)
{
	bool stands_back = can_stand_back();

	(void)nothing;
	if (stands_back)
		(void)set_policy(SCHED_BATCH);
	pthread_mutex_lock(&queue.guard.lock);
	for (;;) {
		struct nsh_start *start = take_first();

		pthread_mutex_unlock(&queue.guard.lock);
		if (stands_back)
			(void)set_policy(SCHED_OTHER);
		start_now(start);
		if (stands_back)
			(void)set_policy(SCHED_BATCH);
		pthread_mutex_lock(&queue.guard.lock);
		finish(start);
	}
	return NULL;
}

/* One that may take for ever is in nobody's way. */
static void *run_alone(void *argument)
{
	struct nsh_start *start = argument;

	start_now(start);
	pthread_mutex_lock(&queue.guard.lock);
	finish(start);
	pthread_mutex_unlock(&queue.guard.lock);
	return NULL;
}

static bool opens_fifo(const struct nsh_command *cmd)
{
	for (int i = 0; i < 3; i++)
		if (cmd->stdio[i].kind == NSH_STDIO_PATH
		    && nsh_path_is_fifo(cmd->stdio[i].path))
			return true;
	return false;
}

/* ---- who asks for it --------------------------------------------------- */

static bool can_wait(enum nsh_stdio kind)
{
	return kind != NSH_STDIO_FD && kind != NSH_STDIO_INHERIT;
}

bool nsh_command_can_start_aside(const struct nsh_command *cmd)
{
	for (int i = 0; cmd && i < 3; i++)
		if (!can_wait(cmd->stdio[i].kind))
			return false;
	return cmd && cmd->passed_count == 0 && !cmd->attributes.hook
		&& !cmd->attributes.require_handshake && !cmd->attributes.daemonize;
}

static struct nsh_start *new_start(const struct nsh_command *cmd, bool to_end)
{
	struct nsh_start *start = calloc(1, sizeof *start);

	if (!start)
		return NULL;
	start->owner = nsh_fork_id();
	start->leave_process = nsh_process_forget;
	start->to_end = to_end;
	start->epoll = nsh_fd_raise(epoll_create1(EPOLL_CLOEXEC));
	start->cmd = nsh_command_clone(cmd);
	if (start->epoll >= 0 && start->cmd)
		return start;
	release(start);
	return NULL;
}

static int make(void)
{
	if (queue.ready < 0)
		queue.ready = nsh_fd_raise(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
	if (queue.ready >= 0 && !queue.has_thread)
		queue.has_thread = nsh_guard_start_thread(run_thread, NULL) == 0;
	return queue.has_thread ? 0 : -1;
}

static int enqueue(struct nsh_start *start)
{
	int ret;

	lock();
	ret = make();
	if (ret == 0)
		ret = watch(start, EPOLL_CTL_ADD, queue.ready, 0);
	if (ret == 0 && opens_fifo(start->cmd)) {
		ret = nsh_guard_start_thread(run_alone, start);
	} else if (ret == 0) {
		*queue.end = start;
		queue.end = &start->next;
		pthread_cond_signal(&queue.filled);
	}
	unlock();
	return ret;
}

int nsh_command_start_aside(const struct nsh_command *cmd, bool to_end,
			    struct nsh_start **ret_start,
			    struct nsh_failure *failure)
{
	struct nsh_start *start = new_start(cmd, to_end);

	if (start && enqueue(start) == 0) {
		*ret_start = start;
		return 0;
	}
	nsh_fail(failure, NSH_STAGE_PLAN, errno, "a thread to start it in");
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
	double end = nsh_now() + seconds;
	struct timespec until = { .tv_sec = (time_t)end };
	int timed_out = seconds <= 0;
	bool done;

	until.tv_nsec = (long)((end - (double)until.tv_sec) * 1e9);
	if (start->owner != nsh_fork_id())
		return start->is_done;
	lock();
	while (!start->is_done && !timed_out)
		timed_out = pthread_cond_clockwait(&queue.emptied, &queue.guard.lock,
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

/* Limit: after a fork of the host it is not freed in the child. */
void nsh_start_free(struct nsh_start *start)
{
	bool done;

	if (!start || start->owner != nsh_fork_id())
		return;
	lock();
	done = start->is_done;
	start->is_abandoned = !done;
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
