/* Streams: the parent's ends of a child's pipes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "fork_lock.h"
#include "pollset.h"
#include "process.h"

enum { CHUNK = 65536 };

struct nsh_stream *nsh_stream_new(struct nsh_process *process, int which,
				  int take_fd)
{
	struct nsh_stream *stream = calloc(1, sizeof *stream);

	if (!stream) {
		nsh_close(&take_fd);
		return NULL;
	}
	stream->process = process;
	stream->which = which;
	stream->target = which == NSH_PTY ? -1 : which;
	stream->writes = which == 0;
	stream->fd = take_fd;
	stream->epoll = -1;
	stream->data.may_be_large = true;
	stream->is_pipe = fcntl(take_fd, F_GETPIPE_SZ) >= 0;
	stream->terminal = nsh_pty_number(take_fd);
	return stream;
}

/* True if the host has closed the descriptor and reused its number for another file. */
static bool is_lost(const struct nsh_stream *stream)
{
	if (stream->terminal >= 0 && stream->fd >= 0)
		return nsh_pty_number(stream->fd) != stream->terminal;
	return stream->is_pipe && stream->fd >= 0
		&& fcntl(stream->fd, F_GETPIPE_SZ) < 0;
}

void nsh_stream_close(struct nsh_stream *stream)
{
	if (!stream)
		return;
	/* After a fork of the host the numbers may be files of the child. */
	if (!nsh_process_is_ours(stream->process) || is_lost(stream)) {
		nsh_fd_forget(&stream->epoll);
		nsh_fd_forget(&stream->fd);
	}
	nsh_close(&stream->epoll);
	nsh_close(&stream->fd);
	stream->is_blind = false;
	nsh_buffer_free(&stream->data);
	stream->taken = stream->scanned = 0;
	stream->ended = false;
}

void nsh_stream_free(struct nsh_stream *stream)
{
	nsh_stream_close(stream);
	free(stream);
}

int nsh_stream_target(const struct nsh_stream *stream)
{
	return stream->target;
}

bool nsh_stream_writes(const struct nsh_stream *stream)
{
	return stream->writes;
}

int nsh_stream_fd(const struct nsh_stream *stream)
{
	return nsh_process_is_ours(stream->process) ? stream->fd : -1;
}

bool nsh_stream_is_closed(const struct nsh_stream *stream)
{
	return stream->fd < 0 && !stream->ended;
}

/* Refuses a closed stream and, after a fork of the host, a stream of the parent:
 * parent and child share the open file, so reading would take the parent's bytes. */
static int check_usable(const struct nsh_stream *stream)
{
	if (!nsh_stream_is_closed(stream) && nsh_process_is_ours(stream->process))
		return 0;
	errno = EBADF;
	return -1;
}

int nsh_stream_take_fd(struct nsh_stream *stream)
{
	int fd = stream->fd;

	if (check_usable(stream) < 0 || stream->data.size > stream->taken)
		return -1;
	if (nsh_fd_set_blocking(fd, 1) < 0)
		return -1;
	stream->fd = -1;
	nsh_stream_close(stream);
	return nsh_fd_disown(fd);
}

/* ---- reading ----------------------------------------------------------- */

/* Removes the consumed bytes if they are the larger part, so that a byte moves at
 * most once on average. */
static void compact(struct nsh_stream *stream)
{
	size_t left = stream->data.size - stream->taken;

	if (stream->taken == 0 || stream->taken < left)
		return;
	memmove(stream->data.data, stream->data.data + stream->taken, left);
	stream->data.size = left;
	stream->scanned -= stream->taken;
	stream->taken = 0;
}

/* Returns the number of buffered bytes that satisfy the request, 0 if more are
 * needed.  Does not search bytes twice: a long line would take quadratic time. */
static size_t available(struct nsh_stream *stream, int separator, size_t max)
{
	size_t left = stream->data.size - stream->taken;
	const char *start, *found = NULL;

	if (stream->scanned < stream->taken || stream->searched != separator)
		stream->scanned = stream->taken;
	stream->searched = separator;
	start = stream->data.data + stream->scanned;
	if (separator >= 0 && stream->data.size > stream->scanned)
		found = memchr(start, separator, stream->data.size - stream->scanned);
	if (found)
		left = (size_t)(found + 1 - (stream->data.data + stream->taken));
	else
		stream->scanned = stream->data.size;
	if (max > 0 && left >= max)
		return max;
	return found || stream->ended ? left : 0;
}

/* Closes the descriptor, which a stream at its end does not need. */
static void end_stream(struct nsh_stream *stream)
{
	stream->ended = true;
	stream->is_blind = false;
	nsh_close(&stream->epoll);
	nsh_close(&stream->fd);
}

