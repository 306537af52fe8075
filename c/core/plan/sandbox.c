/* A command's sandbox as a Landlock ruleset, a seccomp filter, and a report of what they
 * enforce. */
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "calls.h"
#include "cgroup.h"
#include "command.h"
#include "guard.h"
#include "interpreters.h"

/* The plan of a sandbox while it is made. */
struct making {
	struct plan *plan;
	const struct sandbox *sandbox;
	const struct nsh_means *means;
	struct sandbox_report *report;
	struct nsh_failure *failure;
	int version;            /* of Landlock; 0: not available */
	struct wanted_rules wanted;
	size_t room;            /* of wanted.rules */
	uint64_t proc_rights;   /* that /proc has */
	struct strv paths;      /* the rules' paths that are made here */
};

/* ---- parts ------------------------------------------------------------------- */

enum nsh_stage nsh_part_stage(enum nsh_sandbox_part part)
{
	switch (part) {
	case NSH_PART_NETWORK:
	case NSH_PART_UNIX:
		return NSH_STAGE_SANDBOX_NETWORK;
	case NSH_PART_SYSCALLS:
		return NSH_STAGE_SANDBOX_SYSCALLS;
	case NSH_PART_MEMORY:
	case NSH_PART_PIDS:
	case NSH_PART_CPU:
	case NSH_PART_CGROUP:
		return NSH_STAGE_SANDBOX_CGROUP;
	case NSH_PART_PRIVATE:
		return NSH_STAGE_SANDBOX_PRIVATE;
	default:
		return NSH_STAGE_SANDBOX_FILES;
	}
}

static bool is_asked(const struct making *making, enum nsh_sandbox_part part)
{
	return making->report->asked >> part & 1;
}

static bool restricts(const struct sandbox *sandbox, enum nsh_sandbox_access access)
{
	return !sandbox->access[access].is_all;
}

/* How Unix sockets of others are restricted. */
enum unix_mode {
	UNIX_ALL,
	UNIX_SCOPED,            /* all but abstract ones */
	UNIX_PATHS,
	UNIX_NONE,
};

static enum unix_mode unix_mode(const struct sandbox *sandbox)
{
	const struct sandbox_paths *paths = &sandbox->access[NSH_SANDBOX_UNIX];

	if (!paths->is_set)
		return sandbox->network == SANDBOX_NETWORK ? UNIX_SCOPED : UNIX_NONE;
	if (paths->is_all)
		return UNIX_ALL;
	return paths->paths.count > 0 ? UNIX_PATHS : UNIX_NONE;
}

static unsigned asked_parts(const struct sandbox *sandbox)
{
	return (unsigned)restricts(sandbox, NSH_SANDBOX_READ) << NSH_PART_READ
		| (unsigned)restricts(sandbox, NSH_SANDBOX_EXEC) << NSH_PART_EXEC
		| (unsigned)restricts(sandbox, NSH_SANDBOX_WRITE) << NSH_PART_WRITE
		| 1U << NSH_PART_SIGNALS
		| (unsigned)(sandbox->network != SANDBOX_NETWORK) << NSH_PART_NETWORK
		| (unsigned)(unix_mode(sandbox) != UNIX_ALL) << NSH_PART_UNIX
		| (unsigned)sandbox->filters_calls << NSH_PART_SYSCALLS
		| (unsigned)(sandbox->memory > 0) << NSH_PART_MEMORY
		| (unsigned)(sandbox->pids > 0) << NSH_PART_PIDS
		| (unsigned)(sandbox->cpu > 0) << NSH_PART_CPU
		| (unsigned)(sandbox->cgroup != NULL) << NSH_PART_CGROUP
		| (unsigned)nsh_sandbox_is_private(sandbox) << NSH_PART_PRIVATE;
}

/* ---- the report --------------------------------------------------------------- */

/* Sets the means of a part: Landlock, a filter, or both. */
static void enforce(struct making *making, enum nsh_sandbox_part part, bool landlock,
		    bool filter)
{
	struct confinement *confinement = &making->plan->sandbox;
	char *text = making->report->parts[part].means;
	size_t size = sizeof making->report->parts[part].means;

	if (landlock)
		confinement->ruleset_parts |= 1U << part;
	if (filter)
		confinement->filter_parts |= 1U << part;
	if (landlock)
		(void)snprintf(text, size, "landlock %d%s", making->version,
			       filter ? ", seccomp" : "");
	else
		(void)snprintf(text, size, "seccomp");
}

static void lack(struct making *making, enum nsh_sandbox_part part, const char *reason)
{
	(void)snprintf(making->report->parts[part].reason,
		       sizeof making->report->parts[part].reason, "%s", reason);
}

