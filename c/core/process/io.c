#include "io.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"

/* A full pipe; and how much one pump takes from one channel, so that a
 * program that writes without pause starves neither the others nor the host. */
enum { CHUNK = 65536, CHUNKS_PER_PUMP = 32 };

/* There is no MSG_NOSIGNAL for pipes, and the disposition is the host's. */
ssize_t nsh_write_quietly(int fd, const void *data, size_t size)
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

void nsh_exchange_init(struct exchange *exchange)
{
	*exchange = (struct exchange){ .epoll = -1 };
}

struct channel *nsh_exchange_add(struct exchange *exchange, int take_fd,
				 bool writes)
{
	size_t count = exchange->count;
	struct channel *channels;

	channels = realloc(exchange->channels, (count + 1) * sizeof *channels);
	if (!channels) {
		nsh_close(&take_fd);
		return NULL;
	}
	exchange->channels = channels;
	exchange->count++;
	channels[count] = (struct channel){
		.fd = take_fd, .writes = writes, .cap = SIZE_MAX,
	};
	return &channels[count];
}

/* Out of the epoll set first: where the host forked, closing our descriptor
 * does not close the file behind it. */
static void close_channel(struct exchange *exchange, struct channel *channel)
{
	nsh_exchange_unwatch(exchange, channel->fd);
	nsh_close(&channel->fd);
	if (channel->writes)
		nsh_buffer_wipe(&channel->data);
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* EPIPE: the program does not want the rest.  That is its right. */
static int pump_writer(struct exchange *exchange, struct channel *channel)
{
	while (channel->done < channel->data.size) {
		ssize_t count = nsh_write_quietly(channel->fd,
						  channel->data.data + channel->done,
						  channel->data.size - channel->done);

		if (count < 0 && would_block())
			return 0;
		if (count < 0 && errno != EPIPE)
			return -1;
		if (count < 0)
			break;
		channel->done += (size_t)count;
	}
	close_channel(exchange, channel);
	return 0;
}

static void keep_within_cap(struct channel *channel)
{
	if (channel->discards)
		channel->data.size = 0;
	if (channel->data.size <= channel->cap)
		return;
	channel->data.size = channel->cap;
	channel->limited = true;
}

static int pump_reader(struct exchange *exchange, struct channel *channel)
{
	for (int i = 0; i < CHUNKS_PER_PUMP; i++) {
		ssize_t count;

		if (nsh_buffer_reserve(&channel->data, CHUNK) < 0)
			return -1;
		count = read(channel->fd, channel->data.data + channel->data.size,
			     channel->data.capacity - channel->data.size);
		if (count < 0)
			return would_block() ? 0 : -1;
		channel->data.size += (size_t)count;
		channel->ended = count == 0;
		keep_within_cap(channel);
		if (channel->ended)
			close_channel(exchange, channel);
		if (channel->ended || channel->limited)
			return 0;
	}
	return 0;
}

int nsh_exchange_pump(struct exchange *exchange)
{
	for (size_t i = 0; i < exchange->count; i++) {
		struct channel *channel = &exchange->channels[i];
		int ret = 0;

		if (channel->fd >= 0 && !channel->limited)
			ret = channel->writes ? pump_writer(exchange, channel)
				: pump_reader(exchange, channel);
		if (ret < 0)
			return -1;
	}
	return 0;
}

bool nsh_exchange_is_open(const struct exchange *exchange, bool writes)
{
	for (size_t i = 0; i < exchange->count; i++)
		if (exchange->channels[i].writes == writes
		    && exchange->channels[i].fd >= 0)
			return true;
	return false;
}

void nsh_exchange_close(struct exchange *exchange)
{
	for (size_t i = 0; i < exchange->count; i++)
		if (exchange->channels[i].fd >= 0)
			close_channel(exchange, &exchange->channels[i]);
}

bool nsh_exchange_is_limited(const struct exchange *exchange)
{
	for (size_t i = 0; i < exchange->count; i++)
		if (exchange->channels[i].limited)
			return true;
	return false;
}

void nsh_exchange_close_limited(struct exchange *exchange)
{
	for (size_t i = 0; i < exchange->count; i++)
		if (exchange->channels[i].limited && exchange->channels[i].fd >= 0)
			close_channel(exchange, &exchange->channels[i]);
}

void nsh_exchange_discard(struct exchange *exchange)
{
	for (size_t i = 0; i < exchange->count; i++)
		if (!exchange->channels[i].writes) {
			exchange->channels[i].discards = true;
			exchange->channels[i].limited = false;
			exchange->channels[i].data.size = 0;
		}
}

/* ---- waiting ----------------------------------------------------------- */

static int watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int watch_channels(const struct exchange *exchange, int epoll)
{
	for (size_t i = 0; i < exchange->count; i++) {
		const struct channel *channel = &exchange->channels[i];

		if (channel->fd >= 0
		    && watch(epoll, channel->fd,
			     channel->writes ? EPOLLOUT : EPOLLIN) < 0)
			return -1;
	}
	return 0;
}

int nsh_exchange_epoll(struct exchange *exchange)
{
	if (exchange->epoll >= 0)
		return exchange->epoll;
	exchange->epoll = nsh_fd_raise(epoll_create1(EPOLL_CLOEXEC));
	exchange->generation++;
	if (exchange->epoll >= 0 && watch_channels(exchange, exchange->epoll) < 0)
		nsh_close(&exchange->epoll);
	return exchange->epoll;
}

int nsh_exchange_use_epoll(struct exchange *exchange, int epoll, int fd)
{
	if (exchange->epoll >= 0 || watch_channels(exchange, epoll) < 0
	    || watch(epoll, fd, EPOLLIN) < 0)
		return -1;
	exchange->epoll = epoll;
	exchange->generation++;
	return 0;
}

void nsh_exchange_watch(struct exchange *exchange, int fd)
{
	if (exchange->epoll >= 0 && fd >= 0 && watch(exchange->epoll, fd, EPOLLIN) < 0
	    && errno != EEXIST)
		nsh_close(&exchange->epoll);
}

void nsh_exchange_unwatch(struct exchange *exchange, int fd)
{
	if (exchange->epoll >= 0 && fd >= 0)
		(void)epoll_ctl(exchange->epoll, EPOLL_CTL_DEL, fd, NULL);
}

void nsh_exchange_forget_descriptors(struct exchange *exchange)
{
	for (size_t i = 0; i < exchange->count; i++)
		nsh_fd_forget(&exchange->channels[i].fd);
	nsh_fd_forget(&exchange->epoll);
}

void nsh_exchange_free(struct exchange *exchange)
{
	nsh_exchange_close(exchange);
	for (size_t i = 0; i < exchange->count; i++)
		nsh_buffer_free(&exchange->channels[i].data);
	free(exchange->channels);
	nsh_close(&exchange->epoll);
	nsh_exchange_init(exchange);
}
