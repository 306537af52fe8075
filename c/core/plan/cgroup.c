#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "failure.h"
#include "fd.h"
#include "fork_lock.h"
#include "sys.h"

/* CGROUP2_SUPER_MAGIC of statfs(2). */
enum { CGROUP2 = 0x63677270 };

/* The names of our cgroups begin with this. */
static const char prefix[] = "noshell-";

static int fail(char ret_reason[NSH_LACK], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(char ret_reason[NSH_LACK], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(ret_reason, NSH_LACK, format, arguments);
	va_end(arguments);
	return -1;
}

/* ---- files ------------------------------------------------------------------ */

static int open_in(const char *directory, const char *name, int flags)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return nsh_fd_raise(open(path, flags | O_CLOEXEC));
}

/* Reads a file as a string.  Returns 0, or -1 with errno. */
static int read_in(const char *directory, const char *name, char *ret_text, size_t room)
{
	int fd = open_in(directory, name, O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, ret_text, room - 1);

	nsh_close(&fd);
	ret_text[size < 0 ? 0 : size] = 0;
	return size < 0 ? -1 : 0;
}

static int write_in(const char *directory, const char *name, const char *text)
{
	int fd = open_in(directory, name, O_WRONLY);
	ssize_t size = fd < 0 ? -1 : write(fd, text, strlen(text));

	nsh_close(&fd);
	return size < 0 ? -1 : 0;
}

int nsh_cgroup_write(const struct cgroup *cgroup, const char *file, const char *text)
{
	return write_in(cgroup->path, file, text);
}

/* True if the word is in a list that is separated by spaces. */
static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += length)
		if ((at == list || at[-1] == ' ')
		    && (at[length] == 0 || at[length] == ' ' || at[length] == '\n'))
			return true;
	return false;
}

/* Returns the number after "name " at the beginning of a line; 0 if there is none. */
static uint64_t number_in(const char *directory, const char *file, const char *name)
{
	char text[1024];
	size_t length = strlen(name);

	if (read_in(directory, file, text, sizeof text) < 0)
		return 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return strtoull(line + length + 1, NULL, 10);
	}
	return 0;
}

/* ---- where to make it ---------------------------------------------------------- */

static bool is_cgroup(const char *path)
{
	struct statfs status;

	return statfs(path, &status) == 0 && status.f_type == CGROUP2;
}

/* Finds the directory of this process's cgroup.  In a container, it may lie outside of
 * the mounted part. */
static int find_own(char ret_path[PATH_MAX], char ret_reason[NSH_LACK])
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	const char *root = is_cgroup(roots[0]) ? roots[0] : is_cgroup(roots[1]) ? roots[1] : NULL;
	char text[PATH_MAX + 256];
	char *line;

	if (!root)
		return fail(ret_reason, "no cgroups of version 2 are mounted in "
			    "/sys/fs/cgroup");
	if (read_in("/proc/self", "cgroup", text, sizeof text) < 0)
		return fail(ret_reason, "/proc/self/cgroup cannot be read");
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line)
		return fail(ret_reason, "this process is in no cgroup of version 2");
	line = strchr(line, ':') + 2;
	line[strcspn(line, "\n")] = 0;
	if (snprintf(ret_path, PATH_MAX, "%s%s", root, strcmp(line, "/") ? line : "")
	    >= PATH_MAX || !is_cgroup(ret_path))
		return fail(ret_reason, "the cgroup of this process is not visible here");
	return 0;
}

/* systemd marks delegated cgroups; ordinary users cannot read its older mark. */
static bool is_delegated(const char *path)
{
	char value = 0;

	return (getxattr(path, "user.delegate", &value, 1) == 1
		|| getxattr(path, "trusted.delegate", &value, 1) == 1) && value == '1';
}

/* The parent of our cgroup may be used if it was delegated: then its manager put us into
 * a cgroup below it.  A cgroup further up, such as that of the user's service manager,
 * was not delegated to us. */
static int find_delegated(char ret_place[PATH_MAX], char ret_reason[NSH_LACK])
{
	char own[PATH_MAX];
	char *slash;

	if (find_own(own, ret_reason) < 0)
		return -1;
	(void)snprintf(ret_place, PATH_MAX, "%s", own);
	slash = strrchr(ret_place, '/');
	*slash = 0;
	if (is_cgroup(ret_place) && is_delegated(ret_place))
		return 0;
	if (is_delegated(own))
		return fail(ret_reason, "the cgroup %.128s was delegated to this process, but "
			    "the kernel limits nothing below a cgroup that has processes: "
			    "start this process in a cgroup below it (systemd: "
			    "DelegateSubgroup=)", own);
	return fail(ret_reason, "no cgroup was delegated to this process: start it by "
		    "systemd-run --user -p Delegate=yes -p DelegateSubgroup=main, or set "
		    "'cgroup' to the directory of one that it may write to");
}

