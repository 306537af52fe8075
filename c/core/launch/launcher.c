#include "launcher.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "kernel.h"
#include "strv.h"
#include "sys.h"

/* ---- conditions for its use ---------------------------------------------- */

/* True if an exec does not change the ids: it sets the saved and the file system's
 * ids to the effective ones, and clears ambient capabilities if the real ids
 * differ. */
static bool ids_are_one(void)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	return getresuid(&uid, &euid, &suid) == 0
		&& getresgid(&gid, &egid, &sgid) == 0
		&& uid == euid && uid == suid && gid == egid && gid == sgid
		&& (uid_t)nsh_sys(SYS_setfsuid, -1, 0, 0, 0, 0) == uid
		&& (gid_t)nsh_sys(SYS_setfsgid, -1, 0, 0, 0, 0) == gid;
}

/* True if the capabilities survive an exec.  For a user other than root, only ambient
 * ones do.  Root regains those of its bounding set; the launcher drops the surplus
 * and refuses to run if any is missing.  An exec clears one of the securebits, and
 * others change its effect, so none may be set. */
static bool keeps_capabilities(struct cap_sets *ret_held)
{
	if (nsh_sys_prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) != 0
	    || nsh_caps_read(ret_held) < 0)
		return false;
	return geteuid() == 0
		|| (ret_held->permitted & ~nsh_caps_ambient(ret_held->permitted)) == 0;
}

static bool is_needed_here(const struct plan *plan)
{
	return plan->attributes.hook || plan->attributes.require_handshake
		|| plan->opens_fifo;
}

static bool fits(struct plan *plan)
{
	return nsh_launcher_size > 0 && !is_needed_here(plan)
		&& !nsh_kernel_refuses_launcher()
		&& nsh_kernel_permits(NSH_ASK_LAUNCHER)
		&& ids_are_one() && keeps_capabilities(&plan->held);
}

/* ---- the security module's label ---------------------------------------- */

enum { LONGEST_LABEL = 255 };

/* Reads a file below /proc/thread-self/attr.  Returns its size, or -1 with
 * errno. */
static ssize_t read_attribute(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, room);

	nsh_close(&fd);
	return size;
}

/* True if the thread has requested a label for its next exec: the launcher would get
 * it. */
static bool requests_label(void)
{
	char text[1];

	return read_attribute("/proc/thread-self/attr/exec", text, 1) > 0;
}

/* Reads the label of this thread; "" if no module has one.  The launcher compares it
 * with its own: a policy may change the label at its exec. */
static int read_label(char ret_text[LONGEST_LABEL + 2])
{
	static atomic_bool no_labels;
	ssize_t size;

	ret_text[0] = 0;
	if (atomic_load(&no_labels))
		return 0;
	size = read_attribute("/proc/thread-self/attr/current", ret_text,
			      LONGEST_LABEL + 1);
	if (size < 0 && errno == EINVAL)
		atomic_store(&no_labels, true);
	if (size <= 0)
		return 0;
	ret_text[size] = 0;
	return size > LONGEST_LABEL || requests_label() ? -1 : 0;
}

/* ---- a copy of the plan -------------------------------------------------- */

/* The copy is built at `data` for the address `base` in the launcher. */
struct copy {
	char *data;
	size_t size, room;
	uintptr_t base;
	bool failed;            /* memory was exhausted */
};

/* The alignment of the plan and of the launcher's own data. */
enum { ALIGNMENT = 16 };

/* Appends `size` bytes, zeros if `bytes` is NULL.  Returns their offset. */
static size_t append(struct copy *copy, const void *bytes, size_t size)
{
	size_t at = (copy->size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);

	if (at + size > copy->room) {
		size_t room = 2 * (at + size) + 4096;
		char *larger = realloc(copy->data, room);

		if (!larger) {
			copy->failed = true;
			return 0;
		}
		memset(larger + copy->room, 0, room - copy->room);
		copy->data = larger;
		copy->room = room;
	}
	if (bytes && size)
		memcpy(copy->data + at, bytes, size);
	copy->size = at + size;
	return at;
}

