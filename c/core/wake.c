/*
 * Wake-up channels (noshell.h): one listener, one epoll descriptor and one
 * helper thread a process, made when first asked for and kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../noshell.h"
#include "fd.h"
#include "signals.h"

struct channel {
	int socket;             /* our end of the host's connection; -1: free */
	int armed;              /* our duplicate of what is waited for; -1 */
};

static struct {
	pthread_mutex_t lock;
	pid_t owner;            /* 0: nothing is made yet */
	int listener, name, epoll;
	char path[32];
	struct channel *channels;
	size_t count;
} wake = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .listener = -1, .name = -1, .epoll = -1,
};

/* epoll's data: the channel, and whether its socket or what it waits for. */
enum { IS_SOCKET = 1 };

static uint64_t key_of(size_t channel, int kind)
{
	return (uint64_t)channel << 1 | (unsigned)kind;
}

/* ---- the thread -------------------------------------------------------- */

static void drop_armed(struct channel *channel)
{
	if (channel->armed < 0)
		return;
	(void)epoll_ctl(wake.epoll, EPOLL_CTL_DEL, channel->armed, NULL);
	nsh_close(&channel->armed);
}

static void drop_channel(struct channel *channel)
{
	drop_armed(channel);
	if (channel->socket >= 0)
		(void)epoll_ctl(wake.epoll, EPOLL_CTL_DEL, channel->socket, NULL);
	nsh_close(&channel->socket);
}

static void handle(uint64_t key)
{
	struct channel *channel = &wake.channels[key >> 1];

	if (key & IS_SOCKET) {
		drop_channel(channel);
	} else if (channel->armed >= 0) {
		drop_armed(channel);
		(void)send(channel->socket, "w", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

static void *run_thread(void *nothing)
{
	struct epoll_event events[64];

	(void)nothing;
	for (;;) {
		int count = epoll_wait(wake.epoll, events, 64, -1);

		pthread_mutex_lock(&wake.lock);
		for (int i = 0; i < count; i++)
			handle(events[i].data.u64);
		pthread_mutex_unlock(&wake.lock);
	}
	return NULL;
}

/* Every signal blocked: the host's handlers run in the host's threads. */
static int start_thread(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	uint64_t mask;
	int error;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, 128 * 1024);
	nsh_signals_block(&mask);
	error = pthread_create(&thread, &attributes, run_thread, NULL);
	nsh_signals_restore(mask);
	(void)pthread_attr_destroy(&attributes);
	errno = error;
	return error ? -1 : 0;
}

/* ---- the listener ------------------------------------------------------ */

/* Bound in a directory that only we can enter, held open, and removed at once:
 * what remains is reached through our own /proc/self/fd alone. */
static int bind_nameless(int listener)
{
	const char *parent = secure_getenv("TMPDIR");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char directory[sizeof address.sun_path];
	int size, name = -1;

	size = snprintf(directory, sizeof directory - sizeof "/wake",
			"%s/noshell-XXXXXX", parent ? parent : "/tmp");
	if (size < 0 || (size_t)size >= sizeof directory - sizeof "/wake"
	    || !mkdtemp(directory))
		return -1;
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%.*s/wake",
		       size, directory);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) == 0) {
		name = nsh_fd_raise(open(address.sun_path, O_PATH | O_CLOEXEC));
		(void)unlink(address.sun_path);
	}
	(void)rmdir(directory);
	return name;
}

static int make_listener(void)
{
	wake.listener = nsh_fd_raise(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC
					    | SOCK_NONBLOCK, 0));
	if (wake.listener < 0)
		return -1;
	wake.name = bind_nameless(wake.listener);
	if (wake.name < 0 || listen(wake.listener, SOMAXCONN) < 0)
		return -1;
	(void)snprintf(wake.path, sizeof wake.path, "/proc/self/fd/%d", wake.name);
	return 0;
}