int nsh_cgroup_find(const char *given, char ret_place[PATH_MAX], char ret_reason[NSH_LACK])
{
	struct stat status;

	if (!given)
		return find_delegated(ret_place, ret_reason);
	if (snprintf(ret_place, PATH_MAX, "%s", given) >= PATH_MAX || stat(given, &status) < 0)
		return fail(ret_reason, "%.128s: %s", given, nsh_errno_name(errno));
	if (!is_cgroup(given))
		return fail(ret_reason, "%.128s is not the directory of a cgroup (version 2)",
			    given);
	return 0;
}

/* Only the root cgroup may have both processes and limits below it.  It has no type. */
static bool has_processes(const char *place)
{
	char text[32];

	return read_in(place, "cgroup.type", text, sizeof text) == 0
		&& read_in(place, "cgroup.procs", text, sizeof text) == 0 && text[0];
}

/* Checks for processes itself: the kernel enables threaded controllers even in a cgroup
 * with processes, but then no process can be started below it. */
int nsh_cgroup_enable(const char *place, const char *controller, char ret_reason[NSH_LACK])
{
	char text[256], change[32];

	if (read_in(place, "cgroup.subtree_control", text, sizeof text) == 0
	    && has_word(text, controller))
		return 0;
	if (read_in(place, "cgroup.controllers", text, sizeof text) < 0
	    || !has_word(text, controller))
		return fail(ret_reason, "the controller '%s' is not available in %.128s",
			    controller, place);
	if (has_processes(place))
		return fail(ret_reason, "the kernel limits nothing below %.128s, because it has "
			    "processes of its own", place);
	(void)snprintf(change, sizeof change, "+%s", controller);
	return write_in(place, "cgroup.subtree_control", change) == 0 ? 0
		: fail(ret_reason, "the controller '%s' cannot be enabled in %.128s: %s",
		       controller, place, nsh_errno_name(errno));
}

/* ---- making ------------------------------------------------------------------------ */

/* Removes the cgroups that are no longer in use. */
static void sweep(const char *place)
{
	DIR *directory = opendir(place);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		int fd;

		if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0)
			continue;
		fd = open_in(place, entry->d_name, O_RDONLY | O_DIRECTORY);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
		nsh_close(&fd);
	}
	if (directory)
		closedir(directory);
}

/* Returns 0, or -1 with errno; EEXIST: the name is taken, or another process has removed
 * it before it was locked. */