static void *address(const struct copy *copy, size_t offset)
{
	return (void *)(copy->base + offset);
}

static void *copied(struct copy *copy, const void *bytes, size_t size)
{
	return bytes ? address(copy, append(copy, bytes, size)) : NULL;
}

static char *copied_text(struct copy *copy, const char *text)
{
	return text ? copied(copy, text, strlen(text) + 1) : NULL;
}

static void *copied_list(struct copy *copy, const char *const *list)
{
	size_t count = 0, at;

	while (list[count])
		count++;
	at = append(copy, NULL, (count + 1) * sizeof *list);
	for (size_t i = 0; i < count && !copy->failed; i++) {
		const char *text = copied_text(copy, list[i]);

		memcpy(copy->data + at + i * sizeof text, &text, sizeof text);
	}
	return address(copy, at);
}

static void copy_label(struct copy *copy, struct label *label)
{
	label->path = copied_text(copy, label->path);
	label->other_path = copied_text(copy, label->other_path);
	label->text = copied(copy, label->text, label->size);
}

/* Copies the moves with each source equal to its target, and without paths: all
 * descriptors are in place before the launcher runs. */
static struct move *copied_moves(struct copy *copy, const struct plan *plan)
{
	struct move *moves = nsh_memdup(plan->moves,
					plan->move_count * sizeof *moves);
	struct move *ret;

	copy->failed |= !moves;
	for (size_t i = 0; moves && i < plan->move_count; i++) {
		moves[i].path = NULL;
		moves[i].source = moves[i].target;
	}
	ret = copied(copy, moves, plan->move_count * sizeof *moves);
	free(moves);
	return ret;
}

static void copy_attributes(struct copy *copy, struct attributes *attributes)
{
	attributes->limits = copied(copy, attributes->limits,
				    attributes->limit_count
				    * sizeof *attributes->limits);
	attributes->groups = copied(copy, attributes->groups,
				    attributes->group_count
				    * sizeof *attributes->groups);
	attributes->cpus = NULL;
	attributes->hook_data = NULL;
#define TEXT(name, key, ...) attributes->key = copied_text(copy, attributes->key);
#include "setters.def"
}

/* Clears the fields that only the parent or a hook uses. */
static void clear_ours(struct plan *plan)
{
	plan->record = NULL;
	plan->staged = NULL;
	plan->daemon_stack = NULL;
	plan->hook_fds = NULL;
	plan->call_hook = NULL;
	plan->send_ends = plan->child_ends = plan->pipe_ends = NULL;
	plan->sinks = NULL;
	plan->found = NULL;
	plan->argv_list = plan->envp_list = NULL;
	plan->selinux_text = plan->apparmor_text = NULL;
	memset(plan->kept, 0, sizeof plan->kept);
}

static void copy_isolation(struct copy *copy, struct isolation *isolation)
{
	if (isolation->hidden)
		isolation->hidden = copied_list(copy, isolation->hidden);
	isolation->directory = copied_text(copy, isolation->directory);
}

static void copy_plan(struct copy *copy, const struct plan *plan)
{
	struct plan theirs = *plan;
	size_t at = append(copy, NULL, sizeof theirs);

	clear_ours(&theirs);
	theirs.launcher = IN_LAUNCHER;
	theirs.candidates = copied_list(copy, plan->candidates);
	theirs.argv = copied_list(copy, plan->argv);
	theirs.envp = copied_list(copy, plan->envp);
	theirs.moves = copied_moves(copy, plan);
	copy_attributes(copy, &theirs.attributes);
	theirs.cpu_mask = copied(copy, plan->cpu_mask, sizeof *plan->cpu_mask);
	theirs.sandbox.filter = copied(copy, plan->sandbox.filter,
				       plan->sandbox.filter_length
				       * sizeof(struct sock_filter));
	theirs.sandbox.report = NULL;
	theirs.sandbox.cgroup = NULL;
	theirs.sandbox.hidden = NULL;
	copy_isolation(copy, &theirs.sandbox.isolation);
	theirs.security_label = copied_text(copy, plan->security_label);
	copy_label(copy, &theirs.selinux);
	copy_label(copy, &theirs.apparmor);
	if (!copy->failed)
		memcpy(copy->data + at, &theirs, sizeof theirs);
}

