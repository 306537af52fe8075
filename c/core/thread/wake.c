/*
 * Wake-up channels (noshell.h).  Each process has one listener, one epoll
 * descriptor, one timer and one helper thread, made on first use and kept.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "noshell.h"
#include "clock.h"
#include "ending.h"
#include "fd.h"
#include "fork_lock.h"
#include "pollset.h"
#include "wake_listener.h"

/* An object that a channel owns: the thread calls end(object) if the host closes
 * its end before the object is taken back. */
struct held {
	void *object;
	void (*end)(void *object);
	struct held *next;
};

struct channel {
	int socket;             /* our end of the host's connection; -1: free */
	int fd;                 /* the caller's descriptor to wait for; -1: none */
	uint32_t events;        /* epoll's */
	int next;               /* the next place that waits for the same fd; -1 */
	double until;           /* deadline of the wait; negative: none */
	struct held *held;
	unsigned generation;    /* counts the uses of this place */
};

struct number {
	int first;              /* the first place that waits for it; -1: none */
	bool is_socket;         /* it is a channel's own */
};

static const struct channel FREE = {
	.socket = -1, .fd = -1, .next = -1, .until = -1,
};

/* A channel's number has the place in its low bits and the generation above them,
 * so a stale number does not name a later channel in the same place. */
enum { PLACE_BITS = 20, PLACES = 1 << PLACE_BITS, GENERATIONS = 1 << 11 };

static struct {
	struct fork_lock lock;
	bool is_made;
	struct wake_listener listener;
	int epoll, timer;
	double next;            /* the time the timer is set to; negative: unset */
	struct channel *channels;
	size_t count;
	struct number *numbers; /* by descriptor */
	size_t fd_count;
	struct held *lost;      /* objects of closed channels, to be ended */
	unsigned first_generation;  /* of places that are added */
} wake = {
	.lock = NSH_FORK_LOCK_INIT, .listener = { .socket = -1, .name = -1 },
	.epoll = -1, .timer = -1, .next = -1,
};

/* The data of an epoll entry: the timer, the place of a socket, or a descriptor
 * that a channel waits for. */
enum { IS_SOCKET = 1 };
static const uint32_t FAILED = EPOLLERR | EPOLLHUP;
static const uint64_t TIMER = UINT64_MAX;

static uint64_t key_of(int number, int kind)
{
	return (uint64_t)number << 1 | (unsigned)kind;
}

/* ---- descriptors that channels wait for ---------------------------------- *
 * They are the caller's, not duplicates: a duplicate would keep a pipe open that
 * the caller has closed.  The kernel drops a closed descriptor from the epoll
 * set, and its number may be reused for another file: so each call of watch adds
 * it again.  A stale entry causes one spurious wakeup at most. */

static int reserve_fd(int fd)
{
	size_t count = (size_t)fd + 64;
	struct number *numbers;

	if ((size_t)fd < wake.fd_count)
		return 0;
	numbers = realloc(wake.numbers, count * sizeof *numbers);
	if (!numbers)
		return -1;
	for (size_t i = wake.fd_count; i < count; i++)
		numbers[i] = (struct number){ .first = -1 };
	wake.numbers = numbers;
	wake.fd_count = count;
	return 0;
}

static void forget_fds(void)
{
	for (size_t i = 0; i < wake.fd_count; i++)
		wake.numbers[i] = (struct number){ .first = -1 };
}

/* Sets the epoll entry of a descriptor to the union of its channels' events.  If
 * the caller has closed it, and a channel's socket has got its number, the entry is
 * the socket's: without it the thread would not notice that the host closes its
 * end. */
static int update_fd(int fd)
{
	uint32_t events = EPOLLONESHOT;

	if (wake.numbers[fd].is_socket)
		return 0;
	if (wake.numbers[fd].first < 0) {
		nsh_epoll_unwatch(wake.epoll, fd);
		return 0;
	}
	for (int i = wake.numbers[fd].first; i >= 0; i = wake.channels[i].next)
		events |= wake.channels[i].events;
	return nsh_epoll_watch(wake.epoll, fd, events, key_of(fd, 0));
}

static void unlink_fd(struct channel *channel)
{
	int *link, fd = channel->fd;

	if (fd < 0)
		return;
	link = &wake.numbers[fd].first;
	while (&wake.channels[*link] != channel)
		link = &wake.channels[*link].next;
	*link = channel->next;
	channel->fd = channel->next = -1;
}

static int link_fd(struct channel *channel, int fd, short events)
{
	if (reserve_fd(fd) < 0)
		return -1;
	if (wake.numbers[fd].is_socket) {
		errno = EBADF;
		return -1;
	}
	channel->fd = fd;
	channel->events = (uint32_t)events;
	channel->next = wake.numbers[fd].first;
	wake.numbers[fd].first = (int)(channel - wake.channels);
	if (update_fd(fd) == 0)
		return 0;
	unlink_fd(channel);
	return -1;
}

