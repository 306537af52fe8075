/*
 * Wake-up channels (noshell.h): one listener, one epoll descriptor, one timer
 * and one helper thread a process, made when first asked for and kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "noshell.h"
#include "fd.h"
#include "guard.h"
#include "wake_listener.h"

struct channel {
	int socket;             /* our end of the host's connection; -1: free */
	int armed;              /* our duplicate of what is waited for; -1 */
	double until;           /* when to wake it all the same; negative: never */
	unsigned generation;    /* of those that had this place */
};

/* A channel's number: its place, and above it the generation, so that a number
 * that was kept too long wakes nobody else. */
enum { PLACE_BITS = 20, PLACES = 1 << PLACE_BITS, GENERATIONS = 1 << 11 };

static struct {
	struct guard guard;
	bool is_made;
	struct wake_listener listener;
	int epoll, timer;
	double next;            /* what the timer is set to; negative: nothing */
	struct channel *channels;
	size_t count;
} wake = {
	.guard = NSH_GUARD_INIT, .listener = { .socket = -1, .name = -1 },
	.epoll = -1, .timer = -1, .next = -1,
};

/* epoll's data: the timer, or a place, and whether it is its socket or what it
 * waits for. */
enum { IS_SOCKET = 1 };
static const uint64_t TIMER = UINT64_MAX;

static uint64_t key_of(size_t place, int kind)
{
	return (uint64_t)place << 1 | (unsigned)kind;
}

static int watch(int fd, uint32_t events, uint64_t key)
{
	struct epoll_event event = { .events = events, .data.u64 = key };

	return epoll_ctl(wake.epoll, EPOLL_CTL_ADD, fd, &event);
}

/* ---- what the thread does, and who holds the lock ----------------------- */

static bool is_armed(const struct channel *channel)
{
	return channel->armed >= 0 || channel->until >= 0;
}

static void disarm(struct channel *channel)
{
	if (channel->armed >= 0)
		(void)epoll_ctl(wake.epoll, EPOLL_CTL_DEL, channel->armed, NULL);
	nsh_close(&channel->armed);
	channel->until = -1;
}