static const char *landlock_reason(int error)
{
	switch (error) {
	case ENOSYS:
		return "this kernel has no Landlock (Linux 5.13, CONFIG_SECURITY_LANDLOCK)";
	case EOPNOTSUPP:
		return "Landlock is disabled: add landlock to the list lsm= of the kernel's "
			"command line";
	default:
		return "a seccomp filter of this process denies Landlock's system calls";
	}
}

static const char *seccomp_reason(int error)
{
	if (!nsh_calls_are_known())
		return "noshell was built without libseccomp";
	return error == EPERM || error == EACCES
		? "a seccomp filter of this process denies seccomp(2)"
		: "this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)";
}

/* Reports that a part needs a newer Landlock, which `what` says, or any at all. */
static void lack_landlock(struct making *making, enum nsh_sandbox_part part,
			  const char *what, int version, const char *release)
{
	char reason[192];

	if (making->version == 0) {
		lack(making, part, landlock_reason(-making->means->landlock));
		return;
	}
	(void)snprintf(reason, sizeof reason, "Landlock %s since Linux %s (version %d); this "
		       "kernel has version %d", what, release, version, making->version);
	lack(making, part, reason);
}

static void lack_seccomp(struct making *making, enum nsh_sandbox_part part)
{
	lack(making, part, seccomp_reason(-making->means->seccomp));
}

/* ---- deciding on the means ------------------------------------------------------- */

static void decide_files(struct making *making)
{
	static const enum nsh_sandbox_part parts[] = {
		NSH_PART_READ, NSH_PART_EXEC, NSH_PART_WRITE,
	};
	bool filters = making->means->seccomp == 0;

	for (int i = 0; i < 3; i++) {
		bool truncates = parts[i] == NSH_PART_WRITE
			&& making->version < NSH_LANDLOCK_TRUNCATE;

		if (!is_asked(making, parts[i]))
			continue;
		if (making->version >= 1 && (!truncates || filters))
			enforce(making, parts[i], true, truncates);
		else
			lack_landlock(making, parts[i],
				      "can forbid truncating files without a filter",
				      NSH_LANDLOCK_TRUNCATE, "6.2");
	}
}

static void decide_signals(struct making *making)
{
	if (making->version >= NSH_LANDLOCK_SCOPES)
		enforce(making, NSH_PART_SIGNALS, true, false);
	else
		lack_landlock(making, NSH_PART_SIGNALS, "can forbid signals",
			      NSH_LANDLOCK_SCOPES, "6.12");
}

static void decide_network(struct making *making)
{
	bool ports = making->sandbox->network == SANDBOX_PORTS;

	if (!is_asked(making, NSH_PART_NETWORK))
		return;
	if (making->means->seccomp < 0)
		lack_seccomp(making, NSH_PART_NETWORK);
	else if (ports && making->version < NSH_LANDLOCK_TCP)
		lack_landlock(making, NSH_PART_NETWORK, "can allow single ports",
			      NSH_LANDLOCK_TCP, "6.7");
	else
		enforce(making, NSH_PART_NETWORK, ports, true);
}

static void decide_unix(struct making *making)
{
	enum unix_mode mode = unix_mode(making->sandbox);

	if (mode == UNIX_NONE && making->means->seccomp == 0)
		enforce(making, NSH_PART_UNIX, false, true);
	else if (mode == UNIX_NONE)
		lack_seccomp(making, NSH_PART_UNIX);
	else if (mode == UNIX_PATHS && making->version < NSH_LANDLOCK_UNIX)
		lack_landlock(making, NSH_PART_UNIX, "can allow single Unix sockets",
			      NSH_LANDLOCK_UNIX, "7.1");
	else if (mode == UNIX_SCOPED && making->version < NSH_LANDLOCK_SCOPES)
		lack_landlock(making, NSH_PART_UNIX, "can forbid abstract Unix sockets",
			      NSH_LANDLOCK_SCOPES, "6.12");
	else if (mode != UNIX_ALL)
		enforce(making, NSH_PART_UNIX, true, false);
}

static void decide_calls(struct making *making)
{
	if (!is_asked(making, NSH_PART_SYSCALLS))
		return;
	if (making->means->seccomp == 0)
		enforce(making, NSH_PART_SYSCALLS, false, true);
	else
		lack_seccomp(making, NSH_PART_SYSCALLS);
}

/* Root must not be able to unmount what covers a path.  In a user namespace, the program
 * has no capabilities, and namespaces below cannot undo the mounts (MNT_LOCKED).
 * Otherwise Landlock denies it, or else the filter. */