/* ---- the thread's work, with the lock held ------------------------------- */

static bool is_armed(const struct channel *channel)
{
	return channel->fd >= 0 || channel->until >= 0;
}

static void disarm(struct channel *channel)
{
	int fd = channel->fd;

	unlink_fd(channel);
	if (fd >= 0)
		(void)update_fd(fd);
	channel->until = -1;
}

/* A full socket is not an error: it already has a byte that wakes the host. */
static void send_byte(const struct channel *channel)
{
	(void)send(channel->socket, "w", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void wake_up(struct channel *channel)
{
	if (!is_armed(channel))
		return;
	disarm(channel);
	send_byte(channel);
}

static void wake_ready(int fd, uint32_t ready)
{
	int next;

	if ((size_t)fd >= wake.fd_count)
		return;
	for (int i = wake.numbers[fd].first; i >= 0; i = next) {
		struct channel *channel = &wake.channels[i];

		next = channel->next;
		if ((ready & (channel->events | FAILED)) == 0)
			continue;
		unlink_fd(channel);
		channel->until = -1;
		send_byte(channel);
	}
	(void)update_fd(fd);
}

/* Frees the place and invalidates the old number. */
static void leave_place(struct channel *channel)
{
	unsigned generation = (channel->generation + 1) % GENERATIONS;

	*channel = FREE;
	channel->generation = generation;
}

/* Moves the channel's objects to the end of the list of lost ones. */
static void lose_held(struct channel *channel)
{
	struct held **end = &wake.lost;

	while (*end)
		end = &(*end)->next;
	for (struct held *it = channel->held; it; it = it->next)
		nsh_ending_begin();
	*end = channel->held;
	channel->held = NULL;
}

static void drop(struct channel *channel)
{
	disarm(channel);
	lose_held(channel);
	nsh_epoll_unwatch(wake.epoll, channel->socket);
	wake.numbers[channel->socket].is_socket = false;
	nsh_close(&channel->socket);
	leave_place(channel);
}

/* Sets the timer to the earliest deadline.  disarm() does not reset it: a disarmed
 * entry causes one spurious wakeup.  An it_value of 0 would stop the timer. */
static void set_timer(double until)
{
	struct itimerspec when = { .it_value = nsh_timespec(until) };

	wake.next = until;
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

/* The entry may have been disarmed or replaced before we got the lock; the wakeup
 * is then spurious. */
static void handle(const struct epoll_event *event)
{
	uint64_t key = event->data.u64;

	if (key == TIMER)
		handle_timer();
	else if (key & IS_SOCKET)
		drop(&wake.channels[key >> 1]);
	else
		wake_ready((int)(key >> 1), event->events);
}

/* Gives everything up after the host has closed our epoll descriptor, for example to
 * become a daemon.  Closes nothing: the numbers may belong to files of the host by
 * now. */
static void abandon(void)
{
	for (size_t i = 0; i < wake.count; i++) {
		nsh_fd_forget(&wake.channels[i].socket);
		leave_place(&wake.channels[i]);
	}
	forget_fds();
	nsh_fd_forget(&wake.listener.socket);
	nsh_fd_forget(&wake.listener.name);
	nsh_fd_forget(&wake.epoll);
	nsh_fd_forget(&wake.timer);
	wake.next = -1;
	wake.is_made = false;
}

/* Called without the lock, because ending a tree reads /proc and takes time. */
static void end_lost(struct held *lost)
{
	while (lost) {
		struct held *next = lost->next;

		lost->end(lost->object);
		nsh_ending_over();
		free(lost);
		lost = next;
	}
}

static void *run_thread(void *nothing)
{
	struct epoll_event events[64];
	bool is_lost = false;
	struct held *lost;

	(void)nothing;
	while (!is_lost) {
		int count = nsh_epoll_wait(wake.epoll, events, 64, -1);

		is_lost = count < 0 && errno != EINTR;
		pthread_mutex_lock(&wake.lock.mutex);
		for (int i = 0; i < count; i++)
			handle(&events[i]);
		if (is_lost)
			abandon();
		lost = wake.lost;
		wake.lost = NULL;
		pthread_mutex_unlock(&wake.lock.mutex);
		end_lost(lost);
	}
	return NULL;
}

/* ---- making it --------------------------------------------------------- */

/* Resets everything after a fork of the host: thread and channels belong to the
 * parent.  The jump of the generation keeps the parent's numbers invalid here.
 * Nothing is freed: the fork may have interrupted a change. */
static void start_over(void)
{
	wake.listener = (struct wake_listener){ .socket = -1, .name = -1 };
	wake.epoll = wake.timer = -1;
	wake.next = -1;
	wake.is_made = false;
	wake.channels = NULL;
	wake.count = 0;
	wake.numbers = NULL;
	wake.fd_count = 0;
	wake.lost = NULL;
	wake.first_generation = (wake.first_generation + GENERATIONS / 2 + 1) % GENERATIONS;
}

static void unmake(void)
{
	nsh_wake_listener_free(&wake.listener);
	nsh_close(&wake.timer);
	nsh_close(&wake.epoll);
	wake.next = -1;
	wake.is_made = false;
}

/* Makes what is missing.  The listener alone is missing after
 * accept_or_start_over(). */
static int make(void)
{
	if (wake.is_made && wake.listener.socket < 0)
		return nsh_wake_listener_init(&wake.listener);
	if (wake.is_made)
		return 0;
	wake.epoll = nsh_epoll_new();
	wake.timer = nsh_fd_raise(timerfd_create(CLOCK_MONOTONIC,
						 TFD_CLOEXEC | TFD_NONBLOCK));
	if (wake.epoll >= 0 && wake.timer >= 0
	    && nsh_epoll_watch(wake.epoll, wake.timer, EPOLLIN, TIMER) == 0
	    && nsh_wake_listener_init(&wake.listener) == 0
	    && nsh_start_thread(run_thread, NULL) == 0) {
		wake.is_made = true;
		return 0;
	}
	unmake();
	return -1;
}

static void lock(void)
{
	nsh_fork_lock(&wake.lock, start_over);
}

static void unlock(void)
{
	nsh_fork_unlock(&wake.lock);
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

/* Returns a free place, or -1 with errno. */
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
	for (size_t i = count; i < wake.count; i++) {
		channels[i] = FREE;
		channels[i].generation = wake.first_generation;
	}
	return (int)count;
}

static int take_connection(int take_fd)
{
	int place = take_fd < 0 ? -1 : find_place();

	if (place >= 0 && reserve_fd(take_fd) == 0
	    && nsh_epoll_watch(wake.epoll, take_fd, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
			       key_of(place, IS_SOCKET)) == 0) {
		struct channel *channel = &wake.channels[place];

		channel->socket = take_fd;
		wake.numbers[take_fd].is_socket = true;
		return (int)channel->generation << PLACE_BITS | place;
	}
	nsh_close(&take_fd);
	return -1;
}

/* Accepts a connection; closes the listener if that fails.  A connection left in
 * the queue would be mistaken for the next one, and from then on every caller
 * would get another caller's channel. */
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

/* Returns the channel, or NULL with EBADF. */
static struct channel *channel_of(int number)
{
	size_t place = (size_t)(number & (PLACES - 1));

	if (number >= 0 && place < wake.count && wake.channels[place].socket >= 0
	    && wake.channels[place].generation == (unsigned)number >> PLACE_BITS)
		return &wake.channels[place];
	errno = EBADF;
	return NULL;
}

/* Longer timeouts are treated as none; they might not fit a timespec. */
static const double NEVER = 1e9;

int nsh_wake_arm(int number, int fd, short events, double seconds)
{
	struct channel *channel;
	int ret = -1;

	lock();
	channel = channel_of(number);
	if (channel) {
		disarm(channel);
		ret = fd < 0 ? 0 : link_fd(channel, fd, events);
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

	lock();
	channel = channel_of(number);
	if (channel)
		disarm(channel);
	unlock();
}

/* ---- objects that a channel owns ----------------------------------------- */

/* Polls the socket itself, because the helper thread may not have noticed the end yet.
 * The host closes its end in the thread that calls us, so the answer holds until that
 * thread returns to the host. */
static bool has_hung_up(const struct channel *channel)
{
	return nsh_poll(channel->socket, POLLRDHUP, 0) != 0;
}

bool nsh_wake_is_open(int number)
{
	struct channel *channel;
	bool is_open;

	lock();
	channel = channel_of(number);
	is_open = channel && !has_hung_up(channel);
	unlock();
	return is_open;
}

int nsh_wake_entrust(int number, void *object, void (*end)(void *))
{
	struct held *held = malloc(sizeof *held);
	struct channel *channel;

	if (!held)
		return -1;
	lock();
	channel = channel_of(number);
	if (channel && has_hung_up(channel)) {
		channel = NULL;
		errno = EBADF;
	}
	if (channel) {
		*held = (struct held){ object, end, channel->held };
		channel->held = held;
	}
	unlock();
	if (!channel)
		free(held);
	return channel ? 0 : -1;
}

/* Returns NULL if the channel does not own the object. */
static struct held *unlink_held(struct channel *channel, const void *object)
{
	struct held **link = &channel->held, *held;

	while (*link && (*link)->object != object)
		link = &(*link)->next;
	held = *link;
	if (held)
		*link = held->next;
	return held;
}

bool nsh_wake_take_back(int number, const void *object)
{
	struct channel *channel;
	struct held *held = NULL;
	bool found;

	lock();
	channel = channel_of(number);
	if (channel)
		held = unlink_held(channel, object);
	unlock();
	found = held != NULL;
	free(held);
	return found;
}
