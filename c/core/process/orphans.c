#include "orphans.h"

#include <sys/epoll.h>

#include "fd.h"
#include "guard.h"
#include "process.h"

/* One epoll descriptor for all, so that those that still run cost nothing. */
static struct {
	struct guard guard;
	int epoll;
	size_t count;
	struct nsh_process *first;
} list = { .guard = NSH_GUARD_INIT, .epoll = -1 };

/* After a fork of the host the list is the parent's: its processes are not our
 * children.  The memory stays, the descriptor goes. */
static void start_over(void)
{
	nsh_close(&list.epoll);
	list.first = NULL;
	list.count = 0;
}

static void lock(void)
{
	nsh_guard_lock(&list.guard, start_over);
}

static void unlock(void)
{
	nsh_guard_unlock(&list.guard);
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

/* What was ended and did not go in time has only its pidfd left.  An escalation
 * that has begun goes on. */
static void run_on(struct nsh_process *process)
{
	if (process->finished)
		process->ladder = LADDER_NONE;
	process->finished = false;
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
	unlock();
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
	unlock();
	return left;
}