/* Channels that a parent made before it forked are not ours. */
static void forget_all(void)
{
	for (size_t i = 0; i < wake.count; i++) {
		nsh_close(&wake.channels[i].armed);
		nsh_close(&wake.channels[i].socket);
	}
	nsh_close(&wake.listener);
	nsh_close(&wake.name);
	nsh_close(&wake.epoll);
	wake.owner = 0;
}

static int make_all(void)
{
	if (wake.owner == getpid())
		return 0;
	forget_all();
	wake.epoll = nsh_fd_raise(epoll_create1(EPOLL_CLOEXEC));
	if (wake.epoll >= 0 && make_listener() == 0 && start_thread() == 0) {
		wake.owner = getpid();
		return 0;
	}
	forget_all();
	return -1;
}

const char *nsh_wake_path(void)
{
	int ret;

	pthread_mutex_lock(&wake.lock);
	ret = make_all();
	pthread_mutex_unlock(&wake.lock);
	return ret == 0 ? wake.path : NULL;
}

/* ---- channels ---------------------------------------------------------- */

static int free_channel(void)
{
	struct channel *channels;

	for (size_t i = 0; i < wake.count; i++)
		if (wake.channels[i].socket < 0)
			return (int)i;
	channels = realloc(wake.channels, (wake.count + 64) * sizeof *channels);
	if (!channels)
		return -1;
	wake.channels = channels;
	for (size_t i = 0; i < 64; i++)
		channels[wake.count + i] = (struct channel){ -1, -1 };
	wake.count += 64;
	return (int)wake.count - 64;
}

static int check_peer(int connection)
{
	struct ucred peer;
	socklen_t size = sizeof peer;

	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -1;
	if (peer.pid == getpid())
		return 0;
	errno = EPERM;
	return -1;
}

static int add(int fd, uint32_t events, uint64_t key)
{
	struct epoll_event event = { .events = events, .data.u64 = key };

	return epoll_ctl(wake.epoll, EPOLL_CTL_ADD, fd, &event);
}

static int take_connection(int take_fd)
{
	int channel = take_fd < 0 || check_peer(take_fd) < 0 ? -1 : free_channel();

	if (channel >= 0
	    && add(take_fd, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
		   key_of((size_t)channel, IS_SOCKET)) == 0) {
		wake.channels[channel].socket = take_fd;
		return channel;
	}
	nsh_close(&take_fd);
	return -1;
}

int nsh_wake_accept(void)
{
	int channel = -1;

	pthread_mutex_lock(&wake.lock);
	if (make_all() == 0)
		channel = take_connection(nsh_fd_raise(
			accept4(wake.listener, NULL, NULL,
				SOCK_CLOEXEC | SOCK_NONBLOCK)));
	pthread_mutex_unlock(&wake.lock);
	return channel;
}

static struct channel *channel_of(int channel)
{
	if (wake.owner != getpid() || channel < 0 || (size_t)channel >= wake.count
	    || wake.channels[channel].socket < 0) {
		errno = EBADF;
		return NULL;
	}
	return &wake.channels[channel];
}

/* A duplicate: two may wait for the same file, and it may be closed while
 * somebody does. */
int nsh_wake_arm(int channel, int fd, short events)
{
	struct channel *it;
	int ret = -1;

	pthread_mutex_lock(&wake.lock);
	it = channel_of(channel);
	if (it) {
		drop_armed(it);
		it->armed = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (it->armed >= 0)
			ret = add(it->armed, (uint32_t)events | EPOLLONESHOT,
				  key_of((size_t)channel, 0));
		if (ret < 0)
			nsh_close(&it->armed);
	}
	pthread_mutex_unlock(&wake.lock);
	return ret;
}

void nsh_wake_disarm(int channel)
{
	struct channel *it;

	pthread_mutex_lock(&wake.lock);
	it = channel_of(channel);
	if (it)
		drop_armed(it);
	pthread_mutex_unlock(&wake.lock);
}
