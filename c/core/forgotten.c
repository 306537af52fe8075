#include "forgotten.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fd.h"
#include "process.h"

/* One epoll descriptor for all, so that those that still run cost nothing. */
static struct {
	pthread_mutex_t lock;
	_Atomic pid_t owner;
	int epoll;
	size_t count;
	struct nsh_process *first;
} list = { .lock = PTHREAD_MUTEX_INITIALIZER, .epoll = -1 };

enum { BEING_TAKEN_OVER = -1 };

/* After a fork of the host the list is the parent's: its processes are not our
 * children.  The memory stays, the descriptor goes; and the lock is a new one,
 * for a thread that is not here may have held it. */
static void take_over(pid_t self)
{
	pid_t owner = atomic_load(&list.owner);

	while (owner != self) {
		if (owner == BEING_TAKEN_OVER) {
			(void)sched_yield();
			owner = atomic_load(&list.owner);
		} else if (atomic_compare_exchange_strong(&list.owner, &owner,
							  BEING_TAKEN_OVER)) {
			pthread_mutex_init(&list.lock, NULL);
			nsh_close(&list.epoll);
			list.first = NULL;
			list.count = 0;
			atomic_store(&list.owner, self);
			return;
		}
	}
}

static void lock(void)
{
	take_over(getpid());
	pthread_mutex_lock(&list.lock);
}

static void remove_process(struct nsh_process *process)
{
	struct nsh_process **link = &list.first;

	while (*link && *link != process)
		link = &(*link)->next_forgotten;
	if (!*link)
		return;
	*link = process->next_forgotten;
	list.count--;
	nsh_process_release(process);
	if (list.count == 0)
		nsh_close(&list.epoll);
}

/* Streams: what is written to us is thrown away, and no more input comes. */
static void take_streams(struct nsh_process *process)
{
	for (int which = 0; which < 3; which++) {
		struct nsh_stream *stream = process->streams[which];
		int fd = stream ? stream->fd : -1;

		if (fd < 0)
			continue;
		stream->fd = -1;
		if (which == 0 || process->leaves_streams)
			nsh_close(&fd);
		else
			(void)nsh_exchange_add(&process->exchange, fd, false);
	}
	nsh_exchange_discard(&process->exchange);
}

/* What was ended and did not go in time has only its pidfd left. */
static void run_on(struct nsh_process *process)
{
	process->finished = false;
	process->ladder = LADDER_NONE;
	process->deadline = -1;
}

static int watch(struct nsh_process *process)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = process };

	if (list.epoll < 0)
		list.epoll = nsh_fd_raise(epoll_create1(EPOLL_CLOEXEC));
	process->forgotten_fd = nsh_process_pollfd(process);
	return epoll_ctl(list.epoll, EPOLL_CTL_ADD, process->forgotten_fd, &event);
}

/* Out of the set before the pump may close its descriptor: where the host
 * forked, that closes neither the file nor the entry, which would outlive the
 * process that it points to. */
static void pump(struct nsh_process *process)
{
	if (process->forgotten_fd >= 0)
		(void)epoll_ctl(list.epoll, EPOLL_CTL_DEL, process->forgotten_fd, NULL);
	process->forgotten_fd = -1;
	if (nsh_process_pump(process, NULL) != 0 || watch(process) < 0)
		remove_process(process);
}

void nsh_forgotten_add(struct nsh_process *take_process)
{
	struct nsh_process *process = take_process;

	take_streams(process);
	run_on(process);
	process->forgotten_fd = -1;
	lock();
	process->next_forgotten = list.first;
	list.first = process;
	list.count++;
	/* It may be ending right now. */
	pump(process);
	pthread_mutex_unlock(&list.lock);
}

size_t nsh_reap(void)
{
	struct epoll_event events[64];
	size_t left, rounds;
	int count;

	lock();
	/* One that writes without pause is ready again at once. */
	rounds = list.count / 64 + 1;
	do {
		count = list.epoll < 0 ? 0 : epoll_wait(list.epoll, events, 64, 0);
		for (int i = 0; i < count; i++)
			pump(events[i].data.ptr);
	} while (count == 64 && --rounds > 0);
	left = list.count;
	pthread_mutex_unlock(&list.lock);
	return left;
}
