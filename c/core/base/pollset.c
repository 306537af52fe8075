/* Sets of descriptors to poll as one (noshell.h), by epoll(7). */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "fd.h"
#include "fork_lock.h"

struct nsh_pollset {
	unsigned owner;             /* nsh_fork_id() */
	int epoll;
	struct nsh_watch *watches;  /* of the last nsh_pollset_watch */
	size_t count;
};

struct nsh_pollset *nsh_pollset_new(void)
{
	struct nsh_pollset *set = calloc(1, sizeof *set);

	if (!set)
		return NULL;
	set->owner = nsh_fork_id();
	set->epoll = nsh_fd_raise(epoll_create1(EPOLL_CLOEXEC));
	if (set->epoll >= 0)
		return set;
	free(set);
	return NULL;
}

bool nsh_pollset_is_ours(const struct nsh_pollset *set)
{
	return set->owner == nsh_fork_id();
}

int nsh_pollset_fd(const struct nsh_pollset *set)
{
	return nsh_pollset_is_ours(set) ? set->epoll : -1;
}

static bool contains(const struct nsh_watch *watches, size_t count, int fd)
{
	for (size_t i = 0; i < count; i++)
		if (watches[i].fd == fd)
			return true;
	return false;
}

/* Adds a descriptor, or changes it if it is in the set.  It may be missing
 * although it was added before: the kernel removes a closed descriptor from the
 * set (epoll(7)), and the number may refer to another file since. */
static int watch_one(const struct nsh_pollset *set, const struct nsh_watch *watch)
{
	struct epoll_event event = {
		.events = (uint32_t)watch->events, .data.fd = watch->fd,
	};

	if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	return epoll_ctl(set->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

int nsh_pollset_watch(struct nsh_pollset *set, const struct nsh_watch *watches,
		      size_t count)
{
	struct nsh_watch *copy;

	if (!nsh_pollset_is_ours(set)) {
		errno = EBADF;
		return -1;
	}
	copy = malloc((count + 1) * sizeof *copy);
	if (!copy)
		return -1;
	if (count > 0)
		memcpy(copy, watches, count * sizeof *copy);
	for (size_t i = 0; i < set->count; i++)
		if (!contains(watches, count, set->watches[i].fd))
			(void)epoll_ctl(set->epoll, EPOLL_CTL_DEL,
					set->watches[i].fd, NULL);
	free(set->watches);
	set->watches = copy;
	set->count = count;
	for (size_t i = 0; i < count; i++)
		if (watches[i].fd >= 0 && watch_one(set, &watches[i]) < 0)
			return -1;
	return 0;
}

int nsh_pollset_add(struct nsh_pollset *set, int fd, short events)
{
	struct nsh_watch watch = { .fd = fd, .events = events };

	if (nsh_pollset_is_ours(set))
		return watch_one(set, &watch);
	errno = EBADF;
	return -1;
}

void nsh_pollset_remove(struct nsh_pollset *set, int fd)
{
	if (nsh_pollset_is_ours(set))
		(void)epoll_ctl(set->epoll, EPOLL_CTL_DEL, fd, NULL);
}

size_t nsh_pollset_ready(struct nsh_pollset *set, int *fds, size_t count)
{
	struct epoll_event events[64];
	int most = count < 64 ? (int)count : 64;
	int found = most > 0 && nsh_pollset_is_ours(set)
		? epoll_wait(set->epoll, events, most, 0) : 0;

	for (int i = 0; i < found; i++)
		fds[i] = events[i].data.fd;
	return found > 0 ? (size_t)found : 0;
}

void nsh_pollset_free(struct nsh_pollset *set)
{
	if (!set)
		return;
	if (nsh_pollset_is_ours(set))
		nsh_close(&set->epoll);
	free(set->watches);
	free(set);
}
