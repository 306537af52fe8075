#include "interpreters.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "strv.h"

/* ---- interpreters ------------------------------------------------------------ */

/* Program headers usually follow the ELF header.  The kernel reads 256 bytes of a #!
 * line. */
enum { HEAD = 4096, LINE = 256, LONGEST_PATH = 4096 };

/* Returns the word after #!. */
static char *script_interpreter(const char *head, size_t size)
{
	size_t end = size < LINE ? size : LINE, from = 2, to;

	while (from < end && (head[from] == ' ' || head[from] == '\t'))
		from++;
	for (to = from; to < end && !strchr(" \t\n", head[to]) && head[to]; to++)
		;
	return to > from ? nsh_memdup(head + from, to - from) : NULL;
}

/* Returns `size` bytes of the file at `at`, as a string; NULL if they are not there. */
static char *read_path(int fd, uint64_t at, uint64_t size)
{
	char *path;

	if (size == 0 || size > LONGEST_PATH)
		return NULL;
	path = calloc(1, (size_t)size + 1);
	if (path && pread(fd, path, (size_t)size, (off_t)at) == (ssize_t)size)
		return path;
	free(path);
	return NULL;
}

#define LOADER(bits) \
	static char *loader_##bits(int fd, const char *head, size_t size) \
	{ \
		Elf##bits##_Ehdr header; \
		Elf##bits##_Phdr segment; \
		\
		if (size < sizeof header) \
			return NULL; \
		memcpy(&header, head, sizeof header); \
		for (unsigned i = 0; i < header.e_phnum; i++) { \
			uint64_t at = (uint64_t)header.e_phoff + i * sizeof segment; \
			\
			if (at + sizeof segment > size) \
				return NULL; \
			memcpy(&segment, head + at, sizeof segment); \
			if (segment.p_type == PT_INTERP) \
				return read_path(fd, segment.p_offset, segment.p_filesz); \
		} \
		return NULL; \
	}

LOADER(32)
LOADER(64)

/* O_NONBLOCK: the path may name a FIFO. */
char *nsh_interpreter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char head[HEAD], *found = NULL;
	ssize_t size = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);

	if (size >= 2 && memcmp(head, "#!", 2) == 0)
		found = script_interpreter(head, (size_t)size);
	else if (size > EI_CLASS && memcmp(head, ELFMAG, SELFMAG) == 0)
		found = head[EI_CLASS] == ELFCLASS32 ? loader_32(fd, head, (size_t)size)
			: loader_64(fd, head, (size_t)size);
	nsh_close(&fd);
	return found;
}

/* ---- the system's directories ------------------------------------------------- */

static const char *const directories[] = {
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
	"/nix/store", "/gnu/store",
};

enum { DIRECTORIES = sizeof directories / sizeof *directories };

/* Bit n: directory n was looked at, and needs a rule. */
static atomic_uint seen, needed;

/* A link into /usr needs no rule of its own. */
static bool needs_rule(const char *path)
{
	char target[16];
	ssize_t size = readlink(path, target, sizeof target - 1);

	if (size < 0)
		return errno == EINVAL;   /* it exists and is no link */
	target[size] = 0;
	return strncmp(target, "usr/", 4) != 0 && strncmp(target, "/usr/", 5) != 0;
}

const char *nsh_system_directory(size_t index)
{
	unsigned bit = 1U << index;

	if (index >= DIRECTORIES)
		return NULL;
	if (!(atomic_load(&seen) & bit)) {
		if (needs_rule(directories[index]))
			atomic_fetch_or(&needed, bit);
		atomic_fetch_or(&seen, bit);
	}
	return atomic_load(&needed) & bit ? directories[index] : "";
}