/* ---- its memory files ----------------------------------------------------- */

/* Returns a new memory file, or -1 with errno.  `kind`, whether it can be executed,
 * is unknown before Linux 6.3; later kernels log a warning if it is missing. */
static int memory_file(const char *name, unsigned kind)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | kind);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return nsh_fd_raise(fd);
}

/* Checks RLIMIT_FSIZE, which applies to memory files: exceeding it would end the host
 * by SIGXFSZ. */
static bool may_write(size_t size)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0
	    && (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size))
		return true;
	errno = ENOMEM;
	return false;
}

static bool write_at(int fd, const void *bytes, size_t size, off_t at)
{
	const char *from = bytes;

	while (size > 0) {
		ssize_t count = pwrite(fd, from, size, at);

		if (count < 0 && errno != EINTR)
			return false;
		if (count > 0) {
			from += count;
			size -= (size_t)count;
			at += count;
		}
	}
	return true;
}

enum { HEADERS = sizeof(Elf64_Ehdr) + 8 * sizeof(Elf64_Phdr) };

/* Returns the segment with the highest address, in a copy of the launcher's
 * headers; NULL if it is not the segment of the plan. */
static Elf64_Phdr *plan_segment(char headers[HEADERS])
{
	Elf64_Ehdr header;
	Elf64_Phdr *segments, *found = NULL;

	if (nsh_launcher_size < HEADERS)
		return NULL;
	memcpy(headers, nsh_launcher_image, HEADERS);
	memcpy(&header, headers, sizeof header);
	if (header.e_phoff != sizeof header || header.e_phnum > 8)
		return NULL;
	segments = (void *)(headers + sizeof header);
	for (int i = 0; i < header.e_phnum; i++)
		if (segments[i].p_type == PT_LOAD
		    && (!found || segments[i].p_vaddr > found->p_vaddr))
			found = &segments[i];
	return found && found->p_filesz == sizeof(struct plan)
		&& found->p_offset >= HEADERS
		&& found->p_offset < nsh_launcher_size ? found : NULL;
}

/* Removes the permission to read it (launcher.h), and seals it. */
static bool seal(int fd)
{
	return fchmod(fd, S_IXUSR) == 0
		&& fcntl(fd, F_ADD_SEALS, NSH_LAUNCHER_SEALS) == 0;
}

/* Writes the launcher's file.  The plan replaces its segment, which is also the last
 * one in the file, and everything after it. */
static bool write_image(int fd, const char headers[HEADERS],
			const Elf64_Phdr *segment, const char *plan)
{
	size_t before = segment->p_offset;

	return may_write(before + segment->p_filesz)
		&& write_at(fd, headers, HEADERS, 0)
		&& write_at(fd, nsh_launcher_image + HEADERS, before - HEADERS, HEADERS)
		&& write_at(fd, plan, segment->p_filesz, (off_t)before)
		&& seal(fd);
}

/* Returns a descriptor, or -1 with errno. */
static int make_image(const struct plan *plan)
{
	char headers[HEADERS] __attribute__((aligned(8)));
	Elf64_Phdr *segment = plan_segment(headers);
	struct copy copy = { .base = segment ? (uintptr_t)segment->p_vaddr : 0 };
	int fd = -1;

	if (!segment) {
		errno = ENOEXEC;
		return -1;
	}
	copy_plan(&copy, plan);
	segment->p_filesz = segment->p_memsz = copy.size;
	errno = ENOMEM;
	if (!copy.failed)
		fd = memory_file("noshell", NSH_MFD_EXEC);
	if (fd >= 0 && !write_image(fd, headers, segment, copy.data))
		nsh_close(&fd);
	free(copy.data);
	return fd;
}

/* Another thread of the host may have closed the record: then its number may name
 * any file. */
static bool read_record(int fd, struct failure_record *ret_record)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals >= 0 && (seals & NSH_RECORD_SEALS) == NSH_RECORD_SEALS)
		return pread(fd, ret_record, sizeof *ret_record, 0)
			== (ssize_t)sizeof *ret_record;
	if (seals >= 0)
		errno = ESTALE;
	return false;
}

