#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fd.h"
#include "sys.h"

/* PROC_SUPER_MAGIC of statfs(2), which not every libc defines. */
enum { PROC_MAGIC = 0x9fa0 };

static int open_at(int proc, const char *path, int flags)
{
	return openat(proc, path, O_RDONLY | O_CLOEXEC | flags);
}

/* ---- the pid namespace of /proc ------------------------------------------- */

/* Counts the numbers after "NSpid:" in /proc/self/status, and returns the first:
 * there is one for each pid namespace from that of this /proc down to ours
 * (proc_pid_status(5)).  The file is read in pieces: before that line it lists the
 * supplementary groups, of which there may be 65,536. */
static int read_ids(int fd, int *ret_count, pid_t *ret_first)
{
	static const char name[] = "\nNSpid:";
	size_t matched = 0;
	char text[1024], before = 0;
	ssize_t size;

	*ret_count = *ret_first = 0;
	while ((size = read(fd, text, sizeof text)) > 0) {
		for (ssize_t i = 0; i < size; before = text[i++]) {
			char byte = text[i];

			if (name[matched]) {
				matched = byte == name[matched] ? matched + 1 : byte == '\n';
				continue;
			}
			if (byte == '\n')
				return 0;
			if (byte < '0' || byte > '9')
				continue;
			*ret_count += before < '0' || before > '9';
			if (*ret_count == 1)
				*ret_first = *ret_first * 10 + (byte - '0');
		}
	}
	return size < 0 ? -1 : 0;
}

/* Fails with EXDEV unless this /proc belongs to our pid namespace.  A kernel
 * without pid namespaces has no such line, and only one /proc. */
static int check_namespace(int proc)
{
	int fd = open_at(proc, "self/status", 0);
	int count, ret;
	pid_t first;

	if (fd < 0) {
		/* No "self": this process has no number in that namespace. */
		if (errno == ENOENT)
			errno = EXDEV;
		return -1;
	}
	ret = read_ids(fd, &count, &first);
	nsh_close(&fd);
	if (ret == 0 && (count > 1 || (count == 1 && first != getpid()))) {
		errno = EXDEV;
		ret = -1;
	}
	return ret;
}

/* A directory named /proc may be anything, for instance in a chroot. */
static int check_kind(int proc)
{
	struct statfs kind;

	if (fstatfs(proc, &kind) < 0)
		return -1;
	if ((unsigned long)kind.f_type == PROC_MAGIC)
		return 0;
	errno = ENOENT;
	return -1;
}

int nsh_proc_open(void)
{
	int proc = open_at(AT_FDCWD, "/proc", O_DIRECTORY);

	if (proc >= 0 && (check_kind(proc) < 0 || check_namespace(proc) < 0))
		nsh_close(&proc);
	return proc;
}

/* ---- one process -------------------------------------------------------- */

/* Parses from the last ')': the name in the second field may contain any bytes,
 * also ')' and blanks (proc_pid_stat(5)). */
static int parse_stat(char *text, struct proc_stat *ret_stat)
{
	char *rest = strrchr(text, ')');
	int parent, group;

	if (!rest || sscanf(rest + 1, " %c %d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			    "%*s %*s %*s %*s %*s %*s %*s %llu", &ret_stat->state,
			    &parent, &group, &ret_stat->start) != 4) {
		errno = EIO;
		return -1;
	}
	ret_stat->parent = parent;
	ret_stat->group = group;
	return 0;
}

int nsh_proc_stat(int proc, pid_t pid, pid_t thread, struct proc_stat *ret_stat)
{
	char path[64], text[1024];
	ssize_t size;
	int fd;

	if (thread)
		(void)snprintf(path, sizeof path, "%d/task/%d/stat", (int)pid, (int)thread);
	else
		(void)snprintf(path, sizeof path, "%d/stat", (int)pid);
	fd = open_at(proc, path, 0);
	if (fd < 0)
		return -1;
	size = read(fd, text, sizeof text - 1);
	nsh_close(&fd);
	if (size < 0)
		return -1;
	text[size] = 0;
	return parse_stat(text, ret_stat);
}

int nsh_proc_open_tasks(int proc, pid_t pid)
{
	char path[32];

	(void)snprintf(path, sizeof path, "%d/task", (int)pid);
	return open_at(proc, path, O_DIRECTORY);
}

int nsh_proc_open_children(int proc, pid_t pid, pid_t thread)
{
	char path[64];

	(void)snprintf(path, sizeof path, "%d/task/%d/children", (int)pid, (int)thread);
	return open_at(proc, path, 0);
}

bool nsh_proc_lists_children(int proc)
{
	return faccessat(proc, "thread-self/children", F_OK, 0) == 0;
}

/* ---- lists of numbers --------------------------------------------------- */

void nsh_numbers_init(struct numbers *numbers, int fd, bool is_directory)
{
	numbers->fd = fd;
	numbers->is_directory = is_directory;
	numbers->number = 0;
	numbers->size = numbers->at = 0;
}

/* getdents64(2). */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

static long refill(struct numbers *numbers)
{
	long size = nsh_sys(numbers->is_directory ? SYS_getdents64 : SYS_read,
			    numbers->fd, (long)numbers->data,
			    sizeof numbers->data, 0, 0);

	numbers->at = 0;
	numbers->size = size > 0 ? size : 0;
	if (size >= 0)
		return size;
	errno = (int)-size;
	return -1;
}

static pid_t next_of_directory(struct numbers *numbers)
{
	const struct entry *entry = (const void *)(numbers->data + numbers->at);

	numbers->at += entry->size;
	return (pid_t)atoi(entry->name);
}

/* Every number of a list is followed by a space, also the last one.  Returns 0
 * until a number is complete, because a read may end in the middle of one. */
static pid_t next_of_list(struct numbers *numbers)
{
	char byte = numbers->data[numbers->at++];
	pid_t number = numbers->number;

	if (byte >= '0' && byte <= '9') {
		numbers->number = number * 10 + (byte - '0');
		return 0;
	}
	numbers->number = 0;
	return number;
}

int nsh_numbers_next(struct numbers *numbers, pid_t *ret_number)
{
	*ret_number = 0;
	while (*ret_number <= 0) {
		if (numbers->at >= numbers->size) {
			long size = refill(numbers);

			if (size <= 0)
				return (int)size;
		}
		*ret_number = numbers->is_directory ? next_of_directory(numbers)
			: next_of_list(numbers);
	}
	return 1;
}
