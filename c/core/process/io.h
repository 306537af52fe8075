/*
 * io.h: the bytes that move between us and a running program without
 * anybody's help: input and send buffers towards it, captured output from it.
 * All directions at once, without blocking, so that neither side waits for
 * the other.  An io owns its descriptors and its bytes.
 */
#ifndef NSH_IO_H
#define NSH_IO_H

#include <stdbool.h>
#include <sys/types.h>

#include "strv.h"

struct io_pipe {
	int fd;                 /* -1: closed */
	bool writes;            /* towards the program */
	bool discards;          /* captured bytes are thrown away */
	bool limited;           /* more came than `cap`; it is read no more */
	bool ended;             /* saw the end of file */
	size_t cap;
	size_t done;            /* of data, where it writes */
	struct buffer data;
};

struct io {
	struct io_pipe *pipes;
	size_t count;
	int epoll;              /* watches the pipes; -1 until it is needed */
	unsigned generation;    /* how many of those there were */
};

void nsh_io_init(struct io *io);
/* Adds a pipe; takes take_fd, on failure too.  NULL where memory is short.
 * Pointers to pipes stay valid only until the next one is added. */
struct io_pipe *nsh_io_add(struct io *io, int take_fd,
				 bool writes);
/* Moves what can be moved now.  0, or -1 with errno. */
int nsh_io_pump(struct io *io);
/* Whether a pipe in that direction is open. */
bool nsh_io_is_open(const struct io *io, bool writes);
/* Closes all pipes; sent bytes are wiped, what was read stays. */
void nsh_io_close(struct io *io);
/* Whether more came from one than its cap; and closes those. */
bool nsh_io_is_limited(const struct io *io);
void nsh_io_close_limited(struct io *io);
/* From now on output is read and thrown away. */
void nsh_io_discard(struct io *io);
void nsh_io_free(struct io *io);
/* Their numbers may be the host's: none is closed any more. */
void nsh_io_forget_descriptors(struct io *io);

/* write(2) without SIGPIPE. */
ssize_t nsh_write_quietly(int fd, const void *data, size_t size);

#endif
