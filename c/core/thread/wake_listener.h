/*
 * wake_listener.h: a Unix socket that listens and has no name in any file
 * system; this process alone finds it, through its own descriptors.
 */
#ifndef NSH_WAKE_LISTENER_H
#define NSH_WAKE_LISTENER_H

struct wake_listener {
	int socket;     /* -1: none */
	int name;       /* what is left of its name: opened with O_PATH */
	char path[32];  /* what to connect to */
};

/* 0, or -1 with errno; *ret_listener can be freed then too. */
int nsh_wake_listener_init(struct wake_listener *ret_listener);
void nsh_wake_listener_free(struct wake_listener *listener);
/* The next connection that this process made; others are turned away.  -1
 * with errno: EAGAIN where there is none. */
int nsh_wake_listener_accept(const struct wake_listener *listener);

#endif
