#include "wake_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fd.h"
#include "fork_lock.h"

/* connect(2) needs write permission for the socket file, which the umask may have
 * removed. */
static int bind_and_open(int listener, const struct sockaddr_un *address)
{
	int name = -1, saved;

	if (bind(listener, (const struct sockaddr *)address, sizeof *address) < 0)
		return -1;
	if (chmod(address->sun_path, S_IRUSR | S_IWUSR) == 0)
		name = nsh_fd_raise(open(address->sun_path, O_PATH | O_CLOEXEC));
	saved = errno;
	(void)unlink(address->sun_path);
	errno = saved;
	return name;
}

/* Binds the socket in a directory that only we can enter, opens the socket file
 * and removes both at once.  After that only our own /proc/self/fd leads to it. */
static int bind_below(int listener, const char *parent)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char directory[sizeof address.sun_path - sizeof "/wake"];
	int name, saved;

	if ((size_t)snprintf(directory, sizeof directory, "%s/noshell-XXXXXX",
			     parent) >= sizeof directory) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (!mkdtemp(directory))
		return -1;
	/* The umask may have removed our own permission. */
	(void)chmod(directory, S_IRWXU);
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s/wake",
		       directory);
	name = bind_and_open(listener, &address);
	saved = errno;
	(void)rmdir(directory);
	errno = saved;
	return name;
}

static int listen_below(struct wake_listener *listener, const char *parent)
{
	listener->socket = nsh_fd_raise(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC
					       | SOCK_NONBLOCK, 0));
	if (listener->socket < 0)
		return -1;
	listener->name = bind_below(listener->socket, parent);
	if (listener->name >= 0 && listen(listener->socket, SOMAXCONN) == 0)
		return 0;
	nsh_wake_listener_free(listener);
	return -1;
}

int nsh_wake_listener_init(struct wake_listener *ret_listener)
{
	const char *parents[] = {
		secure_getenv("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm",
	};
	int ret = -1;

	*ret_listener = (struct wake_listener){ .socket = -1, .name = -1 };
	for (size_t i = 0; i < sizeof parents / sizeof *parents && ret < 0; i++)
		if (parents[i] && *parents[i])
			ret = listen_below(ret_listener, parents[i]);
	if (ret == 0)
		(void)snprintf(ret_listener->path, sizeof ret_listener->path,
			       "/proc/self/fd/%d", ret_listener->name);
	return ret;
}

void nsh_wake_listener_free(struct wake_listener *listener)
{
	nsh_close(&listener->socket);
	nsh_close(&listener->name);
}

/* True if this process has connected: another process that may trace this one could
 * connect through its /proc/PID/fd. */
static int is_our_own(int connection)
{
	struct ucred peer;
	socklen_t size = sizeof peer;

	return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0
		&& peer.pid == nsh_self();
}

int nsh_wake_listener_accept(const struct wake_listener *listener)
{
	for (;;) {
		int fd = accept4(listener->socket, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && errno == ECONNABORTED)
			continue;
		if (fd < 0 || is_our_own(fd))
			return nsh_fd_raise(fd);
		nsh_close(&fd);
	}
}
