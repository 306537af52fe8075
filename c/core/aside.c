/* Starting in another thread (noshell.h): a queue, and a thread that is made
 * when first asked for and kept. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "command.h"
#include "fd.h"
#include "guard.h"

struct nsh_start {
	struct nsh_command *cmd;    /* our own */
	struct nsh_process *process;
	struct nsh_failure failure;
	int event;
	bool is_done, is_abandoned;
	pid_t owner;
	struct nsh_start *next;     /* in the queue */
};

static struct {
	struct guard guard;
	pthread_cond_t filled, emptied;
	bool has_thread;
	struct nsh_start *first, **end;
} queue = {
	.guard = NSH_GUARD_INIT, .filled = PTHREAD_COND_INITIALIZER,
	.emptied = PTHREAD_COND_INITIALIZER,
};

/* After a fork of the host: what was in the queue is the parent's. */
static void start_over(void)
{
	pthread_cond_init(&queue.filled, NULL);
	pthread_cond_init(&queue.emptied, NULL);
	queue.has_thread = false;
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
	nsh_process_forget(start->process);
	nsh_command_free(start->cmd);
	nsh_close(&start->event);
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

static void finish(struct nsh_start *start)
{
	static const uint64_t one = 1;

	start->is_done = true;
	pthread_cond_broadcast(&queue.emptied);
	if (start->is_abandoned)
		release(start);
	else
		(void)!write(start->event, &one, sizeof one);
}

static void *run_thread(void *nothing)
{
	(void)nothing;
	pthread_mutex_lock(&queue.guard.lock);
	for (;;) {
		struct nsh_start *start = take_first();

		pthread_mutex_unlock(&queue.guard.lock);
		if (nsh_command_start(start->cmd, &start->process,
				      &start->failure) < 0)
			start->process = NULL;
		pthread_mutex_lock(&queue.guard.lock);
		finish(start);
	}
	return NULL;
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
		&& !cmd->attributes.handshake && !cmd->attributes.daemonize;
}

static struct nsh_start *new_start(const struct nsh_command *cmd)
{
	struct nsh_start *start = calloc(1, sizeof *start);

	if (!start)
		return NULL;
	start->owner = nsh_self();
	start->event = nsh_fd_raise(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	start->cmd = nsh_command_clone(cmd);
	if (start->event >= 0 && start->cmd)
		return start;
	release(start);
	return NULL;
}

static int enqueue(struct nsh_start *start)
{
	lock();
	if (!queue.has_thread)
		queue.has_thread = nsh_guard_start_thread(run_thread) == 0;
	if (queue.has_thread) {
		*queue.end = start;
		queue.end = &start->next;
		pthread_cond_signal(&queue.filled);
	}
	unlock();
	return queue.has_thread ? 0 : -1;
}

int nsh_command_start_aside(const struct nsh_command *cmd,
			    struct nsh_start **ret_start,
			    struct nsh_failure *failure)
{
	struct nsh_start *start = new_start(cmd);

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
	return start->event;
}

static bool is_done(struct nsh_start *start, bool wait)
{
	bool done;

	if (start->owner != nsh_self())
		return start->is_done;
	lock();
	while (wait && !start->is_done)
		pthread_cond_wait(&queue.emptied, &queue.guard.lock);
	done = start->is_done;
	unlock();
	return done;
}

int nsh_start_finish(struct nsh_start *start, bool wait,
		     struct nsh_process **ret_process,
		     struct nsh_failure *failure)
{
	if (!is_done(start, wait))
		return 0;
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

	if (!start || start->owner != nsh_self())
		return;
	lock();
	done = start->is_done;
	start->is_abandoned = !done;
	unlock();
	if (done)
		release(start);
}
