#include "path.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

/* Used if PATH is not set, as in an nginx worker. */
static const char default_path[] =
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static char *join(const char *directory, size_t size, const char *name)
{
	char *path = malloc(size + strlen(name) + 2);

	if (!path)
		return NULL;
	memcpy(path, directory, size);
	path[size] = '/';
	strcpy(path + size + 1, name);
	return path;
}

/* Returns 0 if path is a file that this process may execute, else an errno.
 * stat(2) comes first: faccessat(2) succeeds for a directory that may be
 * searched. */
static int check(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return errno;
	if (!S_ISREG(status.st_mode))
		return S_ISDIR(status.st_mode) ? EISDIR : EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/* Keeps the first skipped file as the failure, which is more helpful than "no
 * such file".  Directories that cannot be searched do not count: after su(1),
 * PATH often has some of root's. */
static void note_skipped(const char *path, int error, struct nsh_failure *skipped)
{
	struct stat status;

	if (skipped->errnum || stat(path, &status) < 0)
		return;
	nsh_fail(skipped, NSH_STAGE_FIND_PROGRAM, EACCES, "");
	nsh_fail_reason(skipped, error == EISDIR ? "'%s' is a directory"
			: "'%s' is not an executable file", path);
}

static int try_entry(const char *entry, size_t size, const char *name,
		     struct strv *candidates, struct nsh_failure *skipped)
{
	char *path;
	int error;

	if (size == 0 || *entry != '/')
		return 0;
	path = join(entry, size, name);
	if (!path)
		return -1;
	error = check(path);
	if (error == 0)
		return nsh_strv_add_taken(candidates, path);
	note_skipped(path, error, skipped);
	free(path);
	return 0;
}

enum { SHOWN_PATH = 400 };

/* Names the directories that were searched; a long list is cut. */
static void explain_missing(const char *path, bool given, struct nsh_failure *failure)
{
	nsh_fail_reason(failure, "not found in %s (%.*s%s)", given ? "search_path"
			: path ? "PATH" : "the default directories, because PATH is not set",
			SHOWN_PATH, path ? path : default_path,
			path && strlen(path) > SHOWN_PATH ? "..." : "");
}

static int search(const char *name, const char *directories, bool all,
		  struct strv *candidates, struct nsh_failure *failure)
{
	const char *path = directories ? directories : getenv("PATH");
	struct nsh_failure skipped;

	nsh_failure_clear(&skipped);
	for (const char *entry = path ? path : default_path;;) {
		size_t size = strcspn(entry, ":");

		if (try_entry(entry, size, name, candidates, &skipped) < 0)
			return nsh_fail(failure, NSH_STAGE_FIND_PROGRAM, ENOMEM, name);
		if ((candidates->count > 0 && !all) || !entry[size])
			break;
		entry += size + 1;
	}
	if (candidates->count > 0)
		return 0;
	nsh_fail(failure, NSH_STAGE_FIND_PROGRAM,
		 skipped.errnum ? skipped.errnum : ENOENT, name);
	if (skipped.errnum)
		nsh_fail_reason(failure, "%s", skipped.reason);
	else
		explain_missing(path, directories != NULL, failure);
	return -1;
}

static char *absolute_path(const char *name)
{
	char *directory = getcwd(NULL, 0);
	char *path = directory ? join(directory, strlen(directory), name) : NULL;

	free(directory);
	return path;
}

int nsh_path_resolve(const char *name, const char *directories, bool absolute, bool all,
		     struct strv *candidates, struct nsh_failure *failure)
{
	char *path;

	if (!*name)
		return nsh_fail(failure, NSH_STAGE_FIND_PROGRAM, ENOENT, name);
	if (!strchr(name, '/'))
		return search(name, directories, all, candidates, failure);
	path = absolute && *name != '/' ? absolute_path(name) : strdup(name);
	if (nsh_strv_add_taken(candidates, path) < 0)
		return nsh_fail(failure, NSH_STAGE_FIND_PROGRAM, errno, name);
	return 0;
}

char *nsh_find_program(const char *name, struct nsh_failure *failure)
{
	return nsh_find_program_in(name, NULL, failure);
}

char *nsh_find_program_in(const char *name, const char *directories,
			  struct nsh_failure *failure)
{
	struct strv found = { NULL, 0, 0 };
	char *path;
	int error = 0;

	if (nsh_path_resolve(name, directories, true, false, &found, failure) < 0)
		return NULL;
	path = found.items[0];
	free(found.items);
	if (strchr(name, '/'))
		error = check(path);
	if (error) {
		nsh_fail(failure, NSH_STAGE_FIND_PROGRAM,
			 error == EISDIR ? EACCES : error, name);
		nsh_path_explain(path, failure);
		free(path);
		return NULL;
	}
	return path;
}

/* ---- explaining a failed exec ------------------------------------------ */

/* Copies the name of the interpreter in the #! line of a script. */
static void script_interpreter(const char *head, char *ret_name, size_t size)
{
	size_t length;

	head += 2 + strspn(head + 2, " \t");
	length = strcspn(head, " \t\r\n");
	if (length >= size)
		length = size - 1;
	memcpy(ret_name, head, length);
	ret_name[length] = 0;
}

static void explain_head(const char *head, struct nsh_failure *failure)
{
	char name[256];

	if (failure->errnum == ENOEXEC) {
		nsh_fail_reason(failure, "not a binary for this machine, and it has no #! line");
	} else if (strncmp(head, "#!", 2) == 0) {
		/* With CR LF line ends the kernel looks for "sh\r". */
		script_interpreter(head, name, sizeof name);
		nsh_fail_reason(failure, memchr(head, '\r', strcspn(head, "\n"))
				? "its interpreter '%s' was not found: the #! line ends in a carriage return"
				: "its interpreter '%s' was not found", name);
	} else if (memcmp(head, ELFMAG, SELFMAG) == 0) {
		nsh_fail_reason(failure, "its dynamic loader was not found");
	}
}

void nsh_path_explain(const char *path, struct nsh_failure *failure)
{
	struct stat status;
	char head[512] = "";
	ssize_t size;
	int fd;

	if (!failure || stat(path, &status) < 0)
		return;
	if (S_ISDIR(status.st_mode)) {
		nsh_fail_reason(failure, "it is a directory");
		return;
	}
	if (failure->errnum == EACCES && !(status.st_mode & 0111)) {
		nsh_fail_reason(failure, "it is not executable");
		return;
	}
	if (failure->errnum != ENOENT && failure->errnum != ENOEXEC)
		return;
	fd = S_ISREG(status.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	size = fd < 0 ? -1 : read(fd, head, sizeof head - 1);
	nsh_close(&fd);
	if (size >= 0)
		explain_head(head, failure);
}

bool nsh_path_is_fifo(const char *path)
{
	struct stat file;

	return stat(path, &file) == 0 && S_ISFIFO(file.st_mode);
}