static int make(struct cgroup *cgroup, const char *place)
{
	static atomic_uint count;

	if (snprintf(cgroup->path, sizeof cgroup->path, "%s/%s%d-%u", place, prefix,
		     (int)nsh_self(), atomic_fetch_add(&count, 1))
	    >= (int)sizeof cgroup->path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (mkdir(cgroup->path, 0755) < 0)
		return -1;
	cgroup->fd = nsh_fd_raise(open(cgroup->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (cgroup->fd >= 0 && flock(cgroup->fd, LOCK_EX | LOCK_NB) == 0
	    && faccessat(cgroup->fd, "cgroup.procs", F_OK, 0) == 0)
		return 0;
	if (errno == ENOENT || errno == ENODEV || errno == EWOULDBLOCK)
		errno = EEXIST;
	return -1;
}

enum { TRIES = 1000 };

struct cgroup *nsh_cgroup_new(const char *place, char ret_reason[NSH_LACK])
{
	struct cgroup *cgroup = malloc(sizeof *cgroup);
	int ret = -1;

	sweep(place);
	for (int i = 0; cgroup && ret < 0 && i < TRIES; i++) {
		cgroup->fd = -1;
		ret = make(cgroup, place);
		if (ret == 0 || errno != EEXIST)
			break;
		nsh_close(&cgroup->fd);
	}
	if (ret == 0)
		return cgroup;
	(void)fail(ret_reason, "no cgroup can be made in %.128s: %s", place,
		   cgroup ? nsh_errno_name(errno) : "ENOMEM");
	if (cgroup)
		nsh_close(&cgroup->fd);
	free(cgroup);
	return NULL;
}

int nsh_cgroup_open_procs(const struct cgroup *cgroup)
{
	return open_in(cgroup->path, "cgroup.procs", O_WRONLY);
}

/* ---- its processes ------------------------------------------------------------------- */

bool nsh_cgroup_is_empty(const struct cgroup *cgroup)
{
	return number_in(cgroup->path, "cgroup.events", "populated") == 0;
}

static const struct timespec pause_1_ms = { 0, 1000 * 1000 };

enum { FREEZING_MS = 50 };

/* Limit: a process in an uninterruptible sleep is frozen later. */
static void freeze(const struct cgroup *cgroup)
{
	if (nsh_cgroup_write(cgroup, "cgroup.freeze", "1") < 0)
		return;
	for (int i = 0; i < FREEZING_MS; i++) {
		if (number_in(cgroup->path, "cgroup.events", "frozen") == 1)
			return;
		(void)nanosleep(&pause_1_ms, NULL);
	}
}

/* Reads the next pid; 0: the process is outside of our pid namespace.  Returns false at
 * the end. */
static bool next_pid(FILE *list, pid_t *ret_pid)
{
	return fscanf(list, "%d", ret_pid) == 1;
}

static FILE *open_list(const struct cgroup *cgroup)
{
	int fd = open_in(cgroup->path, "cgroup.procs", O_RDONLY);
	FILE *list = fd < 0 ? NULL : fdopen(nsh_fd_disown(fd), "r");

	if (fd >= 0 && !list)
		(void)close(fd);
	return list;
}

/* Signals by number: a frozen process ends only by KILL, so its number is not reused. */
static void signal_frozen(pid_t pid, int signal, pid_t *ret_denied)
{
	bool stops = signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
	int ret;

	if (stops)
		(void)kill(pid, SIGCONT);
	ret = kill(pid, signal);
	if (ret < 0 && errno == EPERM)
		*ret_denied = pid;
	if (!stops && signal != SIGSTOP && signal != SIGCONT)
		(void)kill(pid, SIGCONT);
}

bool nsh_cgroup_signal(const struct cgroup *cgroup, pid_t except, int signal,
		       pid_t *ret_denied)
{
	bool sees_all = true;
	FILE *list;
	pid_t pid;

	*ret_denied = 0;
	freeze(cgroup);
	list = open_list(cgroup);
	while (list && next_pid(list, &pid)) {
		sees_all &= pid != 0;
		if (pid != 0 && pid != except)
			signal_frozen(pid, signal, ret_denied);
	}
	if (list)
		(void)fclose(list);
	(void)nsh_cgroup_write(cgroup, "cgroup.freeze", "0");
	return list && sees_all;
}

/* Linux before 5.14 has no cgroup.kill. */
void nsh_cgroup_kill(const struct cgroup *cgroup)
{
	pid_t denied;

	if (nsh_cgroup_write(cgroup, "cgroup.kill", "1") < 0 && errno == ENOENT)
		(void)nsh_cgroup_signal(cgroup, 0, SIGKILL, &denied);
}

pid_t nsh_cgroup_member(const struct cgroup *cgroup)
{
	FILE *list = open_list(cgroup);
	pid_t pid = 0;

	if (list && !next_pid(list, &pid))
		pid = 0;
	if (list)
		(void)fclose(list);
	return pid;
}

/* ---- the memory ------------------------------------------------------------------------ */

int64_t nsh_cgroup_peak(const struct cgroup *cgroup)
{
	char text[32];

	return read_in(cgroup->path, "memory.peak", text, sizeof text) < 0 ? -1
		: (int64_t)strtoull(text, NULL, 10);
}

uint64_t nsh_cgroup_events(const struct cgroup *cgroup, const char *name)
{
	return number_in(cgroup->path, "memory.events", name);
}

/* ---- removing ---------------------------------------------------------------------------- */

enum { REMOVING_MS = 20 };

/* Tries for a while: the kernel may still count a process that has just ended. */
void nsh_cgroup_drop(struct cgroup **cgroup)
{
	if (!*cgroup)
		return;
	for (int i = 0; i < REMOVING_MS; i++) {
		if (rmdir((*cgroup)->path) == 0 || errno != EBUSY)
			break;
		if (!nsh_cgroup_is_empty(*cgroup))
			nsh_cgroup_kill(*cgroup);
		(void)nanosleep(&pause_1_ms, NULL);
	}
	nsh_cgroup_leave(cgroup);
}

void nsh_cgroup_forget(struct cgroup **cgroup)
{
	if (*cgroup)
		nsh_fd_forget(&(*cgroup)->fd);
	free(*cgroup);
	*cgroup = NULL;
}

void nsh_cgroup_leave(struct cgroup **cgroup)
{
	if (*cgroup)
		nsh_close(&(*cgroup)->fd);
	free(*cgroup);
	*cgroup = NULL;
}
