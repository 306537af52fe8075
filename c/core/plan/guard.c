#include "guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"
#include "fd.h"
#include "fork_lock.h"

bool nsh_guard_is_needed(const struct guard *guard)
{
	return guard->inet || guard->all_but_tcp || guard->listening
		|| guard->unix_sockets || guard->truncation || guard->mounts || guard->calls;
}

#ifdef NSH_HAVE_SECCOMP

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* A filter that is being built.  The first error counts. */
struct build {
	scmp_filter_ctx context;
	const struct guard *guard;
	int error;
};

/* libseccomp compares 64 bits, but the kernel ignores the upper half of an int: a value
 * with other upper bits must not pass. */
enum { INT = 0xffffffff };

static bool contains(const struct strv *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], name) == 0)
			return true;
	return false;
}

/* Adds a rule for calls whose arguments satisfy all comparisons.  A call that this
 * architecture does not have needs no rule. */
static void deny_if(struct build *build, const char *name, int error, unsigned count,
		    const struct scmp_arg_cmp *comparisons)
{
	int number = nsh_call_number(name);
	int ret;

	if (build->error || number < 0)
		return;
	ret = seccomp_rule_add_array(build->context, SCMP_ACT_ERRNO((unsigned)error),
				     number, count, comparisons);
	/* EEXIST: a rule without comparisons exists already. */
	if (ret < 0 && ret != -EEXIST)
		build->error = -ret;
}

static void deny(struct build *build, const char *name, int error)
{
	deny_if(build, name, error, 0, NULL);
}

/* Denies calls in which these bits of an argument have this value. */
static void deny_bits(struct build *build, const char *name, unsigned argument,
		      uint64_t mask, uint64_t value)
{
	struct scmp_arg_cmp comparison = {
		argument, SCMP_CMP_MASKED_EQ, mask, value,
	};

	deny_if(build, name, EPERM, 1, &comparison);
}

/* ---- sockets -------------------------------------------------------------- */

static void deny_domain(struct build *build, enum scmp_compare how, uint64_t domain)
{
	struct scmp_arg_cmp comparison = { 0, how, domain, 0 };

	deny_if(build, "socket", EPERM, 1, &comparison);
}

/* Landlock's rules cover connect(2) and bind(2) of TCP, but not sending with MSG_FASTOPEN,
 * which connects.  The sockets are checked by write_tcp_check. */
static void guard_tcp(struct build *build)
{
	deny_bits(build, "sendto", 3, MSG_FASTOPEN, MSG_FASTOPEN);
	deny_bits(build, "sendmsg", 2, MSG_FASTOPEN, MSG_FASTOPEN);
	deny_bits(build, "sendmmsg", 3, MSG_FASTOPEN, MSG_FASTOPEN);
}

static void guard_sockets(struct build *build)
{
	const struct guard *guard = build->guard;

	if (guard->inet && guard->unix_sockets)
		deny(build, "socket", EPERM);
	else if (guard->inet)
		deny_domain(build, SCMP_CMP_NE, AF_UNIX);
	else if (guard->all_but_tcp)
		guard_tcp(build);
	else if (guard->unix_sockets)
		deny_bits(build, "socket", 0, INT, AF_UNIX);
	if (guard->inet || guard->all_but_tcp) {
		struct scmp_arg_cmp other = { 0, SCMP_CMP_NE, AF_UNIX, 0 };

		deny_if(build, "socketpair", EPERM, 1, &other);
	}
	if (guard->listening)
		deny(build, "listen", EPERM);
	/* Its operations are not system calls. */
	if (guard->inet || guard->all_but_tcp || guard->unix_sockets) {
		deny(build, "io_uring_setup", EPERM);
		deny(build, "io_uring_enter", EPERM);
		deny(build, "io_uring_register", EPERM);
	}
}

/* ---- truncation ------------------------------------------------------------- */

/* Before version 3, Landlock permits truncate(2), and open(2) with O_TRUNC for anything
 * but writing (file_permission.c checks the access mode only). */
static void guard_truncation(struct build *build)
{
	static const unsigned modes[] = { O_RDONLY, O_ACCMODE };

	deny(build, "truncate", EPERM);
	deny(build, "truncate64", EPERM);
	deny(build, "openat2", ENOSYS);
	for (size_t i = 0; i < 2; i++) {
		deny_bits(build, "open", 1, O_TRUNC | O_ACCMODE, O_TRUNC | modes[i]);
		deny_bits(build, "openat", 2, O_TRUNC | O_ACCMODE, O_TRUNC | modes[i]);
	}
}

