/*
 * fd.h: descriptors of this process.  Each is close-on-exec from its creation
 * and above 2: one that sat at 0 to 2 because the host had closed that number
 * would be taken for the host's standard stream.
 *
 * Those that are ours alone are registered by their number.  When the host
 * forks, its child closes them at once, while the numbers are still ours:
 * later they may be files that the child has opened.  After a raw clone(2),
 * which runs no handler, they are not closed at all.  So in a process that did
 * not make an object (nsh_fork_id) no descriptor of the object is touched.
 * Limit: a host that closes our descriptors in the process that has them, and
 * then forks, loses in the child what it opened in their place.
 */
#ifndef NSH_FD_H
#define NSH_FD_H

#include <sys/types.h>

#include "noshell.h"

/* Closes, sets *fd to -1, keeps errno; -1 is fine.  It is registered no more. */
void nsh_close(int *fd);
/* Registers it, and takes it out again; -1 is fine.  Returns it. */
int nsh_fd_own(int fd);
int nsh_fd_disown(int fd);
/* Sets *fd to -1 and does not close it: the number may be the host's. */
void nsh_fd_forget(int *fd);
/* The same descriptor above 2, registered; takes take_fd over, on failure too.
 * -1 with errno. */
int nsh_fd_raise(int take_fd);
/* Both ends registered.  0, or -1 with errno. */
int nsh_fd_pipe(int ends[2]);
int nsh_socketpair(int ends[2]);
/* fork(2) for a child of our own, which needs what is registered here. */
pid_t nsh_fd_fork(void);
int nsh_fd_set_blocking(int fd, int blocking);
/* Calls function(argument) in a thread whose descriptor table is its own and
 * has room, because this process has none left; descriptors opened there go with
 * it.  `empty` says that close_range(2) may be called in this process, which
 * empties the table without a copy of it.  0, or -1 with errno: not called. */
int nsh_fd_elsewhere(void (*function)(void *), void *argument, bool empty);
/* Takes the descriptor that nsh_send_fd sent, without waiting for it.  -1 with
 * errno. */
int nsh_fd_receive(int sock);
/* 0 where fd is open, else -1 with EBADF. */
int nsh_fd_check(int fd);

#endif
