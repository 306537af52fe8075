/*
 * wake_listener.h: a listening Unix socket without a name in any file system.
 * Only this process can connect to it, through its own descriptors.
 */
#ifndef NSH_WAKE_LISTENER_H
#define NSH_WAKE_LISTENER_H

struct wake_listener {
	int socket;     /* -1: none */
	int name;       /* the unlinked socket file, opened with O_PATH */
	char path[32];  /* the path to connect to, in /proc/self/fd */
};

/* Returns 0, or -1 with errno; *ret_listener can be freed in both cases. */
int nsh_wake_listener_init(struct wake_listener *ret_listener);
void nsh_wake_listener_free(struct wake_listener *listener);
/* Accepts the next connection made by this process and closes those of others.
 * Returns -1 with errno; EAGAIN if there is none. */
int nsh_wake_listener_accept(const struct wake_listener *listener);

#endif