/* ---- calls with arguments ---------------------------------------------------- */

static void deny_others(struct build *build, const char *name)
{
	/* 0 is the caller; in prlimit64, no new limit. */
	struct scmp_arg_cmp prlimit[2] = {
		{ 0, SCMP_CMP_NE, 0, 0 }, { 2, SCMP_CMP_NE, 0, 0 },
	};
	/* PRIO_PROCESS is 0, IOPRIO_WHO_PROCESS is 1. */
	uint64_t process = strcmp(name, "ioprio_set") == 0;
	struct scmp_arg_cmp which = { 0, SCMP_CMP_NE, process, 0 };
	struct scmp_arg_cmp who = { 1, SCMP_CMP_NE, 0, 0 };

	if (strcmp(name, "prlimit64") == 0) {
		deny_if(build, name, EPERM, 2, prlimit);
	} else {
		deny_if(build, name, EPERM, 1, &which);
		deny_if(build, name, EPERM, 1, &who);
	}
}

static void deny_namespaces(struct build *build, const char *name)
{
	static const uint64_t flags[] = {
		CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
		CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
		/* CLONE_NEWTIME; clone(2) has the exit signal in this place. */
		0x80,
	};
	bool is_clone = strcmp(name, "clone") == 0;
	unsigned argument = 0;

#ifdef __s390__
	argument = is_clone;
#endif
	for (size_t i = 0; i < 8 - (size_t)is_clone; i++)
		deny_bits(build, name, argument, flags[i], flags[i]);
}

static void deny_requests(struct build *build)
{
	deny_bits(build, "ioctl", 1, INT, TIOCSTI);
	deny_bits(build, "ioctl", 1, INT, TIOCLINUX);
}

static void deny_modes(struct build *build, const char *name, unsigned argument)
{
	deny_bits(build, name, argument, S_ISUID, S_ISUID);
	deny_bits(build, name, argument, S_ISGID, S_ISGID);
}

/* Denies the calls of sandbox_calls.def that have the kind SOME. */
static void deny_some(struct build *build, const char *name)
{
	static const struct {
		const char *name;
		unsigned argument;
	} modes[] = {
		{ "chmod", 1 }, { "fchmod", 1 }, { "fchmodat", 2 }, { "fchmodat2", 2 },
		{ "open", 2 }, { "openat", 3 }, { "creat", 1 }, { "mknod", 1 },
		{ "mknodat", 2 },
	};

	if (strcmp(name, "ioctl") == 0)
		deny_requests(build);
	else if (strcmp(name, "unshare") == 0 || strcmp(name, "clone") == 0)
		deny_namespaces(build, name);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(name, modes[i].name) == 0) {
			deny_modes(build, name, modes[i].argument);
			return;
		}
	if (strcmp(name, "prlimit64") == 0 || strcmp(name, "setpriority") == 0
	    || strcmp(name, "ioprio_set") == 0)
		deny_others(build, name);
}

/* ---- the default list ---------------------------------------------------------- */

enum kind { KIND_CALL, KIND_SOME, KIND_ABSENT, KIND_UNSUPPORTED, KIND_OFFERED };

static const struct {
	const char *name;
	enum kind kind;
} listed[] = {
#define CALL(group, name, number) { #name, KIND_CALL },
#define SOME(group, name, number) { #name, KIND_SOME },
#define ABSENT(group, name, number) { #name, KIND_ABSENT },
#define UNSUPPORTED(group, name, number) { #name, KIND_UNSUPPORTED },
#define OFFERED(group, name, number) { #name, KIND_OFFERED },
#include "sandbox_calls.def"
};

/* True if the list contains the call or its group. */
static bool covers(const struct strv *list, const char *name)
{
	if (contains(list, name))
		return true;
	for (size_t i = 0; i < list->count; i++) {
		const struct nsh_sandbox_group *group = nsh_call_group(list->items[i]);

		for (size_t k = 0; group && group->calls[k]; k++)
			if (strcmp(group->calls[k], name) == 0)
				return true;
	}
	return false;
}

static void guard_defaults(struct build *build)
{
	static const int errors[] = {
		[KIND_CALL] = EPERM, [KIND_ABSENT] = ENOSYS,
		[KIND_UNSUPPORTED] = EOPNOTSUPP,
	};

	for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
		const char *name = listed[i].name;

		if (listed[i].kind == KIND_OFFERED || covers(build->guard->allow, name))
			continue;
		if (listed[i].kind == KIND_SOME)
			deny_some(build, name);
		else
			deny(build, name, errors[listed[i].kind]);
	}
}

