/* The child's descriptors: gives it a table of its own, moves each source to its
 * target and closes everything else. */
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "child_steps.h"

enum { LONG_BITS = 8 * sizeof(long) };

static bool is_target(const struct plan *plan, int fd)
{
	for (size_t i = 0; i < plan->move_count; i++)
		if (plan->moves[i].target == fd)
			return true;
	return false;
}

/* Returns the first descriptor that the new table does not copy from the
 * parent's.  Needed ones among 0 to 2 are always copied, which is free: the
 * kernel copies at least one word of the table.  TABLE_PREFIX copies up to the
 * highest source. */
static unsigned cut(const struct plan *plan)
{
	int last = -1;

	for (size_t i = 0; i < plan->move_count; i++) {
		int source = plan->moves[i].source;

		if (source > last && (source <= 2 || plan->table == TABLE_PREFIX))
			last = source;
	}
	return (unsigned)(last + 1);
}

int nsh_step_own_table(const struct plan *plan)
{
	int ret;

	if (plan->table == TABLE_COPIED || plan->table == TABLE_IN_PLACE)
		return 0;
	plan->record->probing = PROBING_UNSHARE;
	ret = nsh_sys_close_range(cut(plan), ~0U, NSH_CLOSE_RANGE_UNSHARE);
	if (ret == 0)
		plan->record->probing = PROBING_NOTHING;
	return ret;
}

/* Opens a pidfd of the thread whose table holds our sources.  PIDFD_THREAD needs
 * Linux 6.9; before that, a pidfd names the main thread, which may have another
 * table.  The pid comparison fails if the parent is in another pid namespace,
 * where its number would name another process: getppid(2) is 0 there. */
static int open_parent(const struct plan *plan)
{
	long parent = nsh_sys(SYS_getppid, 0, 0, 0, 0, 0);
	int fd;

	if (parent != plan->parent_pid)
		return -ESRCH;
	fd = nsh_sys_pidfd_open(plan->parent_thread, NSH_PIDFD_THREAD);
	if (fd != -EINVAL)
		return fd;
	return plan->parent_thread != plan->parent_pid ? -ESRCH
		: nsh_sys_pidfd_open(plan->parent_pid, 0);
}

/* Returns a duplicate, in our own table, of the parent's descriptor `source`. */
static int duplicate(const struct plan *plan, int *parent, int source)
{
	int fd;

	if (plan->table != TABLE_FETCH || source < (int)cut(plan))
		return nsh_sys_fcntl(source, F_DUPFD_CLOEXEC, 0);
	plan->record->probing = PROBING_FETCH;
	if (*parent < 0)
		*parent = open_parent(plan);
	if (*parent < 0)
		return *parent;
	fd = nsh_sys_pidfd_getfd(*parent, source);
	/* These errors concern `source` or our limits, not the call as such, so
	 * the path is not given up for them. */
	if (fd >= 0 || fd == -EBADF || fd == -EMFILE || fd == -ENFILE)
		plan->record->probing = PROBING_NOTHING;
	return fd;
}

/* Duplicates the move's source to a number that is no other move's target.  The
 * dup3() calls that follow then overwrite nothing that is still needed, in any
 * order.  nsh_close_others() closes the duplicates. */
static int stage_move(const struct plan *plan, int *parent,
		      const struct move *move)
{
	int again = move->target < 0 ? F_DUPFD_CLOEXEC : F_DUPFD;
	int fd;

	if (move->same_as >= 0)
		fd = nsh_sys_fcntl(plan->staged[move->same_as], F_DUPFD, 0);
	else if (move->source >= 0)
		fd = duplicate(plan, parent, move->source);
	else
		fd = nsh_sys_open(move->path, move->flags | O_NOCTTY, move->mode);
	while (fd >= 0 && fd != move->target && is_target(plan, fd))
		fd = nsh_sys_fcntl(fd, again, fd + 1);
	return fd;
}

/* Two kinds of moves: of open descriptors, and of files opened here. */
enum { SOURCES = 1, FILES = 2 };

static bool is_one_of(const struct move *move, int kinds)
{
	return (kinds & (move->source >= 0 ? SOURCES : FILES)) != 0;
}

