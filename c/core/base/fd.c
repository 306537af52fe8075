#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "fork_lock.h"
#include "signals.h"
#include "sys.h"

/* ---- the registry ------------------------------------------------------- */

/* One bit for each number.  There is no lock, which another thread might hold
 * at a fork: a descriptor that is being registered or unregistered at that
 * moment stays open in the child.
 * Limit: numbers above the last chunk, two million, are not registered. */
enum { WORD = 64, CHUNK = 512, CHUNKS = 64 };

struct chunk {
	atomic_ullong words[CHUNK];
};

static struct chunk lowest;
static _Atomic(struct chunk *) chunks[CHUNKS] = { &lowest };
static atomic_uint registered_by;       /* nsh_fork_id() of the process */
static _Thread_local bool is_own_fork;
/* Set in the thread of nsh_fd_elsewhere: there, numbers refer to other files, which
 * are closed when the thread ends. */
static _Thread_local bool is_elsewhere;

static void unregister_all(void)
{
	for (int i = 0; i < CHUNKS; i++) {
		struct chunk *chunk = atomic_load(&chunks[i]);

		for (int word = 0; chunk && word < CHUNK; word++)
			atomic_store(&chunk->words[word], 0);
	}
}

/* Empties the registry after a raw clone(2), which runs no atfork handler: the
 * numbers are the parent's. */
static void check_registrar(void)
{
	unsigned self = nsh_fork_id(), other = atomic_load(&registered_by);

	if (other != self
	    && atomic_compare_exchange_strong(&registered_by, &other, self))
		unregister_all();
}

static void close_word(unsigned long long word, int first)
{
	for (; word; word &= word - 1)
		(void)close(first + __builtin_ctzll(word));
}

/* The atfork handler of the child. */
static void close_all(void)
{
	for (int i = 0; i < CHUNKS && !is_own_fork; i++) {
		struct chunk *chunk = atomic_load(&chunks[i]);

		for (int word = 0; chunk && word < CHUNK; word++)
			close_word(atomic_load(&chunk->words[word]),
				   (i * CHUNK + word) * WORD);
	}
	unregister_all();
	atomic_store(&registered_by, nsh_fork_id());
}

static void handle_forks(void)
{
	(void)pthread_atfork(check_registrar, NULL, close_all);
}

static struct chunk *chunk_of(int fd)
{
	int index = fd / (CHUNK * WORD);
	struct chunk *chunk, *none = NULL;

	if (fd < 0 || index >= CHUNKS)
		return NULL;
	chunk = atomic_load(&chunks[index]);
	if (chunk)
		return chunk;
	chunk = calloc(1, sizeof *chunk);
	if (!chunk || atomic_compare_exchange_strong(&chunks[index], &none, chunk))
		return chunk;
	free(chunk);
	return none;
}

static atomic_ullong *word_of(struct chunk *chunk, int fd)
{
	return &chunk->words[fd / WORD % CHUNK];
}

int nsh_fd_own(int fd)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct chunk *chunk = is_elsewhere ? NULL : chunk_of(fd);

	if (!chunk)
		return fd;
	(void)pthread_once(&once, handle_forks);
	check_registrar();
	(void)atomic_fetch_or(word_of(chunk, fd), 1ULL << fd % WORD);
	return fd;
}

int nsh_fd_disown(int fd)
{
	struct chunk *chunk = is_elsewhere || fd < 0 || fd >= CHUNKS * CHUNK * WORD
		? NULL : atomic_load(&chunks[fd / (CHUNK * WORD)]);

	if (chunk)
		(void)atomic_fetch_and(word_of(chunk, fd), ~(1ULL << fd % WORD));
	return fd;
}

void nsh_fd_forget(int *fd)
{
	(void)nsh_fd_disown(*fd);
	*fd = -1;
}

pid_t nsh_fd_fork(void)
{
	pid_t pid;

	is_own_fork = true;
	pid = fork();
	is_own_fork = false;
	return pid;
}

/* ---- making and closing ------------------------------------------------ */

void nsh_close(int *fd)
{
	int saved = errno;

	/* Unregistered first: once the number is closed, another thread may
	 * get it. */
	if (*fd >= 0)
		(void)close(nsh_fd_disown(*fd));
	*fd = -1;
	errno = saved;
}

void nsh_fd_close(int take_fd)
{
	nsh_close(&take_fd);
}

int nsh_fd_raise(int take_fd)
{
	int fd;

	if (take_fd < 0 || take_fd > 2)
		return nsh_fd_own(take_fd);
	fd = fcntl(take_fd, F_DUPFD_CLOEXEC, 3);
	nsh_close(&take_fd);
	return nsh_fd_own(fd);
}

int nsh_fd_duplicate(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int nsh_timer(double seconds)
{
	/* A time of 0 would disarm the timer (timerfd_create(2)). */
	struct itimerspec at = { .it_value = nsh_timespec(seconds < 1e-6 ? 1e-6 : seconds) };
	int fd = nsh_fd_raise(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));

	if (fd >= 0 && timerfd_settime(fd, 0, &at, NULL) < 0)
		nsh_close(&fd);
	return nsh_fd_disown(fd);
}