static void decide_private(struct making *making)
{
	struct isolation *isolation = &making->plan->sandbox.isolation;

	if (!is_asked(making, NSH_PART_PRIVATE))
		return;
	isolation->in_user_space = !nsh_caps_can_mount();
	if ((!isolation->in_user_space || geteuid() == 0) && making->version == 0) {
		if (making->means->seccomp < 0) {
			lack_seccomp(making, NSH_PART_PRIVATE);
			return;
		}
		making->plan->sandbox.filter_parts |= 1U << NSH_PART_PRIVATE;
	}
	(void)snprintf(making->report->parts[NSH_PART_PRIVATE].means,
		       sizeof making->report->parts[NSH_PART_PRIVATE].means, "namespaces");
}

static bool is_required(const struct making *making, enum nsh_sandbox_part part)
{
	return is_asked(making, part) && making->sandbox->require >> part & 1;
}

/* Fails with the first of these parts that is required and cannot be enforced. */
static int check_required(struct making *making, unsigned parts)
{
	for (int part = 0; part < NSH_PARTS; part++) {
		if (!(parts >> part & 1)
		    || !is_required(making, (enum nsh_sandbox_part)part)
		    || making->report->parts[part].means[0])
			continue;
		nsh_fail(making->failure, nsh_part_stage((enum nsh_sandbox_part)part),
			 EOPNOTSUPP, nsh_part_name((enum nsh_sandbox_part)part));
		nsh_fail_reason(making->failure, "%s; require = \"best\" does without",
				making->report->parts[part].reason);
		return -1;
	}
	return 0;
}

/* Returns the stage of the first required one of these parts; NONE if none is. */
static enum nsh_stage stage_of(const struct making *making, unsigned parts)
{
	for (int part = 0; part < NSH_PARTS; part++)
		if (parts >> part & 1
		    && is_required(making, (enum nsh_sandbox_part)part))
			return nsh_part_stage((enum nsh_sandbox_part)part);
	return NSH_STAGE_NONE;
}

/* ---- rules -------------------------------------------------------------------------- */

enum {
	READING = NSH_FS_READ_FILE | NSH_FS_READ_DIR,
	/* Devices cannot be made in a directory that may be written to. */
	WRITING = NSH_FS_WRITE_FILE | NSH_FS_REMOVE_DIR | NSH_FS_REMOVE_FILE
		| NSH_FS_MAKE_DIR | NSH_FS_MAKE_REG | NSH_FS_MAKE_SOCK
		| NSH_FS_MAKE_FIFO | NSH_FS_MAKE_SYM | NSH_FS_REFER | NSH_FS_TRUNCATE,
	ALL_WRITING = WRITING | NSH_FS_MAKE_CHAR | NSH_FS_MAKE_BLOCK | NSH_FS_IOCTL_DEV,
	PROGRAM = NSH_FS_READ_FILE | NSH_FS_EXECUTE,
	DEVICE = NSH_FS_READ_FILE | NSH_FS_WRITE_FILE | NSH_FS_TRUNCATE,
};

static const uint64_t rights_of[NSH_SANDBOX_ACCESSES] = {
	[NSH_SANDBOX_READ] = READING,
	[NSH_SANDBOX_EXEC] = READING | NSH_FS_EXECUTE,
	[NSH_SANDBOX_WRITE] = READING | WRITING,
	[NSH_SANDBOX_UNIX] = NSH_FS_RESOLVE_UNIX,
};

/* Returns the rights that this version of Landlock knows. */
static uint64_t known_rights(int version)
{
	uint64_t rights = (NSH_FS_MAKE_SYM << 1) - 1;

	if (version >= NSH_LANDLOCK_REFER)
		rights |= NSH_FS_REFER;
	if (version >= NSH_LANDLOCK_TRUNCATE)
		rights |= NSH_FS_TRUNCATE;
	if (version >= NSH_LANDLOCK_IOCTL)
		rights |= NSH_FS_IOCTL_DEV;
	if (version >= NSH_LANDLOCK_UNIX)
		rights |= NSH_FS_RESOLVE_UNIX;
	return rights;
}

/* Each layer of Landlock denies REFER unless a rule allows it, also if the ruleset is about
 * other rights only.
 * Limit: version 1 always denies renaming and linking between directories. */
static struct nsh_ruleset_attr handled_by(const struct making *making)
{
	const struct sandbox *sandbox = making->sandbox;
	enum unix_mode mode = unix_mode(sandbox);
	uint64_t files = NSH_FS_REFER, net = 0, scoped = 0;