/* Returns 1 after reading bytes or the end, 0 if it would block, -1 with errno. */
static int fill(struct nsh_stream *stream)
{
	ssize_t count;

	if (stream->process->is_dry)
		return 0;
	compact(stream);
	if (nsh_buffer_reserve(&stream->data, CHUNK) < 0)
		return -1;
	do
		count = read(stream->fd, stream->data.data + stream->data.size,
			     stream->data.capacity - stream->data.size);
	while (count < 0 && errno == EINTR);
	if (count < 0 && stream->terminal >= 0
	    && (errno == EIO || (errno == EAGAIN && stream->process->exited)))
		count = 0;
	if (count < 0)
		return errno == EAGAIN ? 0 : -1;
	stream->data.size += (size_t)count;
	nsh_note_transfer(stream->fd, (size_t)count, &stream->flow);
	if (count == 0)
		end_stream(stream);
	return 1;
}

/* Returns 1 to continue reading, 0 if the process must be pumped because a deadline
 * has passed, -1 if the record is too long.  Without this, a program that writes
 * continuously would never be ended.  The keeper enforces the deadline of a lent
 * process. */
static int check_bounds(const struct nsh_stream *stream, int separator, size_t max)
{
	if (separator >= 0 && max == 0
	    && stream->data.size - stream->taken > stream->process->max_output) {
		errno = EMSGSIZE;
		return -1;
	}
	return stream->process->is_lent || nsh_held_timeout(stream->process) != 0;
}

int nsh_stream_read(struct nsh_stream *stream, int separator, size_t max,
		    const char **ret_data, size_t *ret_size)
{
	if (check_usable(stream) < 0)
		return -1;
	stream->is_full = false;
	for (;;) {
		size_t size = available(stream, separator, max);
		int ret;

		if (size > 0) {
			*ret_data = stream->data.data + stream->taken;
			*ret_size = size;
			stream->taken += size;
			return 1;
		}
		if (stream->ended)
			return 2;
		ret = fill(stream);
		if (ret > 0 && !stream->ended)
			ret = check_bounds(stream, separator, max);
		if (ret <= 0)
			return ret;
	}
}

int nsh_stream_fill(struct nsh_stream *stream)
{
	int ret;

	if (check_usable(stream) < 0)
		return -1;
	if (stream->ended)
		return 2;
	ret = fill(stream);
	return ret > 0 && stream->ended ? 2 : ret;
}

size_t nsh_stream_buffered(const struct nsh_stream *stream, const char **ret_data)
{
	if (check_usable(stream) < 0 || !stream->data.data)
		return 0;
	*ret_data = stream->data.data + stream->taken;
	return stream->data.size - stream->taken;
}

int nsh_stream_push_back(struct nsh_stream *stream, const void *data, size_t size)
{
	struct buffer *buffer = &stream->data;
	size_t left = buffer->size - stream->taken;

	if (check_usable(stream) < 0 || nsh_buffer_reserve(buffer, size) < 0)
		return -1;
	if (size == 0)
		return 0;
	memmove(buffer->data + size, buffer->data + stream->taken, left);
	memcpy(buffer->data, data, size);
	buffer->size = size + left;
	stream->taken = stream->scanned = 0;
	return 0;
}

bool nsh_stream_take_record(struct nsh_stream *stream, const char *separator,
			    size_t size, const char **ret_data, size_t *ret_size)
{
	size_t left = stream->data.size - stream->taken;
	const char *start, *found;

	if (left == 0 || size == 0 || !nsh_is_fork_id(stream->process->owner_fork_id))
		return false;
	start = stream->data.data + stream->taken;
	if (size == 1)
		found = memchr(start, *separator, left);
	else
		found = memmem(start, left, separator, size);
	if (!found)
		return false;
	*ret_data = start;
	*ret_size = (size_t)(found - start) + size;
	stream->taken += *ret_size;
	return true;
}

void nsh_stream_unread(struct nsh_stream *stream, size_t size)
{
	stream->taken -= size < stream->taken ? size : stream->taken;
	stream->scanned = stream->taken;
}

/* True if the program has exited: the kernel then discards what is written. */
static bool is_hung_up(const struct nsh_stream *stream)
{
	struct pollfd terminal = { .fd = stream->fd };

	return poll(&terminal, 1, 0) == 1 && (terminal.revents & POLLHUP) != 0;
}

static bool has_room(const struct nsh_stream *stream)
{
	return stream->data.size - stream->taken < stream->process->max_output;
}

/* If the terminal is full, its program may itself be waiting until we read what it has
 * written; so this reads, too, as much as a line may have. */