/* The launcher needs descriptors that a child without it does not need. */
static int fail_move(const struct plan *plan, const struct move *move, int error)
{
	if (plan->launcher && (move->is_launchers || error == -EMFILE)
	    && plan->record->probing == PROBING_NOTHING)
		plan->record->probing = PROBING_LAUNCHER;
	return error;
}

static int stage_moves(const struct plan *plan, int kinds)
{
	int parent = -1;

	for (size_t i = 0; i < plan->move_count; i++) {
		int fd;

		if (!is_one_of(&plan->moves[i], kinds))
			continue;
		nsh_at(plan, plan->moves[i].stage, i);
		fd = stage_move(plan, &parent, &plan->moves[i]);
		if (fd < 0)
			return fail_move(plan, &plan->moves[i], fd);
		plan->staged[i] = fd;
		plan->record->strays |= fd != plan->moves[i].target;
	}
	plan->record->strays |= parent >= 0;
	return 0;
}

/* Counts the descriptors to keep: the moves, those of a hook and the pid file's.
 * Until the pid file is open its number is 0 in the record; that is a standard
 * stream, which is kept anyway. */
static size_t kept_count(const struct plan *plan)
{
	return plan->move_count + (plan->hook_fds ? plan->hook_fds->count : 0)
		+ (plan->attributes.pid_file ? 1 : 0);
}

static int kept_at(const struct plan *plan, size_t i)
{
	if (i < plan->move_count)
		return plan->moves[i].target < 0 ? plan->staged[i]
			: plan->moves[i].target;
	i -= plan->move_count;
	if (plan->hook_fds && i < plan->hook_fds->count)
		return plan->hook_fds->fds[i];
	return plan->record->pid_file;
}

static bool is_kept(const struct plan *plan, int fd)
{
	for (size_t i = 0; i < kept_count(plan); i++)
		if (kept_at(plan, i) == fd)
			return true;
	return false;
}

/* Returns the lowest kept descriptor that is >= `from`, or -1. */
static int next_kept(const struct plan *plan, int from)
{
	int next = -1;

	for (size_t i = 0; i < kept_count(plan); i++) {
		int fd = kept_at(plan, i);

		if (fd >= from && (next < 0 || fd < next))
			next = fd;
	}
	return next;
}

