#include "ruleset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "fork_lock.h"
#include "strv.h"

/* ---- making ------------------------------------------------------------------ */

/* If another file has got the path since the plan was made, the ruleset would not belong
 * to its key. */
static int add_path(int ruleset, const struct rule *rule)
{
	int fd = open(rule->path, O_PATH | O_CLOEXEC);
	struct nsh_path_attr attr = { rule->rights, fd };
	struct stat status;
	int ret = fd < 0 ? -errno : 0;

	if (ret == 0 && fstat(fd, &status) < 0)
		ret = -errno;
	if (ret == 0 && (status.st_dev != rule->device || status.st_ino != rule->inode))
		ret = -ESTALE;
	if (ret == 0)
		ret = nsh_landlock_add(ruleset, NSH_RULE_PATH, &attr);
	nsh_close(&fd);
	return ret;
}

static int add_rules(int ruleset, const struct wanted_rules *wanted, const char **ret_path)
{
	for (size_t i = 0; i < wanted->count; i++) {
		int ret = add_path(ruleset, &wanted->rules[i]);

		if (ret < 0) {
			*ret_path = wanted->rules[i].path;
			return ret;
		}
	}
	for (size_t i = 0; i < wanted->port_count; i++) {
		int ret = nsh_landlock_add(ruleset, NSH_RULE_PORT, &wanted->ports[i]);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Returns a descriptor, or -1 with errno. */
static int make(const struct wanted_rules *wanted, bool (*may_create)(void),
		const char **ret_path)
{
	int fd, ret;

	if (!may_create()) {
		errno = EPERM;
		return -1;
	}
	ret = nsh_landlock_create(&wanted->handled);
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	fd = nsh_fd_raise(ret);
	ret = fd < 0 ? -errno : add_rules(fd, wanted, ret_path);
	if (ret < 0) {
		nsh_close(&fd);
		errno = -ret;
	}
	return fd;
}

/* ---- keeping ------------------------------------------------------------------- */

enum {
	KEPT = 8,
	/* The mark of the first; the others follow.  libc does not use these numbers for
	 * I/O, and a ruleset sends no signals. */
	FIRST_MARK = 41,
};

struct kept {
	int fd;                 /* -1: none */
	unsigned users;         /* the starts that use it now */
	unsigned long used;     /* when it was last used, by `clock` */
	char *key;
	size_t key_size;
};

static struct {
	struct fork_lock lock;
	bool is_ready;
	unsigned long clock;
	struct kept kept[KEPT];
} known = { .lock = NSH_FORK_LOCK_INIT };

/* In a child of the host, the numbers may be those of its files. */
static void start_over(void)
{
	known.is_ready = false;
}

static void lock(void)
{
	nsh_fork_lock(&known.lock, start_over);
	if (known.is_ready)
		return;
	for (int i = 0; i < KEPT; i++)
		known.kept[i] = (struct kept){ .fd = -1 };
	known.is_ready = true;
}

static void unlock(void)
{
	nsh_fork_unlock(&known.lock);
}

static bool has_mark(int fd, int mark)
{
	return fcntl(fd, F_GETSIG) == mark;
}

static void drop(struct kept *kept)
{
	if (has_mark(kept->fd, FIRST_MARK + (int)(kept - known.kept)))
		nsh_close(&kept->fd);
	else
		nsh_fd_forget(&kept->fd);
	free(kept->key);
	*kept = (struct kept){ .fd = -1 };
}

/* The key of a ruleset: everything that its rules depend on.  Paths do not matter. */
static int make_key(const struct wanted_rules *wanted, struct buffer *ret_key)
{
	int ret = nsh_buffer_append(ret_key, &wanted->handled, sizeof wanted->handled);

	for (size_t i = 0; ret == 0 && i < wanted->count; i++) {
		const struct rule *rule = &wanted->rules[i];
		uint64_t words[4] = {
			rule->rights, rule->device, rule->inode, rule->mount,
		};

		ret = nsh_buffer_append(ret_key, words, sizeof words);
	}
	if (ret == 0 && wanted->port_count)
		ret = nsh_buffer_append(ret_key, wanted->ports,
					wanted->port_count * sizeof *wanted->ports);
	return ret;
}

static struct kept *recall(const struct buffer *key)
{
	for (int i = 0; i < KEPT; i++) {
		struct kept *kept = &known.kept[i];

		if (kept->fd < 0 || kept->key_size != key->size
		    || memcmp(kept->key, key->data, key->size) != 0)
			continue;
		if (has_mark(kept->fd, FIRST_MARK + i))
			return kept;
		drop(kept);
	}
	return NULL;
}

/* Returns the place of the ruleset that was not used for the longest time; NULL if all
 * are in use. */
static struct kept *find_place(void)
{
	struct kept *found = NULL;

	for (int i = 0; i < KEPT; i++) {
		struct kept *kept = &known.kept[i];

		if (kept->fd < 0)
			return kept;
		if (kept->users == 0 && (!found || kept->used < found->used))
			found = kept;
	}
	return found;
}

/* Keeps the descriptor if there is a place.  Returns its mark, or 0. */
static int keep(int fd, struct buffer *take_key)
{
	struct kept *place;
	int mark = 0;

	lock();
	place = find_place();
	if (place && fcntl(fd, F_SETSIG, FIRST_MARK + (int)(place - known.kept)) == 0) {
		mark = FIRST_MARK + (int)(place - known.kept);
		if (place->fd >= 0)
			drop(place);
		*place = (struct kept){
			.fd = fd, .users = 1, .used = ++known.clock,
			.key = take_key->data, .key_size = take_key->size,
		};
	} else {
		nsh_buffer_free(take_key);
	}
	unlock();
	return mark;
}

/* Returns true if the ruleset is kept already. */
static bool find_kept(const struct buffer *key, struct ruleset *ret_ruleset)
{
	struct kept *kept;

	lock();
	kept = recall(key);
	if (kept) {
		kept->users++;
		kept->used = ++known.clock;
		*ret_ruleset = (struct ruleset){
			kept->fd, FIRST_MARK + (int)(kept - known.kept) };
	}
	unlock();
	return kept;
}

int nsh_ruleset_get(const struct wanted_rules *wanted, bool (*may_create)(void),
		    struct ruleset *ret_ruleset, const char **ret_path)
{
	struct buffer key = { .data = NULL };
	bool is_known;
	int fd = -1;

	*ret_path = NULL;
	if (make_key(wanted, &key) < 0) {
		nsh_buffer_free(&key);
		return -1;
	}
	is_known = wanted->is_lasting && find_kept(&key, ret_ruleset);
	if (!is_known)
		fd = make(wanted, may_create, ret_path);
	if (fd >= 0)
		*ret_ruleset = (struct ruleset){ fd, 0 };
	if (fd >= 0 && wanted->is_lasting)
		ret_ruleset->mark = keep(fd, &key);
	else
		nsh_buffer_free(&key);
	return is_known || fd >= 0 ? 0 : -1;
}

void nsh_ruleset_put(struct ruleset *ruleset)
{
	if (ruleset->mark) {
		lock();
		if (known.kept[ruleset->mark - FIRST_MARK].users > 0)
			known.kept[ruleset->mark - FIRST_MARK].users--;
		unlock();
	} else {
		nsh_close(&ruleset->fd);
	}
	*ruleset = (struct ruleset){ -1, 0 };
}

void nsh_ruleset_forget(struct ruleset *ruleset)
{
	if (!ruleset->mark)
		nsh_fd_forget(&ruleset->fd);
	*ruleset = (struct ruleset){ -1, 0 };
}
