#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "kernel.h"
#include "plan.h"
#include "pollset.h"
#include "sys.h"

/* CHUNK is a pipe's default capacity.  A pump reads at most CHUNKS_PER_PUMP chunks from
 * one pipe, so that a program that writes continuously starves neither the other pipes
 * nor the host. */
enum { CHUNK = 65536, CHUNKS_PER_PUMP = 32 };

/* Blocks SIGPIPE in this thread, and consumes a SIGPIPE that write(2) causes.
 * Pipes have no MSG_NOSIGNAL, and the disposition of SIGPIPE belongs to the host.  A
 * SIGPIPE that was pending before stays pending. */
static ssize_t write_masked(int fd, const void *data, size_t size)
{
	static const struct timespec at_once;
	sigset_t pipe_signal, before, pending;
	bool was_pending;
	ssize_t count;
	int saved;

	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
	count = write(fd, data, size);
	saved = errno;
	if (count < 0 && saved == EPIPE && !was_pending)
		while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return count;
}

/* Two calls less.  The first write to a pipe does not ask whether it is permitted, which
 * costs as much. */
static bool has_flag(struct flow *flow)
{
	if (flow->quiet == QUIET_UNKNOWN && flow->full > 0)
		flow->quiet = nsh_kernel_writes_quietly() ? QUIET_BY_FLAG : QUIET_BY_MASK;
	return flow->quiet == QUIET_BY_FLAG;
}

ssize_t nsh_write_quietly(int fd, const void *data, size_t size, struct flow *flow)
{
	struct iovec bytes = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	ssize_t count;

	if (!has_flag(flow))
		return write_masked(fd, data, size);
	count = pwritev2(fd, &bytes, 1, -1, NSH_RWF_NOSIGNAL);
	if (count >= 0 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS
			   && errno != EPERM))
		return count;
	flow->quiet = QUIET_BY_MASK;
	nsh_kernel_refuse_quiet_writes();
	return write_masked(fd, data, size);
}

/* A pipe holds 64 KiB, or less if the writes do not fill its pages, unless it is
 * enlarged, by default up to 1 MiB (pipe(7)).  After four nearly full pipes that costs
 * less than it saves. */
enum { FULL_SIZE = 32768, LARGE_PIPE_SIZE = 1 << 20, FULL_PIPES = 4 };

/* It fails if the user's pipes are too large already, or for a terminal or a socket:
 * then the pipe stays as it is. */
void nsh_note_transfer(int fd, size_t size, struct flow *flow)
{
	if (size < FULL_SIZE || flow->full == FULL_PIPES)
		return;
	if (++flow->full == FULL_PIPES)
		(void)fcntl(fd, F_SETPIPE_SZ, LARGE_PIPE_SIZE);
}

void nsh_io_init(struct io *io)
{
	*io = (struct io){ .epoll = -1 };
}

struct io_pipe *nsh_io_add(struct io *io, int take_fd,
				 bool writes)
{
	size_t count = io->count;
	struct io_pipe *pipes;

	pipes = realloc(io->pipes, (count + 1) * sizeof *pipes);
	if (!pipes) {
		nsh_close(&take_fd);
		return NULL;
	}
	io->pipes = pipes;
	io->count++;
	pipes[count] = (struct io_pipe){
		.fd = take_fd, .writes = writes, .cap = SIZE_MAX, .source = -1,
		.data = { .may_be_large = true },
	};
	return &pipes[count];
}

int nsh_io_add_sink(struct io *io, size_t source, struct sink *take_sink)
{
	struct io_pipe *pipe = nsh_io_add(io, take_sink->fd, true);

	take_sink->fd = -1;
	if (!pipe)
		return -1;
	pipe->source = (int)source;
	io->pipes[source].has_sinks = true;
	pipe->is_socket = take_sink->is_socket;
	pipe->may_block = take_sink->may_block;
	pipe->name = take_sink->name;
	take_sink->name = NULL;
	return 0;
}

static bool is_behind(const struct io_pipe *pipe)
{
	return pipe->source >= 0 && pipe->fd >= 0 && pipe->done < pipe->data.size;
}

const char *nsh_io_pending(const struct io *io)
{
	for (size_t i = 0; i < io->count; i++)
		if (is_behind(&io->pipes[i]))
			return io->pipes[i].name;
	return NULL;
}

short nsh_io_events(const struct io_pipe *pipe)
{
	if (pipe->fd < 0 || pipe->is_held || (pipe->source >= 0 && !is_behind(pipe)))
		return 0;
	return pipe->writes ? NSH_WRITABLE : NSH_READABLE;
}

