/*
 * io.h: the bytes that move between us and a running program without
 * anybody's help: input and send buffers towards it, captured output from it.
 * All directions at once, without blocking, so that neither side waits for
 * the other.  An exchange owns its descriptors and its bytes.
 */
#ifndef NSH_EXCHANGE_H
#define NSH_EXCHANGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "strv.h"

struct channel {
	int fd;                 /* -1: closed */
	bool writes;            /* towards the program */
	bool discards;          /* captured bytes are thrown away */
	bool limited;           /* more came than `cap`; it is read no more */
	bool ended;             /* saw the end of file */
	size_t cap;
	size_t done;            /* of data, where it writes */
	struct buffer data;
};

struct exchange {
	struct channel *channels;
	size_t count;
	int epoll;              /* -1 until somebody waits for the exchange */
	unsigned generation;    /* how many of those were made */
};

void nsh_exchange_init(struct exchange *exchange);
/* Adds a channel; takes take_fd, on failure too.  NULL where memory is short.
 * Pointers to channels stay valid only until the next one is added. */
struct channel *nsh_exchange_add(struct exchange *exchange, int take_fd,
				 bool writes);
/* Moves what can be moved now.  0, or -1 with errno. */
int nsh_exchange_pump(struct exchange *exchange);
/* Whether a channel in that direction is open. */
bool nsh_exchange_is_open(const struct exchange *exchange, bool writes);
/* Closes all channels; sent bytes are wiped, what was read stays. */
void nsh_exchange_close(struct exchange *exchange);
/* Whether more came from one than its cap; and closes those. */
bool nsh_exchange_is_limited(const struct exchange *exchange);
void nsh_exchange_close_limited(struct exchange *exchange);
/* From now on output is read and thrown away. */
void nsh_exchange_discard(struct exchange *exchange);
/* An epoll descriptor over all open channels, made on the first call; stays
 * the exchange's.  -1 with errno. */
int nsh_exchange_epoll(struct exchange *exchange);
/* Uses `epoll`, which the caller made and waits for already, and watches fd there
 * too.  0: it is the exchange's from now on; -1: it is still the caller's, and may
 * watch some of the channels. */
int nsh_exchange_use_epoll(struct exchange *exchange, int epoll, int fd);
/* Adds fd to the epoll descriptor, if there is one, and takes it out.  If fd
 * cannot be added, the epoll descriptor is closed, so that no wait relies on it:
 * nsh_exchange_epoll makes it again. */
void nsh_exchange_watch(struct exchange *exchange, int fd);
void nsh_exchange_unwatch(struct exchange *exchange, int fd);
void nsh_exchange_free(struct exchange *exchange);
/* Their numbers may be the host's: none is closed any more. */
void nsh_exchange_forget_descriptors(struct exchange *exchange);

/* write(2) without SIGPIPE. */
ssize_t nsh_write_quietly(int fd, const void *data, size_t size);

#endif