static void wake_up(struct channel *channel)
{
	if (!is_armed(channel))
		return;
	disarm(channel);
	(void)send(channel->socket, "w", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Whoever still has its number has it in vain. */
static void leave_place(struct channel *channel)
{
	channel->generation = (channel->generation + 1) % GENERATIONS;
}

static void drop(struct channel *channel)
{
	disarm(channel);
	if (channel->socket >= 0)
		(void)epoll_ctl(wake.epoll, EPOLL_CTL_DEL, channel->socket, NULL);
	nsh_close(&channel->socket);
	leave_place(channel);
}

/* The timer wakes for the earliest; one that is disarmed meanwhile costs a
 * look in vain. */
static void set_timer(double until)
{
	struct itimerspec when = { .it_value.tv_nsec = 0 };

	wake.next = until;
	when.it_value.tv_sec = (time_t)until;
	when.it_value.tv_nsec = (long)((until - (double)when.it_value.tv_sec) * 1e9);
	if (when.it_value.tv_sec == 0 && when.it_value.tv_nsec == 0)
		when.it_value.tv_nsec = 1;
	(void)timerfd_settime(wake.timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void handle_timer(void)
{
	double now = nsh_now(), next = -1;
	uint64_t expirations;

	if (read(wake.timer, &expirations, sizeof expirations) < 0)
		return;
	wake.next = -1;
	for (size_t i = 0; i < wake.count; i++) {
		struct channel *channel = &wake.channels[i];

		if (channel->until < 0)
			continue;
		if (channel->until <= now)
			wake_up(channel);
		else if (next < 0 || channel->until < next)
			next = channel->until;
	}
	if (next >= 0)
		set_timer(next);
}

/* What was ready may have been disarmed or replaced before we got the lock:
 * then somebody is woken in vain. */
static void handle(uint64_t key)
{
	if (key == TIMER)
		handle_timer();
	else if (key & IS_SOCKET)
		drop(&wake.channels[key >> 1]);
	else
		wake_up(&wake.channels[key >> 1]);
}

/* The host has closed what is not its own, as one does that becomes a daemon.
 * Nothing is closed here: the numbers may be the host's by now. */
static void abandon(void)
{
	for (size_t i = 0; i < wake.count; i++) {
		wake.channels[i].armed = wake.channels[i].socket = -1;
		wake.channels[i].until = -1;
		leave_place(&wake.channels[i]);
	}
	wake.listener = (struct wake_listener){ .socket = -1, .name = -1 };
	wake.epoll = wake.timer = -1;
	wake.next = -1;
	wake.is_made = false;
}

static void *run_thread(void *nothing)
{
	struct epoll_event events[64];
	bool is_lost = false;

	(void)nothing;
	while (!is_lost) {
		int count = epoll_wait(wake.epoll, events, 64, -1);

		is_lost = count < 0 && errno != EINTR;
		pthread_mutex_lock(&wake.guard.lock);
		for (int i = 0; i < count; i++)
			handle(events[i].data.u64);
		if (is_lost)
			abandon();
		pthread_mutex_unlock(&wake.guard.lock);
	}
	return NULL;
}

/* ---- making it --------------------------------------------------------- */

static void unmake(void)
{
	for (size_t i = 0; i < wake.count; i++) {
		nsh_close(&wake.channels[i].armed);
		nsh_close(&wake.channels[i].socket);
		wake.channels[i].until = -1;
		leave_place(&wake.channels[i]);
	}
	nsh_wake_listener_free(&wake.listener);
	nsh_close(&wake.timer);
	nsh_close(&wake.epoll);
	wake.next = -1;
	wake.is_made = false;
}

static int make(void)
{
	if (wake.is_made && wake.listener.socket < 0)
		return nsh_wake_listener_init(&wake.listener);
	if (wake.is_made)
		return 0;
	wake.epoll = nsh_fd_raise(epoll_create1(EPOLL_CLOEXEC));
	wake.timer = nsh_fd_raise(timerfd_create(CLOCK_MONOTONIC,
						 TFD_CLOEXEC | TFD_NONBLOCK));
	if (wake.epoll >= 0 && wake.timer >= 0
	    && watch(wake.timer, EPOLLIN, TIMER) == 0
	    && nsh_wake_listener_init(&wake.listener) == 0
	    && nsh_guard_start_thread(run_thread, NULL) == 0) {
		wake.is_made = true;
		return 0;
	}
	unmake();
	return -1;
}

/* After a fork of the host the thread is the parent's, and so are the channels. */
static void lock(void)
{
	nsh_guard_lock(&wake.guard, unmake);
}

static void unlock(void)
{
	nsh_guard_unlock(&wake.guard);
}

const char *nsh_wake_path(void)
{
	int ret;

	lock();
	ret = make();
	unlock();
	return ret == 0 ? wake.listener.path : NULL;
}

/* ---- channels ---------------------------------------------------------- */

/* A free place, or -1. */
static int find_place(void)
{
	struct channel *channels;
	size_t count = wake.count;

	for (size_t i = 0; i < count; i++)
		if (wake.channels[i].socket < 0)
			return (int)i;
	if (count + 64 > PLACES) {
		errno = EMFILE;
		return -1;
	}
	channels = realloc(wake.channels, (count + 64) * sizeof *channels);
	if (!channels)
		return -1;
	wake.channels = channels;
	wake.count += 64;
	for (size_t i = count; i < wake.count; i++)
		channels[i] = (struct channel){ -1, -1, .until = -1 };
	return (int)count;
}

static int take_connection(int take_fd)
{
	int place = take_fd < 0 ? -1 : find_place();

	if (place >= 0
	    && watch(take_fd, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
		     key_of((size_t)place, IS_SOCKET)) == 0) {
		struct channel *channel = &wake.channels[place];

		channel->socket = take_fd;
		return (int)channel->generation << PLACE_BITS | place;
	}
	nsh_close(&take_fd);
	return -1;
}

/* A connection that cannot be taken would stay in the listener's queue, and be
 * taken for the next one: then everybody had the channel of another, for ever.
 * So the listener goes, and the queue with it. */
static int accept_or_start_over(void)
{
	int fd = nsh_wake_listener_accept(&wake.listener), saved = errno;

	if (fd < 0 && errno != EAGAIN)
		nsh_wake_listener_free(&wake.listener);
	errno = saved;
	return fd;
}

int nsh_wake_accept(void)
{
	int channel = -1;

	lock();
	if (make() == 0)
		channel = take_connection(accept_or_start_over());
	unlock();
	return channel;
}

/* With the place in *ret_place; NULL and EBADF where there is none. */
static struct channel *channel_of(int number, size_t *ret_place)
{
	size_t place = (size_t)(number & (PLACES - 1));

	if (number >= 0 && place < wake.count && wake.channels[place].socket >= 0
	    && wake.channels[place].generation == (unsigned)number >> PLACE_BITS) {
		*ret_place = place;
		return &wake.channels[place];
	}
	errno = EBADF;
	return NULL;
}

/* So many seconds are as good as none, and more do not fit a timespec. */
static const double NEVER = 1e9;

/* A duplicate: two may wait for the same file. */
static int arm(struct channel *channel, size_t place, int fd, short events)
{
	channel->armed = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || (channel->armed >= 0
		       && watch(channel->armed, (uint32_t)events | EPOLLONESHOT,
				key_of(place, 0)) == 0))
		return 0;
	nsh_close(&channel->armed);
	return -1;
}

int nsh_wake_arm(int number, int fd, short events, double seconds)
{
	struct channel *channel;
	size_t place;
	int ret = -1;

	lock();
	channel = channel_of(number, &place);
	if (channel) {
		disarm(channel);
		ret = arm(channel, place, fd, events);
	}
	if (ret == 0 && seconds >= 0 && seconds < NEVER) {
		channel->until = nsh_now() + seconds;
		if (wake.next < 0 || channel->until < wake.next)
			set_timer(channel->until);
	}
	unlock();
	return ret;
}

void nsh_wake_disarm(int number)
{
	struct channel *channel;
	size_t place;

	lock();
	channel = channel_of(number, &place);
	if (channel)
		disarm(channel);
	unlock();
}