static void close_pipe(struct io *io, struct io_pipe *pipe)
{
	nsh_epoll_unwatch(io->epoll, pipe->fd);
	nsh_close(&pipe->fd);
	pipe->is_watched = false;
	if (pipe->writes)
		nsh_buffer_wipe(&pipe->data);
}

bool nsh_io_close_failed(struct io *io)
{
	if (!io->failed)
		return false;
	close_pipe(io, io->failed);
	io->failed = NULL;
	return true;
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* EPIPE is not an error: a program may stop reading its input. */
static int pump_writer(struct io *io, struct io_pipe *pipe)
{
	int moved = 0;

	while (pipe->done < pipe->data.size) {
		ssize_t count = nsh_write_quietly(pipe->fd,
						  pipe->data.data + pipe->done,
						  pipe->data.size - pipe->done,
						  &pipe->flow);

		if (count < 0 && would_block())
			return moved;
		if (count < 0 && errno != EPIPE)
			return -1;
		if (count < 0)
			break;
		pipe->done += (size_t)count;
		moved = 1;
		nsh_note_transfer(pipe->fd, (size_t)count, &pipe->flow);
	}
	close_pipe(io, pipe);
	return 1;
}

/* ---- sinks: the targets of a list ---------------------------------------- */

/* If poll(2) reports a pipe or a terminal as writable, write(2) of up to this many bytes
 * does not block (pipe(7)). */
enum { AT_ONCE = 4096 };

/* A pipe is not read while one of its sinks has more unwritten bytes than this. */
enum { MOST_BEHIND = 4 * CHUNK };

static ssize_t write_to_sink(struct io_pipe *sink)
{
	const char *data = sink->data.data + sink->done;
	size_t size = sink->data.size - sink->done;

	if (sink->is_socket)
		return send(sink->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sink->may_block && nsh_poll(sink->fd, NSH_WRITABLE, 0) != 1) {
		errno = EAGAIN;
		return -1;
	}
	if (sink->may_block && size > AT_ONCE)
		size = AT_ONCE;
	return nsh_write_quietly(sink->fd, data, size, &sink->flow);
}

/* Writes to one sink.  EPIPE or ECONNRESET closes only this sink; the others go on. */
static int pump_sink(struct io *io, struct io_pipe *sink)
{
	int moved = 0;

	while (sink->done < sink->data.size) {
		ssize_t count = write_to_sink(sink);

		if (count < 0 && would_block())
			return moved;
		if (count < 0 && errno != EPIPE && errno != ECONNRESET) {
			io->failed = sink;
			return -1;
		}
		moved = 1;
		if (count < 0)
			break;
		sink->done += (size_t)count;
	}
	if (sink->done < sink->data.size || io->pipes[sink->source].fd < 0)
		close_pipe(io, sink);
	sink->data.size = sink->done = 0;
	return moved;
}

/* Returns true if pipe number `index` has an open sink.  *ret_is_held: one of its sinks
 * is too far behind to read the pipe. */
static bool look_at_sinks(const struct io *io, int index, bool *ret_is_held)
{
	bool is_open = false;

	*ret_is_held = false;
	for (size_t i = 0; i < io->count; i++) {
		const struct io_pipe *sink = &io->pipes[i];

		if (sink->source != index || sink->fd < 0)
			continue;
		is_open = true;
		*ret_is_held |= sink->data.size - sink->done > MOST_BEHIND;
	}
	return is_open;
}

/* Appends the bytes to all open sinks of a pipe. */
static int feed_sinks(struct io *io, const struct io_pipe *pipe, const char *data,
		      size_t size)
{
	for (size_t i = 0; i < io->count; i++) {
		struct io_pipe *sink = &io->pipes[i];

		if (sink->source == pipe - io->pipes && sink->fd >= 0
		    && nsh_buffer_append(&sink->data, data, size) < 0)
			return -1;
	}
	return 0;
}

/* True if the pipe may be read now.  Closes the pipe if all its targets are closed: then
 * the program gets SIGPIPE, as if it wrote to the target itself. */
static bool may_read(struct io *io, struct io_pipe *pipe)
{
	if (!pipe->passes || look_at_sinks(io, (int)(pipe - io->pipes), &pipe->is_held)
	    || !pipe->discards)
		return !pipe->is_held;
	pipe->ended = true;
	close_pipe(io, pipe);
	return false;
}

/* A pipe over its cap stays open until the escalation has begun: closing it now
 * could kill the program by SIGPIPE (end_limited in process.c). */
static void keep_within_cap(struct io_pipe *pipe)
{
	if (pipe->discards)
		pipe->data.size = 0;
	if (pipe->data.size <= pipe->cap)
		return;
	pipe->data.size = pipe->cap;
	pipe->limited = true;
}

static int pump_reader(struct io *io, struct io_pipe *pipe)
{
	int moved = 0;

	for (int i = 0; i < CHUNKS_PER_PUMP; i++) {
		ssize_t count;

		if (pipe->has_sinks && !may_read(io, pipe))
			return moved;
		if (nsh_buffer_reserve(&pipe->data, CHUNK) < 0)
			return -1;
		count = read(pipe->fd, pipe->data.data + pipe->data.size,
			     pipe->data.capacity - pipe->data.size);
		if (count < 0 && pipe->is_terminal && errno == EIO)
			count = 0;
		pipe->is_empty = count < 0 && errno == EAGAIN;
		if (count < 0)
			return would_block() ? moved : -1;
		moved = 1;
		if (pipe->has_sinks && feed_sinks(io, pipe, pipe->data.data + pipe->data.size,
						  (size_t)count) < 0)
			return -1;
		pipe->data.size += (size_t)count;
		nsh_note_transfer(pipe->fd, (size_t)count, &pipe->flow);
		pipe->ended = count == 0;
		keep_within_cap(pipe);
		if (pipe->ended)
			close_pipe(io, pipe);
		if (pipe->ended || pipe->limited)
			return 1;
	}
	return 1;
}

static int pump_one(struct io *io, struct io_pipe *pipe)
{
	if (pipe->fd < 0 || pipe->limited)
		return 0;
	if (pipe->source >= 0)
		return pump_sink(io, pipe);
	return pipe->writes ? pump_writer(io, pipe) : pump_reader(io, pipe);
}

/* Updates the epoll set: it watches a sink only while the sink is behind, and does not
 * watch a pipe that is held.  On failure, closes the set, so that no wait relies on
 * it. */
static void watch_again(struct io *io)
{
	for (size_t i = 0; i < io->count; i++) {
		struct io_pipe *pipe = &io->pipes[i];
		short events;

		if (pipe->has_sinks)
			(void)look_at_sinks(io, (int)i, &pipe->is_held);
		events = nsh_io_events(pipe);
		if (io->epoll < 0 || pipe->fd < 0 || pipe->is_watched == (events != 0))
			continue;
		pipe->is_watched = events != 0;
		if (!events)
			nsh_epoll_unwatch(io->epoll, pipe->fd);
		else if (nsh_epoll_watch(io->epoll, pipe->fd, (uint32_t)events, 0) < 0)
			nsh_close(&io->epoll);
	}
}

int nsh_io_pump(struct io *io)
{
	int moved = 0;

	io->failed = NULL;
	for (size_t i = 0; i < io->count; i++) {
		int ret = pump_one(io, &io->pipes[i]);

		if (ret < 0)
			return -1;
		moved |= ret;
	}
	watch_again(io);
	return moved;
}

bool nsh_io_is_open(const struct io *io, bool writes)
{
	for (size_t i = 0; i < io->count; i++)
		if (io->pipes[i].writes == writes
		    && io->pipes[i].fd >= 0)
			return true;
	return false;
}

void nsh_io_end_terminal(struct io *io)
{
	for (size_t i = 0; i < io->count; i++) {
		struct io_pipe *pipe = &io->pipes[i];

		if (pipe->fd < 0 || !pipe->is_terminal || !pipe->is_empty)
			continue;
		pipe->ended = true;
		close_pipe(io, pipe);
	}
}

void nsh_io_close(struct io *io)
{
	for (size_t i = 0; i < io->count; i++)
		if (io->pipes[i].fd >= 0)
			close_pipe(io, &io->pipes[i]);
}

bool nsh_io_is_limited(const struct io *io)
{
	for (size_t i = 0; i < io->count; i++)
		if (io->pipes[i].limited)
			return true;
	return false;
}

void nsh_io_close_limited(struct io *io)
{
	for (size_t i = 0; i < io->count; i++)
		if (io->pipes[i].limited && io->pipes[i].fd >= 0)
			close_pipe(io, &io->pipes[i]);
}

void nsh_io_discard(struct io *io)
{
	for (size_t i = 0; i < io->count; i++)
		if (!io->pipes[i].writes) {
			io->pipes[i].discards = true;
			io->pipes[i].limited = false;
			io->pipes[i].data.size = 0;
		}
}

void nsh_io_forget_descriptors(struct io *io)
{
	for (size_t i = 0; i < io->count; i++)
		nsh_fd_forget(&io->pipes[i].fd);
	nsh_fd_forget(&io->epoll);
}

void nsh_io_free(struct io *io)
{
	nsh_io_close(io);
	for (size_t i = 0; i < io->count; i++) {
		nsh_buffer_free(&io->pipes[i].data);
		free(io->pipes[i].name);
	}
	free(io->pipes);
	nsh_close(&io->epoll);
	nsh_io_init(io);
}
