#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "fork_lock.h"
#include "pollset.h"

int nsh_epoll_new(void)
{
	return nsh_fd_raise(epoll_create1(EPOLL_CLOEXEC));
}

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t key)
{
	struct epoll_event event = { .events = events, .data.u64 = key };

	return epoll_ctl(epoll, operation, fd, &event);
}

int nsh_epoll_watch(int epoll, int fd, uint32_t events, uint64_t key)
{
	if (control(epoll, EPOLL_CTL_ADD, fd, events, key) == 0)
		return 0;
	return errno == EEXIST ? control(epoll, EPOLL_CTL_MOD, fd, events, key) : -1;
}

int nsh_epoll_change(int epoll, int fd, uint32_t events, uint64_t key)
{
	return control(epoll, EPOLL_CTL_MOD, fd, events, key);
}

void nsh_epoll_unwatch(int epoll, int fd)
{
	if (epoll >= 0 && fd >= 0)
		(void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
}

int nsh_epoll_wait(int epoll, struct epoll_event *ret_events, int count,
		   int milliseconds)
{
	return epoll_wait(epoll, ret_events, count, milliseconds);
}

/* ---- sets that remember what they watch -------------------------------- */

struct nsh_pollset {
	unsigned owner;             /* nsh_fork_id() */
	int epoll;
	struct nsh_watch *watches;  /* set by the last nsh_pollset_watch */
	size_t count;
};

struct nsh_pollset *nsh_pollset_new(void)
{
	struct nsh_pollset *set = calloc(1, sizeof *set);

	if (!set)
		return NULL;
	set->owner = nsh_fork_id();
	set->epoll = nsh_epoll_new();
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

static int by_fd(const void *a, const void *b)
{
	int first = ((const struct nsh_watch *)a)->fd;
	int second = ((const struct nsh_watch *)b)->fd;

	return (first > second) - (first < second);
}

/* Both lists are sorted. */
static void unwatch_missing(const struct nsh_pollset *set,
			    const struct nsh_watch *watches, size_t count)
{
	size_t at = 0;

	for (size_t i = 0; i < set->count; i++) {
		int fd = set->watches[i].fd;

		while (at < count && watches[at].fd < fd)
			at++;
		if (at == count || watches[at].fd != fd)
			nsh_epoll_unwatch(set->epoll, fd);
	}
}

static int watch_one(const struct nsh_pollset *set, int fd, short events)
{
	return nsh_epoll_watch(set->epoll, fd, (uint32_t)events, (uint32_t)fd);
}

int nsh_pollset_watch(struct nsh_pollset *set, const struct nsh_watch *watches,
		      size_t count)
{
	struct nsh_watch *sorted;

	if (!nsh_pollset_is_ours(set)) {
		errno = EBADF;
		return -1;
	}
	sorted = malloc((count + 1) * sizeof *sorted);
	if (!sorted)
		return -1;
	if (count > 0)
		memcpy(sorted, watches, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, by_fd);
	unwatch_missing(set, sorted, count);
	free(set->watches);
	set->watches = sorted;
	set->count = count;
	for (size_t i = 0; i < count; i++)
		if (sorted[i].fd >= 0 && watch_one(set, sorted[i].fd, sorted[i].events) < 0)
			return -1;
	return 0;
}

int nsh_pollset_add(struct nsh_pollset *set, int fd, short events)
{
	if (nsh_pollset_is_ours(set))
		return watch_one(set, fd, events);
	errno = EBADF;
	return -1;
}

void nsh_pollset_remove(struct nsh_pollset *set, int fd)
{
	if (nsh_pollset_is_ours(set))
		nsh_epoll_unwatch(set->epoll, fd);
}

size_t nsh_pollset_ready(struct nsh_pollset *set, int *fds, size_t count)
{
	struct epoll_event events[64];
	int most = count < 64 ? (int)count : 64;
	int found = most > 0 && nsh_pollset_is_ours(set)
		? nsh_epoll_wait(set->epoll, events, most, 0) : 0;

	for (int i = 0; i < found; i++)
		fds[i] = (int)events[i].data.u64;
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