	if (is_asked(making, NSH_PART_READ))
		files |= READING;
	if (is_asked(making, NSH_PART_EXEC))
		files |= NSH_FS_EXECUTE;
	if (is_asked(making, NSH_PART_WRITE))
		files |= ALL_WRITING;
	if (mode == UNIX_PATHS || mode == UNIX_NONE)
		files |= NSH_FS_RESOLVE_UNIX;
	if (sandbox->network != SANDBOX_NETWORK && making->version >= NSH_LANDLOCK_TCP)
		net = NSH_NET_BIND_TCP | NSH_NET_CONNECT_TCP;
	if (net && making->version >= NSH_LANDLOCK_UDP)
		net |= NSH_NET_BIND_UDP | NSH_NET_CONNECT_SEND_UDP;
	if (making->version >= NSH_LANDLOCK_SCOPES)
		scoped = NSH_SCOPE_SIGNAL
			| (mode == UNIX_ALL ? 0 : NSH_SCOPE_ABSTRACT_UNIX);
	return (struct nsh_ruleset_attr){
		files & known_rights(making->version), net, scoped,
	};
}

static int fail_memory(const struct making *making)
{
	return nsh_fail(making->failure, NSH_STAGE_PLAN, ENOMEM, NULL);
}

/* STATX_MNT_ID_UNIQUE of statx(2), Linux 6.8. */
enum { UNIQUE_MOUNT = 0x4000 };

/* Adds the rights to the rule of the same file, or a new rule. */
static int add_rule(struct making *making, const struct rule *rule)
{
	struct wanted_rules *wanted = &making->wanted;

	for (size_t i = 0; i < wanted->count; i++) {
		struct rule *other = &wanted->rules[i];

		if (other->inode == rule->inode && other->device == rule->device
		    && other->mount == rule->mount) {
			other->rights |= rule->rights;
			return 0;
		}
	}
	if (wanted->count == making->room) {
		size_t room = 2 * making->room + 16;
		struct rule *rules = realloc(wanted->rules, room * sizeof *rules);

		if (!rules)
			return fail_memory(making);
		wanted->rules = rules;
		making->room = room;
	}
	wanted->rules[wanted->count++] = *rule;
	return 0;
}

/* Returns the rights that make sense for a file of this mode. */
static uint64_t fitting(uint64_t rights, unsigned mode)
{
	if (S_ISDIR(mode))
		return rights;
	/* The caller has named this very device. */
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && rights & NSH_FS_MAKE_REG)
		rights |= NSH_FS_IOCTL_DEV;
	return rights & NSH_FS_OF_FILES;
}

/* Allows rights to a path.  Returns 0, or an errno. */
static int allow(struct making *making, const char *path, uint64_t rights)
{
	struct rule rule = { .path = path };
	struct statx status;

	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC,
		  STATX_TYPE | STATX_INO | UNIQUE_MOUNT, &status) < 0)
		return errno;
	making->wanted.is_lasting &= (status.stx_mask & UNIQUE_MOUNT) != 0;
	rule.device = makedev(status.stx_dev_major, status.stx_dev_minor);
	rule.inode = status.stx_ino;
	rule.mount = status.stx_mnt_id;
	rule.rights = fitting(rights, status.stx_mode) & making->wanted.handled.fs;
	if (strcmp(path, "/proc") == 0)
		making->proc_rights |= rule.rights;
	if (!rule.rights)
		return 0;
	return add_rule(making, &rule) < 0 ? ENOMEM : 0;
}

static int allow_each(struct making *making, const char *const *paths, uint64_t rights)
{
	for (; *paths; paths++)
		if (allow(making, *paths, rights) == ENOMEM)
			return -1;
	return 0;
}

/* ---- the caller's paths --------------------------------------------------------------- */

/* Returns the path as the program would resolve it, owned by `making`; NULL if memory is
 * exhausted. */
static const char *in_directory(struct making *making, const char *path)
{
	const char *directory = making->plan->attributes.cwd;
	char *joined;

	if (*path == '/' || !directory)
		return path;
	if (asprintf(&joined, "%s/%s", directory, path) < 0)
		return NULL;
	if (nsh_strv_add_taken(&making->paths, joined) < 0)
		return NULL;
	return joined;
}

static int fail_path(struct making *making, enum nsh_sandbox_part part, int error,
		     const char *path)
{
	if (error == ENOMEM)
		return fail_memory(making);
	nsh_fail(making->failure, nsh_part_stage(part), error, path);
	if (error == ENOENT)
		nsh_fail_reason(making->failure, "no such file or directory; write { path, "
				"optional = true } if it may be missing");
	return -1;
}

static bool is_missing(int error)
{
	return error == ENOENT || error == ENOTDIR;
}

static const char *const readable[] = {
	"/etc", "/proc", "/sys", "/var/cache/fontconfig", NULL
};

