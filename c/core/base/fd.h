/*
 * fd.h: descriptors of this process.  Each is close-on-exec from its creation
 * and above 2: one that sat at 0 to 2 because the host had closed that number
 * would be taken for the host's standard stream.
 */
#ifndef NSH_FD_H
#define NSH_FD_H

#include "noshell.h"

/* Closes, sets *fd to -1, keeps errno; -1 is fine. */
void nsh_close(int *fd);
/* The same descriptor above 2; takes take_fd over, on failure too.  -1 with
 * errno. */
int nsh_fd_raise(int take_fd);
/* 0, or -1 with errno; nsh_pipe is in noshell.h. */
int nsh_socketpair(int ends[2]);
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
