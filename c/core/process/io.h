/*
 * io.h: the I/O pump of a process.  It moves input and send buffers to the
 * program and captured output from it, in all directions at once and without
 * blocking, so that neither side waits for the other.  An io owns its
 * descriptors and its bytes.
 */
#ifndef NSH_IO_H
#define NSH_IO_H

#include <stdbool.h>
#include <sys/types.h>

#include "strv.h"

/* How write(2) is kept from raising SIGPIPE. */
enum quiet { QUIET_UNKNOWN, QUIET_BY_MASK, QUIET_BY_FLAG };

/* What was learned of a pipe. */
struct flow {
	unsigned full;          /* the number of transfers that filled it */
	enum quiet quiet;
};

struct io_pipe {
	int fd;                 /* -1: closed */
	bool writes;            /* towards the program */
	bool is_terminal;       /* EIO is its end of file */
	bool is_empty;          /* the last read would block */
	bool discards;          /* captured bytes are discarded */
	bool limited;           /* `cap` was exceeded; it is not read any more */
	bool has_sinks;
	bool passes;            /* its bytes go to sinks and functions, not to the result */
	bool is_held;           /* not read, because a sink is behind */
	bool is_watched;        /* it is in the epoll set */
	bool ended;             /* the end of file was read */
	size_t cap;
	size_t done;            /* bytes of data written, if it writes */
	struct flow flow;
	struct buffer data;

	/* A sink is a target of a list: the pump writes to it what it reads from another
	 * pipe. */
	int source;             /* the index of that pipe; -1: it is no sink */
	bool is_socket, may_block;  /* as in struct sink of plan.h */
	char *name;             /* for failures; or NULL */
};

struct io {
	struct io_pipe *pipes;
	size_t count;
	int epoll;              /* watches the pipes; -1 until it is needed */
	unsigned generation;    /* counts the epoll descriptors */
	struct io_pipe *failed; /* the sink that the last pump failed on; or NULL */
};

void nsh_io_init(struct io *io);
/* Adds a pipe and takes ownership of take_fd, even on failure.  Returns NULL if
 * memory is exhausted.  Adding a pipe invalidates pointers to others. */
struct io_pipe *nsh_io_add(struct io *io, int take_fd,
				 bool writes);
/* Adds a sink of pipe number `source`.  Takes ownership of its descriptor, even on
 * failure, and of its name on success. */
struct sink;
int nsh_io_add_sink(struct io *io, size_t source, struct sink *take_sink);
/* Returns the events of the pipe to wait for now; 0: none. */
short nsh_io_events(const struct io_pipe *pipe);
/* Returns the name of a sink that has unwritten bytes; NULL: there is none. */
const char *nsh_io_pending(const struct io *io);
/* Closes the sink that the last pump failed on.  Returns false if there is none. */
bool nsh_io_close_failed(struct io *io);
/* Moves as much as possible without blocking.  Returns 1 if bytes or an end were moved,
 * else 0; or -1 with errno. */
int nsh_io_pump(struct io *io);
/* True if a pipe in that direction is open. */
bool nsh_io_is_open(const struct io *io, bool writes);
/* Ends the terminal, if the last pump read all that it holds: for a program that has
 * exited. */
void nsh_io_end_terminal(struct io *io);
/* Closes all pipes.  Wipes the bytes that were to be sent; keeps those read. */
void nsh_io_close(struct io *io);
/* True if a pipe has exceeded its cap. */
bool nsh_io_is_limited(const struct io *io);
/* Closes the pipes that have exceeded their caps. */
void nsh_io_close_limited(struct io *io);
/* Makes later pumps read and discard all output. */
void nsh_io_discard(struct io *io);
void nsh_io_free(struct io *io);
/* Gives up the descriptors without closing them: their numbers may belong to files
 * of the host. */
void nsh_io_forget_descriptors(struct io *io);

/* Notes that so many bytes were read or written at once.  Enlarges a pipe that much
 * data goes through, so that the program and we take turns less often. */
void nsh_note_transfer(int fd, size_t size, struct flow *flow);
/* write(2) without SIGPIPE. */
ssize_t nsh_write_quietly(int fd, const void *data, size_t size, struct flow *flow);

#endif