/* Allows the default of an access. */
static int allow_system(struct making *making, enum nsh_sandbox_access access)
{
	uint64_t rights = rights_of[access];
	const char *path;

	if (access != NSH_SANDBOX_READ && access != NSH_SANDBOX_EXEC)
		return 0;
	for (size_t i = 0; (path = nsh_system_directory(i)); i++)
		if (*path && allow(making, path, rights) == ENOMEM)
			return fail_memory(making);
	if (access == NSH_SANDBOX_READ && allow_each(making, readable, rights) < 0)
		return fail_memory(making);
	/* Often a link to a file in /run. */
	if (access == NSH_SANDBOX_READ && making->sandbox->network != SANDBOX_NO_NETWORK
	    && allow(making, "/etc/resolv.conf", rights) == ENOMEM)
		return fail_memory(making);
	return 0;
}

static const enum nsh_sandbox_part part_of[NSH_SANDBOX_ACCESSES] = {
	[NSH_SANDBOX_READ] = NSH_PART_READ, [NSH_SANDBOX_EXEC] = NSH_PART_EXEC,
	[NSH_SANDBOX_WRITE] = NSH_PART_WRITE, [NSH_SANDBOX_UNIX] = NSH_PART_UNIX,
};

static int allow_path(struct making *making, enum nsh_sandbox_access access,
		      const char *given, bool is_optional)
{
	const char *path;
	int error;

	if (strcmp(given, "@system") == 0)
		return allow_system(making, access);
	path = in_directory(making, given);
	if (!path)
		return fail_memory(making);
	error = allow(making, path, rights_of[access]);
	if (!error || (is_optional && is_missing(error)))
		return 0;
	return fail_path(making, part_of[access], error, path);
}

static int allow_access(struct making *making, enum nsh_sandbox_access access)
{
	const struct sandbox_paths *paths = &making->sandbox->access[access];

	if (paths->is_all)
		return 0;
	if (!paths->is_set)
		return allow_system(making, access);
	for (size_t i = 0; i < paths->paths.count; i++)
		if (allow_path(making, access, paths->paths.items[i],
			       paths->optional[i]) < 0)
			return -1;
	return 0;
}

/* ---- the program, devices, ports ---------------------------------------------------------- */

/* Allows a candidate, the interpreters of #! lines, and the dynamic loader. */
static int allow_program(struct making *making, const char *candidate)
{
	const char *path = candidate;

	for (int i = 0; path && i < NSH_MOST_INTERPRETERS; i++) {
		char *interpreter;

		if (allow(making, path, PROGRAM) == ENOMEM)
			return fail_memory(making);
		interpreter = nsh_interpreter(path);
		if (!interpreter)
			return 0;
		if (nsh_strv_add_taken(&making->paths, interpreter) < 0)
			return fail_memory(making);
		path = in_directory(making, interpreter);
	}
	return path ? 0 : fail_memory(making);
}

static int allow_always(struct making *making)
{
	static const char *const devices[] = {
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
		NULL
	};
	static const char *const root[] = { "/", NULL };

	for (size_t i = 0; making->plan->candidates[i]; i++)
		if (allow_program(making, making->plan->candidates[i]) < 0)
			return -1;
	if (allow_each(making, devices, DEVICE) < 0
	    || (making->sandbox->access[NSH_SANDBOX_WRITE].is_all
		&& allow_each(making, root, NSH_FS_REFER) < 0))
		return fail_memory(making);
	return 0;
}

static size_t list_ports(struct nsh_port_attr *ret_ports, const struct sandbox_ports *ports,
			 uint64_t right)
{
	for (size_t i = 0; i < ports->count; i++)
		ret_ports[i] = (struct nsh_port_attr){ right, ports->ports[i] };
	return ports->count;
}

static int allow_ports(struct making *making)
{
	const struct sandbox *sandbox = making->sandbox;
	size_t count = sandbox->connect.count + sandbox->bind.count;
	struct nsh_port_attr *ports;

	if (sandbox->network != SANDBOX_PORTS || count == 0 || !making->wanted.handled.net)
		return 0;
	ports = calloc(count, sizeof *ports);
	if (!ports)
		return fail_memory(making);
	making->wanted.ports = ports;
	making->wanted.port_count = list_ports(ports, &sandbox->connect,
					       NSH_NET_CONNECT_TCP);
	making->wanted.port_count += list_ports(ports + sandbox->connect.count,
						&sandbox->bind, NSH_NET_BIND_TCP);
	return 0;
}

static int gather_rules(struct making *making)
{
	/* The child adds rules for new file systems. */
	making->wanted.is_lasting = !making->sandbox->tmp && !making->sandbox->pid;
	making->wanted.handled = handled_by(making);
	for (int access = 0; access < NSH_SANDBOX_ACCESSES; access++)
		if (allow_access(making, (enum nsh_sandbox_access)access) < 0)
			return -1;
	return allow_always(making) < 0 ? -1 : allow_ports(making);
}

/* ---- private parts -------------------------------------------------------------------------- */

static bool is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return strncmp(path, directory, length) == 0
		&& (path[length] == '/' || path[length] == 0);
}

