#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "sys.h"

/* A process that was just stopped may still be forking: we look again, this
 * often at most and 1 ms apart, until all are seen stopped. */
enum { LOOKS = 8, LOOK_MICROSECONDS = 1000 };

struct stat_line {
	char state;
	pid_t parent, group;
};

/* /proc/PID/stat; the name in it may hold anything, so from its last ')'. */
static int read_stat(pid_t pid, struct stat_line *ret_line)
{
	char path[32], text[512];
	ssize_t size;
	char *rest;
	int fd, parent, group;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	nsh_close(&fd);
	if (size <= 0)
		return -1;
	text[size] = 0;
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1, " %c %d %d", &ret_line->state, &parent,
			    &group) != 3)
		return -1;
	ret_line->parent = parent;
	ret_line->group = group;
	return 0;
}

static bool is_member(const struct tree *tree, pid_t pid)
{
	for (size_t i = 0; i < tree->count; i++)
		if (tree->members[i].pid == pid)
			return true;
	return false;
}

static void append(struct tree *tree, pid_t pid, int take_pidfd)
{
	if (tree->count == tree->capacity) {
		size_t capacity = tree->capacity ? tree->capacity * 2 : 16;
		struct member *members = realloc(tree->members,
						 capacity * sizeof *members);

		if (!members) {
			nsh_close(&take_pidfd);
			return;
		}
		tree->members = members;
		tree->capacity = capacity;
	}
	tree->members[tree->count++] = (struct member){ pid, take_pidfd };
}

/* The relation is checked once more when the pidfd is held: before, the number
 * may have come to mean another process. */
static bool add(struct tree *tree, pid_t pid, pid_t parent, pid_t group)
{
	struct stat_line line;
	int pidfd;

	if (is_member(tree, pid))
		return false;
	pidfd = nsh_fd_raise(nsh_sys_pidfd_open(pid, 0));
	if (pidfd < 0)
		return false;
	if (read_stat(pid, &line) < 0
	    || !((parent && line.parent == parent) || (group && line.group == group))) {
		nsh_close(&pidfd);
		return false;
	}
	(void)nsh_sys_pidfd_send_signal(pidfd, SIGSTOP, 0);
	append(tree, pid, pidfd);
	return true;
}

/* ---- finding children -------------------------------------------------- */

/* Reads the numbers of one thread's children file.  False where the kernel
 * has no such file. */
static bool add_listed(struct tree *tree, pid_t pid, const char *task, bool *found)
{
	char path[64];
	FILE *file;
	int child;

	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid,
		       atoi(task));
	file = fopen(path, "re");
	if (!file)
		return errno != ENOENT || access("/proc/self/task", F_OK) < 0;
	while (fscanf(file, "%d", &child) == 1)
		*found |= add(tree, child, pid, 0);
	(void)fclose(file);
	return true;
}

static bool add_children(struct tree *tree, pid_t pid, bool *found)
{
	struct dirent *entry;
	bool available = true;
	char path[32];
	DIR *tasks;

	(void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		return true;
	while ((entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			available &= add_listed(tree, pid, entry->d_name, found);
	(void)closedir(tasks);
	return available;
}

/* Without those files, and for groups: all of /proc. */
static bool add_scanned(struct tree *tree, pid_t root, pid_t group)
{
	DIR *proc = opendir("/proc");
	struct stat_line line;
	struct dirent *entry;
	bool found = false;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid <= 0 || pid == root || read_stat(pid, &line) < 0)
			continue;
		if ((root && line.parent == root) || is_member(tree, line.parent))
			found |= add(tree, pid, line.parent, 0);
		else if (group && line.group == group)
			found |= add(tree, pid, 0, group);
	}
	if (proc)
		(void)closedir(proc);
	return found;
}

/* A member that has gone is not searched: its number may be another's. */
static bool look(struct tree *tree, pid_t root, pid_t group)
{
	bool found = false;
	bool available = !root || add_children(tree, root, &found);

	for (size_t i = 0; available && i < tree->count; i++)
		if (nsh_tree_is_alive(tree, i))
			available = add_children(tree, tree->members[i].pid, &found);
	if (!available || group)
		found |= add_scanned(tree, root, group);
	return found;
}

/* ---- the tree ---------------------------------------------------------- */

static bool is_still(pid_t pid)
{
	struct stat_line line;

	return read_stat(pid, &line) < 0 || strchr("TtZX", line.state);
}

static bool all_still(const struct tree *tree, pid_t root)
{
	if (!is_still(root))
		return false;
	for (size_t i = 0; i < tree->count; i++)
		if (!is_still(tree->members[i].pid))
			return false;
	return true;
}

void nsh_tree_collect(struct tree *tree, pid_t root, int root_pidfd, pid_t group)
{
	if (root_pidfd >= 0)
		(void)nsh_sys_pidfd_send_signal(root_pidfd, SIGSTOP, 0);
	for (size_t i = 0; i < tree->count; i++)
		(void)nsh_sys_pidfd_send_signal(tree->members[i].pidfd, SIGSTOP, 0);
	for (int i = 0; i < LOOKS; i++) {
		bool still = all_still(tree, root);

		/* Still before the look, and nothing new by it: complete. */
		if (!look(tree, root, group) && still)
			return;
		if (!still)
			(void)usleep(LOOK_MICROSECONDS);
	}
}

void nsh_tree_signal(const struct tree *tree, int signal)
{
	for (size_t i = 0; i < tree->count; i++) {
		(void)nsh_sys_pidfd_send_signal(tree->members[i].pidfd, signal, 0);
		(void)nsh_sys_pidfd_send_signal(tree->members[i].pidfd, SIGCONT, 0);
	}
}

bool nsh_tree_is_alive(const struct tree *tree, size_t index)
{
	struct pollfd exited = {
		.fd = tree->members[index].pidfd, .events = POLLIN,
	};

	return poll(&exited, 1, 0) == 0;
}

void nsh_tree_drop(struct tree *tree, size_t index)
{
	nsh_close(&tree->members[index].pidfd);
	tree->members[index] = tree->members[--tree->count];
}

void nsh_tree_free(struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		nsh_close(&tree->members[i].pidfd);
	free(tree->members);
	*tree = (struct tree){ .members = NULL };
}
