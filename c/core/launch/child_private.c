/* The steps of the private parts of a sandbox: namespaces, and mounts in them. */
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "child_steps.h"
#include "landlock.h"

static const struct isolation *isolation_of(const struct plan *plan)
{
	return &plan->sandbox.isolation;
}

/* ---- the user namespace ------------------------------------------------------ */

static int write_file(const char *path, const char *text, size_t size)
{
	int fd = nsh_sys_open(path, O_WRONLY | O_CLOEXEC, 0);
	long ret;

	if (fd < 0)
		return fd;
	ret = nsh_sys_write(fd, text, size);
	nsh_sys_close(fd);
	return ret < 0 ? (int)ret : 0;
}

static size_t put_number(char *text, unsigned long number)
{
	char reversed[24];
	size_t count = 0, size = 0;

	do
		reversed[count++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (count > 0)
		text[size++] = reversed[--count];
	return size;
}

/* Maps one id to itself. */
static int map_id(const char *path, long id)
{
	char text[64];
	size_t size = put_number(text, (unsigned long)id);

	text[size++] = ' ';
	size += put_number(text + size, (unsigned long)id);
	text[size++] = ' ';
	text[size++] = '1';
	return write_file(path, text, size);
}

/* While a process is not dumpable, root owns its files in /proc.  So the launcher becomes
 * dumpable for a moment: it has no privileges outside its namespaces, and no secrets from
 * the host's user.  A copy of the host keeps the host's setting. */
static int map_ids(const struct plan *plan, long uid, long gid)
{
	bool opens = plan->launcher == IN_LAUNCHER;
	int ret;

	nsh_at(plan, NSH_STAGE_SANDBOX_PRIVATE, NSH_PRIVATE_USER);
	if (opens)
		nsh_sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	ret = write_file("/proc/self/setgroups", "deny", 4);
	if (ret == 0)
		ret = map_id("/proc/self/uid_map", uid);
	if (ret == 0)
		ret = map_id("/proc/self/gid_map", gid);
	if (opens)
		nsh_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return ret;
}

static int make_spaces(const struct plan *plan)
{
	const struct isolation *isolation = isolation_of(plan);
	long uid = nsh_sys(SYS_geteuid, 0, 0, 0, 0, 0);
	long gid = nsh_sys(SYS_getegid, 0, 0, 0, 0, 0);
	int ret = (int)nsh_sys(SYS_unshare, (long)isolation->spaces, 0, 0, 0, 0);

	return ret == 0 && isolation->in_user_space ? map_ids(plan, uid, gid) : ret;
}

/* ---- the pid namespace -------------------------------------------------------- */

enum { MOST_CLOSED = 1 << 16 };

/* Keeps only descriptor 0.
 * Limit: without close_range(2), descriptors above MOST_CLOSED stay open. */
static void keep_first(const struct plan *plan)
{
	if (!plan->no_close_range && nsh_sys_close_range(1, ~0U, 0) == 0)
		return;
	for (int fd = 1; fd < MOST_CLOSED; fd++)
		nsh_sys_close(fd);
}

/* Waits until the program, process 2, has ended.  It is a child of the host, so waitid(2)
 * fails here, and we poll a pidfd.  If a filter denies that, tests at intervals by
 * kill(2). */
static void await_program(const struct plan *plan)
{
	static const struct timespec pause = { 0, 10 * 1000 * 1000 };
	struct pollfd ends = { .events = POLLIN };
	long ret;

	ends.fd = isolation_of(plan)->looks ? -1 : nsh_sys_pidfd_open(2, 0);
	ret = ends.fd;
	while (ends.fd >= 0
	       && (ret = nsh_sys(SYS_ppoll, (long)&ends, 1, 0, 0, 0)) == -EINTR)
		;
	while (ret < 0 && nsh_sys(SYS_kill, 2, 0, 0, 0, 0) != -ESRCH)
		nsh_sys(SYS_nanosleep, (long)&pause, 0, 0, 0, 0);
}

/* Process 1.  The kernel makes it the parent of orphans, and kills all others when it
 * ends. */
static void run_init(const struct plan *plan, int ready)
{
	char byte;

	if (ready != 0)
		nsh_sys_dup3(ready, 0, 0);
	keep_first(plan);
	/* The end of file means that the program was not started. */
	if (nsh_sys_read(0, &byte, 1) == 1)
		await_program(plan);
	nsh_sys_exit(0);
}

/* Makes process 1, as a child of the host unless the program is a daemon, and sends its
 * pidfd.  *ret_ready: write a byte to it when process 2 exists. */
static int start_init(const struct plan *plan, int *ret_ready)
{
	static const struct nsh_action ignore = { .handler = SIG_IGN };
	struct nsh_action before = { .flags = 0 };
	int ends[2], pidfd = -1, ret;
	long pid;

	ret = (int)nsh_sys(SYS_pipe2, (long)ends, O_CLOEXEC, 0, 0, 0);
	if (ret < 0)
		return ret;
	/* Ignoring SIGCHLD reaps the orphans.  Process 1 inherits this, because the first
	 * orphan may end before process 1 has run. */
	nsh_sys(SYS_rt_sigaction, SIGCHLD, (long)&ignore, (long)&before, NSH_KERNEL_SIGSET, 0);
	pid = nsh_sys(SYS_clone, NSH_CLONE_PIDFD
		      | (plan->attributes.daemonize ? SIGCHLD : CLONE_PARENT), 0,
		      (long)&pidfd, 0, 0);
	if (pid == 0) {
		nsh_sys_close(ends[1]);
		run_init(plan, ends[0]);
	}
	nsh_sys(SYS_rt_sigaction, SIGCHLD, (long)&before, 0, NSH_KERNEL_SIGSET, 0);
	nsh_sys_close(ends[0]);
	*ret_ready = ends[1];
	if (pid < 0)
		return (int)pid;
	ret = plan->attributes.daemonize ? 0
		: nsh_send_fd(plan->moves[plan->sync_move].source, pidfd);
	nsh_sys_close(pidfd);
	return ret;
}

/* The parent's part: hands the program over to the host, and ends. */
static int hand_over(const struct plan *plan, long pid, int pidfd, int ready)
{
	int ret;

	plan->record->pid = (int)pid;
	nsh_sys_write(ready, "2", 1);
	ret = nsh_send_fd(plan->moves[plan->sync_move].source, pidfd);
	if (ret == 0)
		nsh_sys_exit(0);
	nsh_sys(SYS_kill, pid, SIGKILL, 0, 0, 0);
	return ret;
}

/* The program is process 2: process 1 gets only signals that it handles
 * (pid_namespaces(7)).  CLONE_PARENT makes it a child of the host, which so reads its
 * status and signals it directly. */
static int start_program(const struct plan *plan)
{
	bool is_daemon = plan->attributes.daemonize;
	int ready = -1, pidfd = -1, ret;
	long pid;

	nsh_at(plan, NSH_STAGE_SANDBOX_PRIVATE, NSH_PRIVATE_INIT);
	if (!plan->launcher)
		return -isolation_of(plan)->no_launcher;
	ret = start_init(plan, &ready);
	if (ret < 0)
		return ret;
	pid = nsh_sys(SYS_clone, NSH_CLONE_PIDFD | (is_daemon ? SIGCHLD : CLONE_PARENT), 0,
		      (long)&pidfd, 0, 0);
	if (pid > 0)
		return hand_over(plan, pid, pidfd, ready);
	nsh_sys_close(ready);
	return (int)pid;
}

/* Makes the program's session and takes its terminal: the cloned process skipped both. */
static int lead_session(const struct plan *plan)
{
	long ret;

	if (plan->attributes.daemonize
	    || (!plan->attributes.new_session && plan->pty_move < 0))
		return 0;
	nsh_at(plan, NSH_STAGE_SESSION, 0);
	ret = nsh_sys(SYS_setsid, 0, 0, 0, 0, 0);
	if (ret < 0 || plan->pty_move < 0)
		return ret < 0 ? (int)ret : 0;
	nsh_at(plan, NSH_STAGE_PTY, 0);
	ret = nsh_sys_ioctl(plan->moves[plan->pty_move].target, TIOCSCTTY, 0);
	nsh_sys_close(plan->moves[plan->pty_move].target);
	return (int)ret;
}

int nsh_step_enter_namespaces(const struct plan *plan)
{
	int ret;

	if (!isolation_of(plan)->spaces)
		return 0;
	ret = make_spaces(plan);
	if (ret == 0 && isolation_of(plan)->has_pids) {
		ret = start_program(plan);
		if (ret == 0)
			ret = lead_session(plan);
	}
	return ret;
}

/* ---- file systems ----------------------------------------------------------------- */

static int mount_at(const char *source, const char *target, const char *type,
		    unsigned long flags, const char *options)
{
	return (int)nsh_sys(SYS_mount, (long)source, (long)target, (long)type, (long)flags,
			    (long)options);
}

/* Allows the rights below a new file system.  The parent could not add this rule. */
static int allow(const struct plan *plan, const char *path, uint64_t rights)
{
	const struct confinement *sandbox = &plan->sandbox;
	int move = sandbox->ruleset_move, ret;
	struct nsh_path_attr attr = { .allowed = rights };

	if (move < 0 || !rights)
		return 0;
	attr.fd = nsh_sys_open(path, O_PATH | O_CLOEXEC, 0);
	if (attr.fd < 0)
		return attr.fd;
	ret = nsh_landlock_add(plan->launcher ? plan->moves[move].target
			       : plan->staged[move], NSH_RULE_PATH, &attr);
	nsh_sys_close(attr.fd);
	return ret;
}

static int mount_tmp(const struct plan *plan, const char *path)
{
	int ret = mount_at("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");

	return ret == 0 ? allow(plan, path, isolation_of(plan)->tmp_rights) : ret;
}

static int mount_all_tmp(const struct plan *plan)
{
	int ret;

	nsh_at(plan, NSH_STAGE_SANDBOX_PRIVATE, NSH_PRIVATE_TMP);
	ret = mount_tmp(plan, "/tmp");
	if (ret == 0)
		ret = mount_tmp(plan, "/var/tmp");
	return ret == -ENOENT ? 0 : ret;
}

static int mount_proc(const struct plan *plan)
{
	int ret;

	nsh_at(plan, NSH_STAGE_SANDBOX_PRIVATE, NSH_PRIVATE_PROC);
	ret = mount_at("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	return ret == 0 ? allow(plan, "/proc", isolation_of(plan)->proc_rights) : ret;
}

/* The letter is the path's kind: see struct isolation. */
static int hide(const char *letter_and_path)
{
	const char *path = letter_and_path + 1;

	if (*letter_and_path == 'd')
		return mount_at("tmpfs", path, "tmpfs",
				MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "mode=755");
	return mount_at("/dev/null", path, NULL, MS_BIND, NULL);
}

static int hide_all(const struct plan *plan)
{
	const char *const *hidden = isolation_of(plan)->hidden;
	int ret = 0;

	for (size_t i = 0; hidden && hidden[i] && ret == 0; i++) {
		nsh_at(plan, NSH_STAGE_SANDBOX_PRIVATE, NSH_PRIVATE_HIDE + i);
		ret = hide(hidden[i]);
	}
	return ret;
}

/* Makes our mounts invisible in the host's namespace.  Mounts of the host still appear
 * here. */
static int mount_all(const struct plan *plan)
{
	int ret = mount_at(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);

	if (ret == 0 && isolation_of(plan)->has_tmp)
		ret = mount_all_tmp(plan);
	if (ret == 0 && isolation_of(plan)->has_pids)
		ret = mount_proc(plan);
	return ret == 0 ? hide_all(plan) : ret;
}

/* Enters the path again: a new mount may cover our inherited working directory. */
static void enter_again(const char *directory)
{
	if (nsh_sys(SYS_chdir, (long)directory, 0, 0, 0, 0) < 0)
		nsh_sys(SYS_chdir, (long)"/", 0, 0, 0, 0);
}

static int raise_loopback(const struct plan *plan)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd, ret;

	nsh_at(plan, NSH_STAGE_SANDBOX_PRIVATE, NSH_PRIVATE_NETWORK);
	fd = (int)nsh_sys(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return fd;
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	ret = nsh_sys_ioctl(fd, SIOCSIFFLAGS, (long)&request);
	nsh_sys_close(fd);
	return ret;
}

int nsh_step_isolate(const struct plan *plan)
{
	unsigned spaces = isolation_of(plan)->spaces;
	int ret = 0;

	if (spaces & CLONE_NEWNS) {
		ret = mount_all(plan);
		if (ret == 0)
			enter_again(isolation_of(plan)->directory);
	}
	return ret == 0 && spaces & CLONE_NEWNET ? raise_loopback(plan) : ret;
}