/* Adds a path in the form for the child.  `real` is malloc'd and has no symbolic links.
 * Skips paths that the new /tmp covers. */
static int add_hidden(struct making *making, struct strv *hidden, const char *real)
{
	bool has_tmp = making->sandbox->tmp;
	struct stat status;
	char *text;

	if (has_tmp && (is_below(real, "/tmp") || is_below(real, "/var/tmp")))
		return 0;
	if (stat(real, &status) < 0)
		return errno;
	if (asprintf(&text, "%c%s", S_ISDIR(status.st_mode) ? 'd' : 'f', real) < 0)
		return ENOMEM;
	return nsh_strv_add_taken(hidden, text) < 0 ? ENOMEM : 0;
}

static int hide(struct making *making, struct strv *hidden, const char *given,
		bool is_optional)
{
	const char *path = in_directory(making, given);
	char *real = path ? realpath(path, NULL) : NULL;
	int error = real ? 0 : errno;

	if (!path)
		return fail_memory(making);
	if (real && strcmp(real, "/") == 0)
		error = EINVAL;
	if (!error)
		error = add_hidden(making, hidden, real);
	free(real);
	if (!error || (is_optional && is_missing(error)))
		return 0;
	return fail_path(making, NSH_PART_PRIVATE, error, path);
}

static int plan_hidden(struct making *making)
{
	const struct sandbox_paths *paths = &making->sandbox->hide;
	struct strv hidden = { NULL, 0, 0 };
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < paths->paths.count; i++)
		ret = hide(making, &hidden, paths->paths.items[i], paths->optional[i]);
	making->plan->sandbox.hidden = hidden.items;
	making->plan->sandbox.isolation.hidden = (const char *const *)hidden.items;
	return ret;
}

static int fail_private(struct making *making, const char *what, const char *why)
{
	char reason[NSH_LACK];

	(void)snprintf(reason, sizeof reason, "%s cannot be used with private.pid: %s", what,
		       why);
	return nsh_fail_code(making->failure, NSH_INVALID, reason);
}

/* The launcher becomes the parent of all processes in a new pid namespace. */
static int check_pids(struct making *making)
{
	const struct attributes *asked = &making->plan->attributes;

	if (!making->sandbox->pid)
		return 0;
	if (asked->hook || asked->require_handshake || making->plan->opens_fifo)
		return fail_private(making, asked->hook ? "set_pre_exec_hook"
				    : asked->require_handshake ? "require_handshake"
				    : "a stream that is directed to a FIFO",
				    "it needs a copy of this process");
	if (asked->process_group || asked->core_among)
		return fail_private(making, asked->process_group ? "set_process_group"
				    : "run_among", "that process is in another namespace");
	return 0;
}

/* A new mount may cover our working directory: the child enters it again. */
static int plan_directory(struct making *making)
{
	char *directory = getcwd(NULL, 0);

	if (!directory && errno == ENOMEM)
		return fail_memory(making);
	making->plan->sandbox.isolation.directory = directory ? directory : "/";
	if (directory)
		making->plan->kept[making->plan->kept_count++] = directory;
	return 0;
}

static int plan_isolation(struct making *making)
{
	const struct sandbox *sandbox = making->sandbox;
	struct isolation *isolation = &making->plan->sandbox.isolation;
	bool mounts = sandbox->tmp || sandbox->pid || sandbox->hide.paths.count > 0;

	if (!making->report->parts[NSH_PART_PRIVATE].means[0])
		return 0;
	if (check_pids(making) < 0 || plan_directory(making) < 0 || plan_hidden(making) < 0)
		return -1;
	isolation->has_tmp = sandbox->tmp;
	isolation->has_pids = sandbox->pid;
	isolation->spaces = (mounts ? CLONE_NEWNS : 0)
		| (sandbox->pid ? CLONE_NEWPID : 0)
		| (sandbox->private_network ? CLONE_NEWNET : 0)
		| (isolation->in_user_space ? CLONE_NEWUSER : 0);
	isolation->stage = stage_of(making, 1U << NSH_PART_PRIVATE);
	return 0;
}

/* Call after the rules are planned: computes the rights below the new file systems. */
static void plan_new_rights(struct making *making)
{
	struct isolation *isolation = &making->plan->sandbox.isolation;

	isolation->tmp_rights = rights_of[NSH_SANDBOX_WRITE] & making->wanted.handled.fs;
	isolation->proc_rights = making->proc_rights;
}

/* ---- ruleset and filter -------------------------------------------------------------------- */

static void add_ruleset(struct plan *plan, const struct ruleset *ruleset)
{
	struct confinement *confinement = &plan->sandbox;

	confinement->ruleset = *ruleset;
	confinement->ruleset_mark = ruleset->mark;
	confinement->ruleset_move = (int)plan->move_count;
	plan->moves[plan->move_count++] = (struct move){
		.source = ruleset->fd, .target = -1, .same_as = -1,
		.stage = NSH_STAGE_DESCRIPTORS,
	};
}