struct directory_entry {
	uint64_t inode;
	int64_t offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

static int number_of(const char *name)
{
	int number = 0;

	if (*name < '0' || *name > '9')
		return -1;
	for (; *name >= '0' && *name <= '9'; name++)
		number = number * 10 + (*name - '0');
	return number;
}

/* Used if close_range(2) is missing or denied: closes what /proc lists.  It reads
 * thread-self, not self, because in place this thread has its own table. */
static int drop_listed(const struct plan *plan)
{
	uint64_t buffer[512];
	int list = nsh_sys_open("/proc/thread-self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long size;

	if (list < 0)
		return list;
	while ((size = nsh_sys(SYS_getdents64, list, (long)buffer,
			       sizeof buffer, 0, 0)) > 0) {
		for (char *p = (char *)buffer; p < (char *)buffer + size;) {
			struct directory_entry *entry = (void *)p;
			int fd = number_of(entry->name);

			p += entry->size;
			if (fd >= 0 && fd != list && !is_kept(plan, fd))
				nsh_sys_close(fd);
		}
	}
	nsh_sys_close(list);
	return (int)size;
}

enum { MOST_DESCRIPTORS = 1 << 20 };     /* the kernel's default, fs.nr_open */

/* True if `fd` is beyond the end of our descriptor table.  select(2) ignores
 * numbers beyond the end and fails with EBADF for closed ones below it
 * (core_sys_select in fs/select.c).  `bits` is all zero and has room for every
 * number. */
static bool is_beyond(char *bits, int fd)
{
	static const struct timespec now = { 0, 0 };
	long ret;

	if (nsh_sys_fcntl(fd, F_GETFD, 0) >= 0)
		return false;
	((unsigned long *)(void *)bits)[fd / LONG_BITS] |= 1UL << fd % LONG_BITS;
	ret = nsh_sys6(SYS_pselect6, fd + 1, (long)bits, 0, 0, (long)&now, 0);
	((unsigned long *)(void *)bits)[fd / LONG_BITS] = 0;
	return ret == 0;
}

/* Returns an upper bound of all open descriptors.  RLIMIT_NOFILE is no bound:
 * it may have been lowered below descriptors that are open. */
static int table_end(void)
{
	long bits = nsh_sys6(SYS_mmap, 0, MOST_DESCRIPTORS / 8,
			     PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int end = LONG_BITS;

	if (bits < 0 && bits > -4096)
		return MOST_DESCRIPTORS;
	while (end < MOST_DESCRIPTORS && !is_beyond((char *)bits, end))
		end *= 2;
	nsh_sys(SYS_munmap, bits, MOST_DESCRIPTORS / 8, 0, 0, 0);
	return end;
}

/* Last resort, without close_range(2) and /proc: closes every possible number. */
static void drop_each(const struct plan *plan)
{
	int end = table_end();

	for (int fd = 0; fd < end; fd++)
		if (!is_kept(plan, fd))
			nsh_sys_close(fd);
}

/* Closes the gaps between kept descriptors.  Returns 0, or minus an errno if
 * close_range(2) is missing or denied. */
static int drop_ranges(const struct plan *plan)
{
	int from = 0;

	for (;;) {
		int kept = next_kept(plan, from);
		unsigned last = kept < 0 ? ~0U : (unsigned)kept - 1;

		if (kept != from) {
			int ret = nsh_sys_close_range((unsigned)from, last, 0);

			if (ret < 0)
				return ret;
		}
		if (kept < 0)
			return 0;
		from = kept + 1;
	}
}

void nsh_close_others(const struct plan *plan)
{
	int ret = -ENOSYS;

	if (!plan->no_close_range) {
		plan->record->probing = PROBING_RANGE;
		ret = drop_ranges(plan);
		plan->record->probing = PROBING_NOTHING;
	}
	if (ret < 0)
		ret = drop_listed(plan);
	if (ret < 0)
		drop_each(plan);
}

/* A descriptor that was staged at its target only loses close-on-exec, which
 * pidfd_getfd(2) and F_DUPFD_CLOEXEC have set. */
static int place(const struct move *move, int staged)
{
	if (staged != move->target)
		return nsh_sys_dup3(staged, move->target, 0);
	return move->source < 0 ? 0 : nsh_sys_fcntl(staged, F_SETFD, 0);
}

static int place_moves(const struct plan *plan, int kinds)
{
	int ret = stage_moves(plan, kinds);

	for (size_t i = 0; ret >= 0 && i < plan->move_count; i++) {
		const struct move *move = &plan->moves[i];

		if (move->target < 0 || !is_one_of(move, kinds))
			continue;
		nsh_at(plan, move->stage, i);
		ret = place(move, plan->staged[i]);
		if (ret < 0)
			return fail_move(plan, move, ret);
		plan->staged[i] = move->target;
	}
	return ret;
}

/* open(2) of a FIFO may block forever.  So the parent's other descriptors are
 * closed first: while copies were open here, closing a pipe in the parent would
 * not cause an end of file at the pipe's other end. */
int nsh_step_place_descriptors(const struct plan *plan)
{
	int kinds = SOURCES | FILES, ret = 0;

	if (plan->opens_fifo && plan->table != TABLE_IN_PLACE) {
		ret = place_moves(plan, SOURCES);
		if (ret >= 0)
			nsh_close_others(plan);
		kinds = FILES;
	}
	if (ret >= 0)
		ret = place_moves(plan, kinds);
	if (ret < 0)
		return ret;
	nsh_at(plan, NSH_STAGE_DESCRIPTORS, 0);
	/* A table that was cut at 0 was empty. */
	if (plan->table != TABLE_FETCH || cut(plan) > 0 || plan->record->strays)
		nsh_close_others(plan);
	return 0;
}

/* ---- handing a descriptor over ------------------------------------------ */

int nsh_send_fd(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = {
		.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	char byte = 'd';
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof control,
	};
	long ret;

	*(int *)(void *)CMSG_DATA(&control.header) = fd;
	ret = nsh_sys(SYS_sendmsg, socket, (long)&message, MSG_NOSIGNAL, 0, 0);
	return ret < 0 ? (int)ret : 0;
}
