/*
 * fd.h: descriptors of this process.  Each is close-on-exec from its creation
 * and above 2: if the host has closed one of 0 to 2, a descriptor of ours with
 * that number would be taken for the host's standard stream.
 *
 * Descriptors that only noshell uses are registered by number.  If the host
 * forks, the child closes them in an atfork handler, while the numbers still
 * refer to them: later they may refer to files that the child has opened.  A
 * raw clone(2) runs no handlers, so that its child does not close them.
 * Therefore no descriptor of an object is used in a process that did not create
 * the object (nsh_fork_id).
 * Limit: if the host closes one of our descriptors, opens a file that gets its
 * number, and forks, the child closes that file.
 */
#ifndef NSH_FD_H
#define NSH_FD_H

#include <sys/types.h>

#include "noshell.h"

/* Unregisters and closes *fd, and sets it to -1; does nothing if it is -1.
 * Keeps errno. */
void nsh_close(int *fd);
/* Register and unregister fd, which may be -1.  Return fd. */
int nsh_fd_own(int fd);
int nsh_fd_disown(int fd);
/* Unregisters *fd and sets it to -1 without closing it: the number may refer to
 * a file of the host. */
void nsh_fd_forget(int *fd);
/* Returns take_fd, moved above 2 if necessary and registered.  Takes ownership
 * of take_fd, on failure too.  Returns -1 with errno. */
int nsh_fd_raise(int take_fd);
/* Create a pipe or a socket pair, both ends registered.  Return 0, or -1 with
 * errno. */
int nsh_fd_pipe(int ends[2]);
/* Creates a pipe whose end `index`, ours, does not block.  The other end does, as
 * programs expect; the flag belongs to the open file description, of which each end
 * is one. */
int nsh_fd_pipe_for(int ends[2], int index);
int nsh_socketpair(int ends[2]);
/* Forks a child of noshell's own, which keeps the registered descriptors. */
pid_t nsh_fd_fork(void);
int nsh_fd_set_blocking(int fd, int blocking);
/* Calls function(argument) in a thread with a descriptor table of its own that
 * has room, for a process that has reached RLIMIT_NOFILE.  Descriptors opened
 * there are closed with the thread.  `empty`: close_range(2) may be called in
 * this process; it makes the table without copying the old one.  Returns 0, or
 * -1 with errno if the function was not called. */
int nsh_fd_elsewhere(void (*function)(void *), void *argument, bool empty);
/* Receives a descriptor sent by nsh_send_fd, without blocking.  Returns -1 with
 * errno. */
int nsh_fd_receive(int sock);
/* Returns 0 if fd is open, else -1 with EBADF. */
int nsh_fd_check(int fd);

#endif
