/*
 * proc.h: reads /proc.  Only a /proc of our own pid namespace is used: in any other
 * /proc, a number may stand for another process.  Nothing here allocates.  The
 * caller owns the descriptors.
 */
#ifndef NSH_PROC_H
#define NSH_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
	char state;             /* 'R', 'S', 'D', 'T', 'Z', ... */
	pid_t parent, group;
	unsigned long long start;  /* with the pid it identifies a process */
};

/* Opens /proc.  Returns -1 with errno; EXDEV if it belongs to another pid
 * namespace. */
int nsh_proc_open(void);
/* Reads /proc/PID/stat, or that of one thread (0: of the process).  Returns 0, or
 * -1 with errno. */
int nsh_proc_stat(int proc, pid_t pid, pid_t thread, struct proc_stat *ret_stat);
/* Open /proc/PID/task, and one thread's list of children.  Return -1 with errno. */
int nsh_proc_open_tasks(int proc, pid_t pid);
int nsh_proc_open_children(int proc, pid_t pid, pid_t thread);
/* True if this kernel has lists of children (CONFIG_PROC_CHILDREN). */
bool nsh_proc_lists_children(int proc);

/* Reads the numbers in a directory or in a list of children. */
struct numbers {
	int fd;                 /* the caller's */
	bool is_directory;
	pid_t number;           /* digits read of the next number, in a list */
	long size, at;
	_Alignas(8) char data[4096];
};

void nsh_numbers_init(struct numbers *numbers, int fd, bool is_directory);
/* Returns 1 with the next number, 0 at the end, -1 with errno. */
int nsh_numbers_next(struct numbers *numbers, pid_t *ret_number);

#endif