/* Before the defaults: a rule for all arguments makes those for some of them
 * superfluous. */
static void guard_denied(struct build *build)
{
	const struct strv *list = build->guard->deny;

	for (size_t i = 0; i < list->count; i++)
		if (*list->items[i] != '@')
			deny(build, list->items[i], EPERM);
	for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
		if (listed[i].kind == KIND_OFFERED && covers(list, listed[i].name))
			deny(build, listed[i].name, EPERM);
}

/* Before the defaults, as guard_denied. */
static void guard_mounts(struct build *build)
{
	static const char *const calls[] = {
		"mount", "umount", "umount2", "pivot_root", "setns", "fsopen", "fsconfig",
		"fsmount", "fspick", "move_mount", "open_tree", "open_tree_attr",
		"mount_setattr",
	};

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		deny(build, calls[i], EPERM);
}

static void add_rules(struct build *build)
{
	if (build->guard->calls)
		guard_denied(build);
	guard_sockets(build);
	if (build->guard->truncation)
		guard_truncation(build);
	if (build->guard->mounts)
		guard_mounts(build);
	if (build->guard->calls)
		guard_defaults(build);
}

/* ---- compiling ------------------------------------------------------------------ */

/* The kernel's limit, BPF_MAXINSNS.  A pipe has room for it, so that writing to it
 * cannot block; a memory file would count against RLIMIT_FSIZE. */
enum { MOST = BPF_MAXINSNS };

/* The low half of an argument, which is all of an int. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#else
#define LOW(n) (offsetof(struct seccomp_data, args) + 8 * (n) + 4)
#endif
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(at))
#define IF_EQUAL(value, yes, no) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)

enum { TCP_CHECK = 15 };

/* Writes the beginning of a filter that lets only TCP sockets and, perhaps, Unix ones pass:
 * not MPTCP and SMC, which fall back to TCP and which Landlock does not cover.  libseccomp
 * takes minutes for these rules, because it has no "if not all of these". */
static void write_tcp_check(struct sock_filter *ret_filter, bool allows_unix)
{
	const struct sock_filter check[TCP_CHECK] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		IF_EQUAL(seccomp_arch_native(), 0, 13),
		LOAD(offsetof(struct seccomp_data, nr)),
		IF_EQUAL(SYS_socket, 0, 11),
		LOAD(LOW(0)),
		IF_EQUAL(AF_UNIX, (uint8_t)(allows_unix ? 9 : 8), 0),
		IF_EQUAL(AF_INET, 1, 0),
		IF_EQUAL(AF_INET6, 0, 6),
		LOAD(LOW(1)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf),   /* SOCK_TYPE_MASK */
		IF_EQUAL(SOCK_STREAM, 0, 3),
		LOAD(LOW(2)),
		IF_EQUAL(0, 2, 0),
		IF_EQUAL(IPPROTO_TCP, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};

	memcpy(ret_filter, check, sizeof check);
}

/* Reads a filter, with room for `before` instructions in front of it. */
static struct sock_filter *read_filter(int fd, size_t before, unsigned short *ret_length)
{
	size_t room = MOST * sizeof(struct sock_filter);
	size_t size = before * sizeof(struct sock_filter);
	char *bytes = malloc(room);
	ssize_t count = 1;

	while (bytes && count > 0 && size < room) {
		count = read(fd, bytes + size, room - size);
		if (count < 0 && errno == EINTR)
			count = 1;
		else if (count > 0)
			size += (size_t)count;
	}
	*ret_length = (unsigned short)(size / sizeof(struct sock_filter));
	return (struct sock_filter *)(void *)bytes;
}

static struct sock_filter *export(struct build *build, unsigned short *ret_length)
{
	bool has_check = build->guard->all_but_tcp;
	struct sock_filter *filter = NULL;
	int ends[2];

	if (nsh_fd_pipe(ends) < 0) {
		build->error = errno;
		return NULL;
	}
	if (nsh_fd_set_blocking(ends[1], 0) < 0)
		build->error = errno;
	if (!build->error)
		build->error = -seccomp_export_bpf(build->context, ends[1]);
	nsh_close(&ends[1]);
	if (!build->error)
		filter = read_filter(ends[0], has_check ? TCP_CHECK : 0, ret_length);
	if (filter && has_check)
		write_tcp_check(filter, !build->guard->unix_sockets);
	nsh_close(&ends[0]);
	return filter;
}

/* Foreign system calls (32-bit ones, x32) have other numbers, so they are refused.
 * Level 2 makes a binary tree of the numbers: the kernel runs the filter once for each
 * system call when it is installed. */
