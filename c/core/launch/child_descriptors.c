/* The child's descriptors: a table of its own, sources under their targets,
 * everything else closed. */
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

/* The first number that is cut off while the parent's table is shared.  0 to
 * 2 are kept as they are where they are needed: they cost nothing. */
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

/* pidfd_open(2) of the parent: of the very thread whose table holds our
 * sources, where the kernel knows threads; else of the process, which is the
 * same only for its main thread.  In another pid namespace the number would
 * name somebody else: there getppid(2) is 0. */
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

/* A duplicate of the parent's descriptor `source` in our own table. */
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
	/* These say something about `source`, or about our limits. */
	if (fd >= 0 || fd == -EBADF || fd == -EMFILE || fd == -ENFILE)
		plan->record->probing = PROBING_NOTHING;
	return fd;
}

/* Brings the move's source under a number that is no other move's target, so
 * that putting the targets into place overwrites nothing that is still needed.
 * What is no target is closed before anything else is executed. */
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
		fd = nsh_sys_open(move->path, move->flags | O_NOCTTY, 0666);
	while (fd >= 0 && fd != move->target && is_target(plan, fd))
		fd = nsh_sys_fcntl(fd, again, fd + 1);
	return fd;
}

/* Moves of descriptors that exist, and those of what is opened here. */
enum { SOURCES = 1, FILES = 2 };

static bool is_one_of(const struct move *move, int kinds)
{
	return (kinds & (move->source >= 0 ? SOURCES : FILES)) != 0;
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
			return fd;
		plan->staged[i] = fd;
	}
	return 0;
}

/* How many descriptors are kept beside the moves: those of a hook, and the pid
 * file's, whose number is 0 and so a standard stream's until it is open. */
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

/* The lowest kept descriptor from `from` on, or -1. */
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

/* close_range(2) is missing or denied: close what /proc lists; of this thread,
 * which has a table of its own where it runs in place. */
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

/* Whether `fd` is beyond the end of our table.  select(2) ignores the numbers
 * there (core_sys_select), and fails for others that are not open.  `bits` is
 * empty and has room for every number. */
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

/* A number that no open descriptor reaches.  The limit may have been lowered
 * below some that are open; the size of the table has not. */
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

/* Without /proc too: every number that could be open. */
static void drop_each(const struct plan *plan)
{
	int end = table_end();

	for (int fd = 0; fd < end; fd++)
		if (!is_kept(plan, fd))
			nsh_sys_close(fd);
}

/* 0, or minus an errno where close_range(2) is missing or denied. */
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

/* A descriptor that landed where it belongs stays; what was fetched is
 * close-on-exec. */
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
		plan->staged[i] = move->target;
	}
	return ret;
}

/* Opening a FIFO may take forever.  If copies of the parent's descriptors were
 * open meanwhile, closing one in the parent would not be seen at its other end. */
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
	nsh_close_others(plan);
	return 0;
}

void nsh_drop_table(enum table_cut cut, bool no_close_range)
{
	/* Filled in at run time they would need memset. */
	static struct failure_record record;
	static const struct plan nothing = { .record = &record };
	static const struct plan nothing_listed = {
		.record = &record, .no_close_range = true,
	};

	if (cut == CUT_RANGE
	    && nsh_sys_close_range(0, ~0U, NSH_CLOSE_RANGE_UNSHARE) == 0)
		return;
	if (cut == CUT_COPY || nsh_sys(SYS_unshare, CLONE_FILES, 0, 0, 0, 0) == 0)
		nsh_close_others(no_close_range ? &nothing_listed : &nothing);
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