/* Drops the parts that depend on a means that has failed, or fails for a required one. */
static int do_without(struct making *making, unsigned parts, int error, const char *reason)
{
	enum nsh_stage stage = stage_of(making, parts);

	for (int part = 0; part < NSH_PARTS; part++)
		if (parts >> part & 1) {
			making->report->parts[part].means[0] = 0;
			lack(making, (enum nsh_sandbox_part)part, reason);
		}
	if (stage == NSH_STAGE_NONE)
		return 0;
	nsh_fail(making->failure, stage, error, NULL);
	nsh_fail_reason(making->failure, "%s", reason);
	return -1;
}

/* A path that cannot be opened is the caller's error; other failures are Landlock's. */
static int make_ruleset(struct making *making)
{
	struct confinement *confinement = &making->plan->sandbox;
	struct ruleset ruleset;
	const char *path;
	int error;

	if (gather_rules(making) < 0)
		return -1;
	plan_new_rights(making);
	if (making->version == 0)
		return 0;
	confinement->ruleset_stage = stage_of(making, confinement->ruleset_parts);
	if (nsh_ruleset_get(&making->wanted, making->means->may_create, &ruleset, &path) == 0) {
		add_ruleset(making->plan, &ruleset);
		return 0;
	}
	error = errno;
	if (error == ENOMEM)
		return fail_memory(making);
	if (path || error == EMFILE || error == ENFILE)
		return nsh_fail(making->failure, NSH_STAGE_SANDBOX_FILES, error,
				path ? path : "landlock_create_ruleset");
	return do_without(making, confinement->ruleset_parts, error,
			  landlock_reason(error));
}

static int make_filter(struct making *making)
{
	const struct sandbox *sandbox = making->sandbox;
	struct confinement *confinement = &making->plan->sandbox;
	struct guard guard = {
		.inet = sandbox->network == SANDBOX_NO_NETWORK,
		.all_but_tcp = sandbox->network == SANDBOX_PORTS,
		.listening = sandbox->network == SANDBOX_PORTS && sandbox->bind.count == 0,
		.unix_sockets = unix_mode(sandbox) == UNIX_NONE,
		.truncation = is_asked(making, NSH_PART_WRITE) && making->version > 0
			&& making->version < NSH_LANDLOCK_TRUNCATE,
		.mounts = making->plan->sandbox.isolation.spaces != 0,
		.calls = sandbox->filters_calls,
		.deny = &sandbox->deny, .allow = &sandbox->allow,
	};
	struct sock_filter *filter;
	int error;

	if (making->means->seccomp < 0 || !nsh_guard_is_needed(&guard))
		return 0;
	filter = nsh_guard_compile(&guard, &confinement->filter_length);
	error = errno;
	if (!filter)
		return do_without(making, confinement->filter_parts, error,
				  "libseccomp cannot compile the filter");
	making->plan->kept[making->plan->kept_count++] = filter;
	confinement->filter = filter;
	confinement->filter_stage = stage_of(making, confinement->filter_parts);
	return 0;
}

/* ---- cgroup ---------------------------------------------------------------------------------- */

enum { CGROUP_PARTS = 1 << NSH_PART_MEMORY | 1 << NSH_PART_PIDS | 1 << NSH_PART_CPU
	| 1 << NSH_PART_CGROUP };

/* Makes the cgroup the means of a part, if it has the part's controller. */
static void enforce_by_cgroup(struct making *making, enum nsh_sandbox_part part,
			      const char *place)
{
	bool has_controller = part != NSH_PART_CGROUP;
	char reason[NSH_LACK];

	if (!is_asked(making, part))
		return;
	if (has_controller && nsh_cgroup_enable(place, nsh_part_name(part), reason) < 0) {
		lack(making, part, reason);
		return;
	}
	making->plan->sandbox.cgroup_parts |= 1U << part;
	(void)snprintf(making->report->parts[part].means,
		       sizeof making->report->parts[part].means, "cgroup");
}

/* Marks the parts in the mask as not enforced by the cgroup. */
static void lack_cgroup(struct making *making, unsigned parts, const char *reason)
{
	for (int part = 0; part < NSH_PARTS; part++)
		if (parts >> part & 1) {
			making->report->parts[part].means[0] = 0;
			lack(making, (enum nsh_sandbox_part)part, reason);
		}
	making->plan->sandbox.cgroup_parts &= ~parts;
}

