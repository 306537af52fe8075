#include "forgotten.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fd.h"
#include "process.h"

/* One epoll descriptor for all, so that those that still run cost nothing. */
static struct {
	pthread_mutex_t lock;
	pid_t owner;
	int epoll;
	size_t count;
	struct nsh_process *first;
} list = { .lock = PTHREAD_MUTEX_INITIALIZER, .epoll = -1 };

/* After a fork of the host the list is the parent's: its processes are not our
 * children.  The memory stays, the descriptor goes. */
static void check_owner(void)
{
	if (list.owner == getpid())
		return;
	nsh_close(&list.epoll);
	list.first = NULL;
	list.count = 0;
	list.owner = getpid();
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
		if (which == 0)
			nsh_close(&fd);
		else
			(void)nsh_exchange_add(&process->exchange, fd, false);
	}
	nsh_exchange_discard(&process->exchange);
}

/* What was ended and did not go in time has only its pidfd left. */
static int descriptor_of(struct nsh_process *process)
{
	process->finished = false;
	process->ladder = LADDER_NONE;
	process->deadline = -1;
	return nsh_process_pollfd(process);
}

static int watch(struct nsh_process *process)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = process };
	int fd = descriptor_of(process);

	if (list.epoll < 0)
		list.epoll = nsh_fd_raise(epoll_create1(EPOLL_CLOEXEC));
	return epoll_ctl(list.epoll, EPOLL_CTL_ADD, fd, &event);
}

void nsh_forgotten_add(struct nsh_process *take_process)
{
	struct nsh_process *process = take_process;

	take_streams(process);
	pthread_mutex_lock(&list.lock);
	check_owner();
	process->next_forgotten = list.first;
	list.first = process;
	list.count++;
	/* It may be ending right now. */
	if (watch(process) < 0 || nsh_process_pump(process, NULL) == 1)
		remove_process(process);
	pthread_mutex_unlock(&list.lock);
}

size_t nsh_reap(void)
{
	struct epoll_event events[64];
	size_t left;
	int count;

	pthread_mutex_lock(&list.lock);
	check_owner();
	do {
		count = list.epoll < 0 ? 0 : epoll_wait(list.epoll, events, 64, 0);
		for (int i = 0; i < count; i++)
			if (nsh_process_pump(events[i].data.ptr, NULL) != 0)
				remove_process(events[i].data.ptr);
	} while (count == 64);
	left = list.count;
	pthread_mutex_unlock(&list.lock);
	return left;
}