/* Until the launcher has taken over, the record says that the launcher cannot be
 * used.  A filter may refuse pread(2), so it is tried before the start. */
static int make_record(void)
{
	static const struct failure_record empty = {
		.stage = NSH_STAGE_CLONE, .probing = PROBING_LAUNCHER,
	};
	struct failure_record read_back;
	int fd = memory_file("noshell record", NSH_MFD_NOEXEC_SEAL);

	if (fd >= 0 && !(may_write(sizeof empty) && write_at(fd, &empty, sizeof empty, 0)
			 && fcntl(fd, F_ADD_SEALS, NSH_RECORD_SEALS) == 0
			 && read_record(fd, &read_back)))
		nsh_close(&fd);
	return fd;
}

/* ---- its descriptors ------------------------------------------------------- */

/* Returns the lowest number >= `from` that the program does not use. */
static int free_target(const struct plan *plan, int from)
{
	size_t i = 0;

	while (i < plan->move_count)
		if (plan->moves[i++].target == from) {
			from++;
			i = 0;
		}
	return from;
}

/* Plans known numbers for the descriptors that the launcher uses: the ruleset and, in a
 * new pid namespace, the terminal. */
static void add_known(struct plan *plan, int lowest)
{
	int ruleset = plan->sandbox.ruleset_move, pty = plan->pty_move;

	if (ruleset >= 0)
		plan->moves[ruleset].target = free_target(plan, lowest + 1);
	if (pty >= 0 && plan->sandbox.isolation.has_pids)
		plan->moves[pty].target = free_target(plan, lowest + 1);
}

/* Adds the image's move after the plan is copied into the image: the launcher does not
 * use that descriptor.  The launcher frees the record's number before a step opens a
 * file that the program keeps, so the file gets the same number as without a
 * launcher. */
static int add_descriptors(struct plan *plan)
{
	int lowest = free_target(plan, 3);
	int fd = make_record();

	if (fd < 0)
		return -1;
	plan->moves[plan->sync_move].target = free_target(plan, lowest + 1);
	plan->moves[plan->sync_move].is_launchers = true;
	add_known(plan, lowest);
	plan->record_move = nsh_plan_add_launchers(plan, fd, lowest);
	fd = make_image(plan);
	if (fd < 0)
		return -1;
	plan->image_move = nsh_plan_add_launchers(plan, fd, -1);
	return 0;
}

/* Lack of resources, and an unusual thread (ESTALE), are temporary: they do not
 * disable the launcher. */
void nsh_launcher_note_refusal(int error)
{
	switch (error) {
	case 0:
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ESTALE:
		break;
	default:
		nsh_kernel_refuse_launcher();
	}
}

int nsh_launcher_prepare(struct plan *plan)
{
	char label[LONGEST_LABEL + 2];
	int ret;

	if (!fits(plan) || read_label(label) < 0 || nsh_plan_add_sync(plan) < 0)
		return -1;
	plan->security_label = label[0] ? label : NULL;
	plan->launcher = BEFORE_LAUNCHER;
	ret = add_descriptors(plan);
	plan->security_label = NULL;
	if (ret < 0) {
		nsh_launcher_note_refusal(errno);
		plan->launcher = NO_LAUNCHER;
		nsh_plan_drop_launchers(plan);
		if (!plan->attributes.daemonize)
			nsh_plan_drop_sync(plan);
	}
	return ret;
}

int nsh_launcher_drop(struct plan *plan)
{
	plan->launcher = NO_LAUNCHER;
	nsh_plan_drop_sync(plan);
	return plan->attributes.daemonize ? nsh_plan_add_sync(plan) : 0;
}

bool nsh_launcher_collect(const struct plan *plan)
{
	struct failure_record record;

	if (!plan->record->entered)
		return true;
	if (read_record(plan->moves[plan->record_move].source, &record)) {
		*plan->record = record;
		return true;
	}
	plan->record->error = errno;
	plan->record->probing = PROBING_NOTHING;
	return false;
}
