/*
 * pollset.h: descriptors that are polled as one.  Nothing else calls epoll(7).
 *
 * The functions below work on an epoll descriptor, which its owner closes with
 * nsh_close.  struct nsh_pollset (noshell.h) is one that remembers what it watches.
 */
#ifndef NSH_POLLSET_H
#define NSH_POLLSET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* Returns -1 with errno. */
int nsh_epoll_new(void);
/* Watches fd, or changes its entry.  The caller need not know which: the kernel drops
 * the entry of a closed descriptor, whose number may now refer to another file.  `key`
 * is returned in data.u64 of the events.  Returns 0, or -1 with errno. */
int nsh_epoll_watch(int epoll, int fd, uint32_t events, uint64_t key);
/* Changes an entry; fails with ENOENT if there is none. */
int nsh_epoll_change(int epoll, int fd, uint32_t events, uint64_t key);
/* Does nothing if either is -1.  Call it before fd is closed: if a fork of the host
 * holds a copy of fd, closing fd does not remove the entry. */
void nsh_epoll_unwatch(int epoll, int fd);
/* Returns how many events it stored, or -1 with errno. */
int nsh_epoll_wait(int epoll, struct epoll_event *ret_events, int count,
		   int milliseconds);

#endif
