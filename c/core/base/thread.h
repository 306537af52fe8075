/*
 * thread.h: the calling thread: its number, its seccomp filters, and the signals that
 * it ignores, as /proc/thread-self/status reports them (proc_pid_status(5)).
 */
#ifndef NSH_THREAD_H
#define NSH_THREAD_H

#include <stdint.h>
#include <sys/types.h>

struct nsh_thread_status {
	/* 0: the thread has no seccomp filter; -1: unknown; else a positive number that
	 * changes when one is added (before Linux 5.9, only when the first is added). */
	int filters;
	uint64_t ignored;       /* bit n - 1: signal n is ignored */
};

/* gettid(2), called once in each thread. */
pid_t nsh_thread(void);
/* Reads the status anew, because the host may change it at any time.  Returns 0, or -1
 * with errno. */
int nsh_thread_look(struct nsh_thread_status *ret_status);

#endif
