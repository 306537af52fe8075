#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- the filters ------------------------------------------------------- */

/* Returns the number that follows `name` in a status file (proc_pid_status(5)),
 * or -1. */
static int number_after(const char *status, const char *name)
{
	const char *line = strstr(status, name);

	return line ? atoi(line + strlen(name)) : -1;
}

/* The last answer, of any thread. */
static atomic_int last = -1;

/* Reads /proc, because a filter may kill the caller of prctl(2) as well. */
int nsh_filters(void)
{
	int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	char status[8192];
	ssize_t size;
	int mode, count;

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? atomic_load(&last) : -1;
	size = read(fd, status, sizeof status - 1);
	close(fd);
	status[size < 0 ? 0 : size] = 0;
	mode = number_after(status, "\nSeccomp:");
	count = number_after(status, "\nSeccomp_filters:");
	if (mode > 0)
		mode = count > 0 ? 1 + count : 1;
	atomic_store(&last, mode);
	return mode;
}

/* ---- which release ----------------------------------------------------- */

static int release_of(const char *text)
{
	char *end;
	long major = strtol(text, &end, 10);
	long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;

	return (int)(major * 1000 + minor);
}

/* Calls uname(2) only if there is no /proc: a filter may kill its caller. */
static int read_release(void)
{
	const char *claimed = secure_getenv("NOSHELL_KERNEL");
	struct utsname name;
	char text[64];
	ssize_t size;
	int fd;

	if (claimed)
		return release_of(claimed);
	fd = open("/proc/sys/kernel/osrelease", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return uname(&name) == 0 ? release_of(name.release) : 0;
	size = read(fd, text, sizeof text - 1);
	close(fd);
	text[size < 0 ? 0 : size] = 0;
	return release_of(text);
}

bool nsh_spreads_core_dumps(void)
{
	static atomic_int release;
	int known = atomic_load(&release);

	if (known == 0) {
		known = read_release();
		atomic_store(&release, known);
	}
	return known < 5016;
}