static ssize_t write_to_terminal(struct nsh_stream *stream, const void *data, size_t size)
{
	ssize_t count = -1;

	errno = EPIPE;
	if (!is_hung_up(stream))
		count = nsh_write_quietly(stream->fd, data, size, &stream->flow);
	stream->is_full = count == 0 || (count < 0 && errno == EAGAIN);
	if (!stream->is_full)
		return count;
	if (has_room(stream))
		(void)fill(stream);
	errno = EAGAIN;
	return stream->fd < 0 ? 0 : count;
}

ssize_t nsh_stream_write(struct nsh_stream *stream, const void *data,
			 size_t size)
{
	ssize_t count;

	if (check_usable(stream) < 0)
		return -1;
	if (stream->process->is_dry)
		return nsh_stream_write_dry(stream, data, size);
	if (stream->fd < 0) {
		errno = EPIPE;
		return -1;
	}
	do
		count = stream->terminal >= 0 ? write_to_terminal(stream, data, size)
			: nsh_write_quietly(stream->fd, data, size, &stream->flow);
	while (count < 0 && errno == EINTR);
	if (count > 0)
		nsh_note_transfer(stream->fd, (size_t)count, &stream->flow);
	return count < 0 && errno == EAGAIN ? 0 : count;
}

/* ---- waiting ----------------------------------------------------------- */

/* Returns an epoll descriptor for the stream and the process's descriptor `other`;
 * -1 if there is none.  Makes a new one if `other` is another file; the
 * generation shows that, because the number may be the same. */
static int watch_both(struct nsh_stream *stream, short events, int other)
{
	unsigned generation = stream->process->io.generation;

	if (stream->watched != other || stream->generation != generation
	    || stream->watched_events != events)
		nsh_close(&stream->epoll);
	if (stream->epoll >= 0 || other < 0)
		return stream->epoll;
	stream->epoll = nsh_epoll_new();
	stream->watched = other;
	stream->watched_events = events;
	stream->generation = generation;
	if (stream->epoll >= 0
	    && (nsh_epoll_watch(stream->epoll, stream->fd, (uint32_t)events, 0) < 0
		|| nsh_epoll_watch(stream->epoll, other, EPOLLIN, 0) < 0))
		nsh_close(&stream->epoll);
	return stream->epoll;
}

static short events_of(const struct nsh_stream *stream)
{
	if (stream->is_full)
		return NSH_WRITABLE | (has_room(stream) ? NSH_READABLE : 0);
	return stream->writes ? NSH_WRITABLE : NSH_READABLE;
}

/* True while the process moves data or is being ended.  Then a wait for the stream also
 * waits for the process: a program that blocks on its captured stderr would never write
 * the awaited line.  A terminal ends when the process has been found to have exited. */
static bool needs_process(const struct nsh_stream *stream)
{
	const struct nsh_process *process = stream->process;

	return nsh_process_is_ours(process)
		&& (nsh_process_moves_data(process)
		    || (stream->terminal >= 0 && !process->finished));
}

static int pollfd_held(struct nsh_stream *stream, short *ret_events)
{
	int fd;

	stream->is_blind = false;
	*ret_events = events_of(stream);
	if (!needs_process(stream))
		return nsh_stream_fd(stream);
	fd = watch_both(stream, *ret_events, nsh_held_pollfd(stream->process));
	stream->is_blind = fd < 0;
	if (fd < 0)
		return stream->fd;
	*ret_events = NSH_READABLE;
	return fd;
}

int nsh_stream_pollfd(struct nsh_stream *stream, short *ret_events)
{
	int fd;

	nsh_process_hold(stream->process);
	fd = pollfd_held(stream, ret_events);
	nsh_process_let_go(stream->process);
	return fd;
}

/* Returns the seconds until the process must be pumped, or until reading from a
 * finished one stops; negative: never. */
static double timeout_of(struct nsh_process *process)
{
	double seconds = nsh_process_timeout(process), left;

	if (seconds >= 0 || process->deadline < 0)
		return seconds;
	left = process->deadline - nsh_now();
	return left > 0 ? left : 0;
}

int nsh_stream_poll(struct nsh_stream *stream, int other, double seconds)
{
	struct nsh_process *process = stream->process;
	struct nsh_watch own = { nsh_stream_fd(stream), events_of(stream) };

	stream->is_blind = false;
	seconds = nsh_sooner(seconds, timeout_of(process));
	if (own.fd < 0)
		seconds = nsh_sooner(seconds, NSH_BLIND_INTERVAL);
	return nsh_processes_poll(&process, needs_process(stream), &own, 1, other, seconds);
}