static void limit(struct making *making, enum nsh_sandbox_part part, const char *file,
		  const char *value)
{
	char reason[NSH_LACK];

	if (!(making->plan->sandbox.cgroup_parts >> part & 1)
	    || nsh_cgroup_write(making->plan->sandbox.cgroup, file, value) == 0)
		return;
	(void)snprintf(reason, sizeof reason, "writing '%s' to %s failed: %s", value, file,
		       nsh_errno_name(errno));
	lack_cgroup(making, 1U << part, reason);
}

/* Without memory.swap.max, the kernel does not account for swap.  memory.oom.group makes it
 * end all processes together. */
static void set_limits(struct making *making)
{
	const struct sandbox *sandbox = making->sandbox;
	const struct cgroup *cgroup = making->plan->sandbox.cgroup;
	char value[64];

	(void)snprintf(value, sizeof value, "%llu", (unsigned long long)sandbox->memory);
	limit(making, NSH_PART_MEMORY, "memory.max", value);
	if (sandbox->memory) {
		(void)nsh_cgroup_write(cgroup, "memory.swap.max", "0");
		(void)nsh_cgroup_write(cgroup, "memory.oom.group", "1");
	}
	(void)snprintf(value, sizeof value, "%u", sandbox->pids);
	limit(making, NSH_PART_PIDS, "pids.max", value);
	(void)snprintf(value, sizeof value, "%.0f 100000", sandbox->cpu * 100000);
	limit(making, NSH_PART_CPU, "cpu.max", value);
}

/* Cloning into the cgroup is preferred, because joining may take up to 100 ms.  The child
 * joins it if it cannot be cloned there: a hook needs fork(3). */
static int add_cgroup(struct making *making, const struct cgroup *cgroup)
{
	struct plan *plan = making->plan;
	int fd;

	plan->sandbox.cgroup_stage = stage_of(making, plan->sandbox.cgroup_parts);
	if (making->means->clones_into && !plan->attributes.hook) {
		plan->sandbox.into_cgroup = cgroup->fd;
		return 0;
	}
	fd = nsh_cgroup_open_procs(cgroup);
	if (fd < 0)
		return nsh_fail(making->failure, NSH_STAGE_SANDBOX_CGROUP, errno,
				"cgroup.procs");
	plan->child_ends[plan->child_end_count++] = fd;
	plan->sandbox.procs_move = (int)plan->move_count;
	plan->moves[plan->move_count++] = (struct move){
		.source = fd, .target = -1, .same_as = -1, .stage = NSH_STAGE_DESCRIPTORS,
	};
	return 0;
}

/* Called last: the cgroup is the only means that must be removed after a failure. */
static int make_cgroup(struct making *making)
{
	struct confinement *confinement = &making->plan->sandbox;
	char place[PATH_MAX], reason[NSH_LACK] = "";
	unsigned asked = making->report->asked & CGROUP_PARTS;

	if (!asked)
		return 0;
	if (nsh_cgroup_find(making->sandbox->cgroup, place, reason) < 0) {
		lack_cgroup(making, asked, reason);
		return check_required(making, asked);
	}
	for (int part = 0; part < NSH_PARTS; part++)
		if (asked >> part & 1)
			enforce_by_cgroup(making, (enum nsh_sandbox_part)part, place);
	if (check_required(making, asked) < 0)
		return -1;
	if (!confinement->cgroup_parts)
		return 0;
	confinement->cgroup = nsh_cgroup_new(place, reason);
	if (confinement->cgroup)
		set_limits(making);
	else
		lack_cgroup(making, confinement->cgroup_parts, reason);
	if (check_required(making, asked) < 0)
		return -1;
	return confinement->cgroup ? add_cgroup(making, confinement->cgroup) : 0;
}

static void decide(struct making *making)
{
	making->report->asked = asked_parts(making->sandbox);
	decide_files(making);
	decide_signals(making);
	decide_network(making);
	decide_unix(making);
	decide_calls(making);
	decide_private(making);
}

int nsh_sandbox_plan(struct plan *plan, const struct nsh_command *cmd,
		     const struct nsh_means *means, struct nsh_failure *failure)
{
	struct making making = {
		.plan = plan, .sandbox = cmd->sandbox, .means = means,
		.failure = failure, .report = calloc(1, sizeof *making.report),
		.version = means->landlock > 0 ? means->landlock : 0,
	};
	int ret = -1;

	plan->sandbox.report = making.report;
	if (!making.report)
		return fail_memory(&making);
	plan->attributes.no_new_privs = true;
	decide(&making);
	if (check_required(&making, ~(unsigned)CGROUP_PARTS) == 0
	    && plan_isolation(&making) == 0 && make_ruleset(&making) == 0
	    && make_filter(&making) == 0)
		ret = make_cgroup(&making);
	free(making.wanted.rules);
	free((void *)(uintptr_t)making.wanted.ports);
	nsh_strv_clear(&making.paths);
	return ret;
}