static int raise_both(int ends[2])
{
	ends[0] = nsh_fd_raise(ends[0]);
	if (ends[0] >= 0)
		ends[1] = nsh_fd_raise(ends[1]);
	if (ends[0] >= 0 && ends[1] >= 0)
		return 0;
	nsh_close(&ends[0]);
	nsh_close(&ends[1]);
	return -1;
}

int nsh_fd_pipe(int ends[2])
{
	return pipe2(ends, O_CLOEXEC) < 0 ? -1 : raise_both(ends);
}

int nsh_fd_pipe_for(int ends[2], int index)
{
	if (nsh_fd_pipe(ends) < 0)
		return -1;
	/* A new pipe has no other flags, which would have to be read first. */
	if (fcntl(ends[index], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	nsh_close(&ends[0]);
	nsh_close(&ends[1]);
	return -1;
}

int nsh_pipe(int ends[2])
{
	if (nsh_fd_pipe(ends) < 0)
		return -1;
	(void)nsh_fd_disown(ends[0]);
	(void)nsh_fd_disown(ends[1]);
	return 0;
}

int nsh_socketpair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	return raise_both(ends);
}

int nsh_fd_set_blocking(int fd, int blocking)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags);
}

int nsh_fd_receive(int sock)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof control,
	};
	struct cmsghdr *first;
	int fd;

	if (recvmsg(sock, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -1;
	first = CMSG_FIRSTHDR(&message);
	if (!first || first->cmsg_type != SCM_RIGHTS) {
		errno = message.msg_flags & MSG_CTRUNC ? EMFILE : ENODATA;
		return -1;
	}
	memcpy(&fd, CMSG_DATA(first), sizeof fd);
	return nsh_fd_raise(fd);
}

int nsh_fd_check(int fd)
{
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

/* ---- in another descriptor table ---------------------------------------- */

/* Descriptors closed in the copied table to make room, and bytes of the
 * thread's stack. */
enum { ROOM = 32, STACK = 128 * 1024 };

struct elsewhere {
	void (*function)(void *);
	void *argument;
	bool empty;
	int errnum;             /* 0: the function was called */
};

/* Gives this thread a table with room.  Closing descriptors in a copied table
 * releases no record locks (fcntl(2)): these belong to the old table. */
static int leave_table(bool empty)
{
	if (empty && nsh_sys_close_range(0, ~0U, NSH_CLOSE_RANGE_UNSHARE) == 0)
		return 0;
	if (unshare(CLONE_FILES) < 0)
		return -1;
	for (int fd = 0; fd < ROOM; fd++)
		(void)nsh_sys_close(fd);
	return 0;
}

static void *call_elsewhere(void *data)
{
	struct elsewhere *call = data;

	is_elsewhere = true;
	call->errnum = leave_table(call->empty) < 0 ? errno : 0;
	if (!call->errnum)
		call->function(call->argument);
	return NULL;
}

static int start_thread(struct elsewhere *call, pthread_t *ret_thread)
{
	pthread_attr_t attributes;
	uint64_t mask;
	int ret = pthread_attr_init(&attributes);

	if (ret)
		return ret;
	(void)pthread_attr_setstacksize(&attributes, STACK);
	/* A signal handler of the host that ran in this thread would use the wrong
	 * descriptor table. */
	ret = nsh_signals_block(&mask) < 0 ? errno : 0;
	if (!ret) {
		ret = pthread_create(ret_thread, &attributes, call_elsewhere, call);
		nsh_signals_restore(mask);
	}
	(void)pthread_attr_destroy(&attributes);
	return ret;
}

int nsh_fd_elsewhere(void (*function)(void *), void *argument, bool empty)
{
	struct elsewhere call = {
		.function = function, .argument = argument, .empty = empty,
	};
	pthread_t thread;
	int ret = start_thread(&call, &thread);

	if (ret == 0) {
		(void)pthread_join(thread, NULL);
		ret = call.errnum;
	}
	if (ret == 0)
		return 0;
	errno = ret;
	return -1;
}

/* ---- descriptors of a binding's objects -------------------------------- */

void nsh_descriptor_init(struct nsh_descriptor *ret_descriptor, int take_fd,
			 bool is_shared)
{
	struct stat status = { .st_ino = 0 };

	if (is_shared && take_fd >= 0)
		(void)fstat(take_fd, &status);
	*ret_descriptor = (struct nsh_descriptor){
		.fd = is_shared ? take_fd : nsh_fd_own(take_fd),
		.is_shared = is_shared, .owner = nsh_fork_id(),
		.device = status.st_dev, .inode = status.st_ino,
	};
}

static bool is_same_file(const struct nsh_descriptor *descriptor)
{
	struct stat status;

	return fstat(descriptor->fd, &status) == 0
		&& status.st_dev == descriptor->device
		&& status.st_ino == descriptor->inode;
}

int nsh_descriptor_fd(const struct nsh_descriptor *descriptor)
{
	if (descriptor->fd >= 0 && descriptor->owner != nsh_fork_id()
	    && !(descriptor->is_shared && is_same_file(descriptor)))
		return -1;
	return descriptor->fd;
}

void nsh_descriptor_close(struct nsh_descriptor *descriptor)
{
	nsh_fd_close(nsh_descriptor_fd(descriptor));
	descriptor->fd = -1;
}