static struct sock_filter *compile(const struct guard *guard, unsigned short *ret_length)
{
	struct build build = { seccomp_init(SCMP_ACT_ALLOW), guard, 0 };
	struct sock_filter *filter = NULL;

	if (!build.context) {
		errno = ENOMEM;
		return NULL;
	}
	(void)seccomp_attr_set(build.context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	build.error = -seccomp_attr_set(build.context, SCMP_FLTATR_ACT_BADARCH,
					SCMP_ACT_ERRNO(EPERM));
	add_rules(&build);
	if (!build.error)
		filter = export(&build, ret_length);
	seccomp_release(build.context);
	errno = build.error ? build.error : ENOMEM;
	return filter;
}

/* ---- remembering ------------------------------------------------------------------ */

enum { REMEMBERED = 8 };

struct remembered {
	char *key;
	struct sock_filter *filter;
	unsigned short length;
};

static struct {
	struct fork_lock lock;
	struct remembered entries[REMEMBERED];
	unsigned next;          /* the entry to replace */
} known = { .lock = NSH_FORK_LOCK_INIT };

/* After a fork, another thread may have been changing the entries: leave them. */
static void start_over(void)
{
	memset(known.entries, 0, sizeof known.entries);
	known.next = 0;
}

static int append_list(struct buffer *key, const struct strv *list)
{
	int ret = nsh_buffer_append_string(key, ";");

	for (size_t i = 0; ret == 0 && i < list->count; i++) {
		ret = nsh_buffer_append_string(key, list->items[i]);
		if (ret == 0)
			ret = nsh_buffer_append_string(key, ",");
	}
	return ret;
}

/* Returns a text that is the same for the same guard, malloc'd; or NULL. */
static char *key_of(const struct guard *guard)
{
	char flags[] = {
		guard->inet ? 'i' : '-', guard->all_but_tcp ? 't' : '-',
		guard->listening ? 'l' : '-', guard->unix_sockets ? 'u' : '-',
		guard->truncation ? 'f' : '-', guard->mounts ? 'm' : '-', guard->calls ? 'c' : '-', 0,
	};
	struct buffer key = { .data = NULL };
	int ret = nsh_buffer_append_string(&key, flags);

	if (ret == 0 && guard->calls)
		ret = append_list(&key, guard->deny);
	if (ret == 0 && guard->calls)
		ret = append_list(&key, guard->allow);
	if (ret == 0 && nsh_buffer_append(&key, "", 1) == 0)
		return key.data;
	nsh_buffer_free(&key);
	return NULL;
}

static struct sock_filter *copy_of(const struct sock_filter *filter, unsigned short length)
{
	return nsh_memdup(filter, length * sizeof *filter);
}

static struct sock_filter *recall(const char *key, unsigned short *ret_length)
{
	struct sock_filter *copy = NULL;

	nsh_fork_lock(&known.lock, start_over);
	for (int i = 0; i < REMEMBERED && !copy; i++) {
		const struct remembered *entry = &known.entries[i];

		if (entry->key && strcmp(entry->key, key) == 0) {
			copy = copy_of(entry->filter, entry->length);
			*ret_length = entry->length;
		}
	}
	nsh_fork_unlock(&known.lock);
	return copy;
}

static void remember(char *take_key, const struct sock_filter *filter,
		     unsigned short length)
{
	struct remembered entry = { take_key, copy_of(filter, length), length };
	struct remembered *place;

	if (!entry.filter) {
		free(take_key);
		return;
	}
	nsh_fork_lock(&known.lock, start_over);
	place = &known.entries[known.next++ % REMEMBERED];
	free(place->key);
	free(place->filter);
	*place = entry;
	nsh_fork_unlock(&known.lock);
}

struct sock_filter *nsh_guard_compile(const struct guard *guard,
				      unsigned short *ret_length)
{
	char *key = key_of(guard);
	struct sock_filter *filter;

	if (!key) {
		errno = ENOMEM;
		return NULL;
	}
	filter = recall(key, ret_length);
	if (filter) {
		free(key);
		return filter;
	}
	filter = compile(guard, ret_length);
	if (filter)
		remember(key, filter, *ret_length);
	else
		nsh_free_quietly(key);
	return filter;
}

#else

struct sock_filter *nsh_guard_compile(const struct guard *guard,
				      unsigned short *ret_length)
{
	(void)guard;
	(void)ret_length;
	errno = ENOSYS;
	return NULL;
}

#endif
