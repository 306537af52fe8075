#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "proc.h"
#include "sys.h"

/* A process that was just sent SIGSTOP may still be forking, so the search is
 * repeated, 1 ms apart, until all are seen stopped.  A process in an
 * uninterruptible sleep does not fork and stops when the sleep ends: it gets only
 * a few repetitions.  One that waits for a processor gets more. */
enum { LOOKS = 8, LOOK_NANOSECONDS = 1000000 };
static const double longest_search = 0.5;

/* The maximum number of members with a pidfd.  When one of these ends, another member
 * gets a pidfd.  The tree has ended when all have, so no end is missed. */
enum { MOST_HELD = 32 };

/* One operation on a tree.  Its functions return 0, or -1 with errno if it
 * cannot go on in this descriptor table: EMFILE or ENFILE. */
struct sweep {
	struct tree *tree;
	int proc;
	pid_t root, group;
	int signal;
	int (*act)(struct sweep *sweep);
	bool elsewhere;         /* in another descriptor table, without our pidfds */
	bool is_done;
	bool lists;             /* the kernel lists children */
	bool found;             /* this look found a new member */
	bool running;           /* this look saw a process that may fork */
	bool asleep;            /* ... or one in an uninterruptible sleep */
	int ret, errnum;
};

static void note_lack(struct tree *tree, enum tree_lack lack, int errnum)
{
	if (tree->lack)
		return;
	tree->lack = lack;
	tree->lack_errnum = errnum;
}

/* Returns -1 if descriptors have run out.  Any other error means that the process
 * has gone or is hidden. */
static int answer_to(int errnum)
{
	errno = errnum;
	return errnum == EMFILE || errnum == ENFILE ? -1 : 0;
}

/* ---- the list ----------------------------------------------------------- */

static bool is_member(const struct tree *tree, pid_t pid)
{
	for (size_t i = 0; i < tree->count; i++)
		if (tree->members[i].pid == pid)
			return true;
	return false;
}

/* Called before a process is stopped: a process that could not be recorded would stay
 * stopped. */
static int reserve(struct tree *tree)
{
	size_t capacity = tree->capacity ? tree->capacity * 2 : 16;
	struct member *members;

	if (tree->count < tree->capacity)
		return 0;
	members = realloc(tree->members, capacity * sizeof *members);
	if (!members)
		return -1;
	tree->members = members;
	tree->capacity = capacity;
	return 0;
}

static void append(struct tree *tree, pid_t pid, unsigned long long start,
		   bool is_denied)
{
	tree->members[tree->count++] = (struct member){
		.pid = pid, .start = start, .pidfd = -1,
		.is_denied = is_denied, .is_stopped = !is_denied,
	};
}

/* Removes a member; the held ones remain the first ones. */
static void take_out(struct tree *tree, size_t index)
{
	nsh_close(&tree->members[index].pidfd);
	if (index < tree->held) {
		tree->members[index] = tree->members[--tree->held];
		index = tree->held;
	}
	tree->members[index] = tree->members[--tree->count];
}

void nsh_tree_drop(struct tree *tree, size_t index)
{
	take_out(tree, index);
}

/* ---- one process -------------------------------------------------------- */

static bool is_gone(const struct proc_stat *stat)
{
	return stat->state == 'Z' || stat->state == 'X';
}

/* Notes a process that exists but that /proc hides: with hidepid, /proc hides one that
 * has changed its user. */
static void note_hidden(struct sweep *sweep, int pidfd)
{
	if (nsh_sys_pidfd_send_signal(pidfd, 0, 0) != -ESRCH)
		note_lack(sweep->tree, TREE_LACKS_SIGHT, 0);
}

/* Opens a pidfd of the member; *ret_pidfd is -1 if it has gone.  Its number may name
 * another process, so the start time is compared after opening: the pidfd keeps
 * the number from being reused. */
static int open_member(struct sweep *sweep, const struct member *member,
		       int *ret_pidfd)
{
	struct proc_stat stat;
	int pidfd = nsh_sys_pidfd_open(member->pid, 0);
	int ret;

	*ret_pidfd = -1;
	if (pidfd < 0)
		return answer_to(-pidfd);
	ret = nsh_proc_stat(sweep->proc, member->pid, 0, &stat);
	if (ret == 0 && stat.start == member->start && !is_gone(&stat)) {
		*ret_pidfd = pidfd;
		return 0;
	}
	if (ret < 0) {
		ret = answer_to(errno);
		if (ret == 0)
			note_hidden(sweep, pidfd);
	}
	nsh_close(&pidfd);
	return ret;
}

static int signal_member(struct sweep *sweep, struct member *member, int signal)
{
	int pidfd = sweep->elsewhere ? -1 : member->pidfd;
	bool is_held = pidfd >= 0;
	int ret;

	if (!is_held && open_member(sweep, member, &pidfd) < 0)
		return -1;
	if (pidfd < 0)
		return 0;
	ret = nsh_sys_pidfd_send_signal(pidfd, signal, 0);
	/* SIGCONT may always be sent within the session, so its success does
	 * not show permission. */
	if (signal != SIGCONT)
		member->is_denied = ret == -EPERM;
	member->is_stopped = ret == 0 && signal != SIGCONT
		&& (member->is_stopped || signal == SIGSTOP);
	if (!is_held)
		nsh_close(&pidfd);
	return 0;
}

/* ---- finding ------------------------------------------------------------ */

/* Stops a process and makes it a member.  The caller has opened the pidfd first, and
 * then read the process's parent and group.  If the pidfd accepts the signal, the
 * process is not reaped, so its number was not reused in between, and what was read is
 * its own. */
static void stop(struct sweep *sweep, pid_t pid, int pidfd,
		 const struct proc_stat *stat)
{
	int ret = nsh_sys_pidfd_send_signal(pidfd, SIGSTOP, 0);

	if (ret < 0 && ret != -EPERM)
		return;
	append(sweep->tree, pid, stat->start, ret < 0);
	sweep->found = true;
	sweep->running = true;
}

/* Adds a process if it is still a child of `parent`, or in `group`. */
static int add(struct sweep *sweep, pid_t pid, pid_t parent, pid_t group)
{
	struct proc_stat stat;
	int pidfd, ret;

	if (is_member(sweep->tree, pid))
		return 0;
	if (reserve(sweep->tree) < 0) {
		note_lack(sweep->tree, TREE_LACKS_MEMORY, ENOMEM);
		return 0;
	}
	pidfd = nsh_sys_pidfd_open(pid, 0);
	if (pidfd < 0)
		return answer_to(-pidfd);
	ret = nsh_proc_stat(sweep->proc, pid, 0, &stat);
	if (ret < 0) {
		ret = answer_to(errno);
		if (ret == 0)
			note_hidden(sweep, pidfd);
	} else if (!is_gone(&stat) && ((parent && stat.parent == parent)
				       || (group && stat.group == group))) {
		stop(sweep, pid, pidfd, &stat);
	}
	nsh_close(&pidfd);
	return ret;
}

static int add_listed(struct sweep *sweep, pid_t pid, pid_t thread)
{
	int fd = nsh_proc_open_children(sweep->proc, pid, thread);
	struct numbers children;
	int ret = 1;
	pid_t child;

	if (fd < 0)
		return answer_to(errno);
	nsh_numbers_init(&children, fd, false);
	while (ret > 0 && nsh_numbers_next(&children, &child) > 0)
		ret = add(sweep, child, pid, 0) < 0 ? -1 : 1;
	nsh_close(&fd);
	return ret < 0 ? -1 : 0;
}

static void note_state(struct sweep *sweep, const struct proc_stat *stat)
{
	if (stat->state == 'D')
		sweep->asleep = true;
	else if (!strchr("TtZX", stat->state))
		sweep->running = true;
}

/* Looks at each thread: one may still run, and fork, when the main thread has
 * stopped. */
static int add_of_thread(struct sweep *sweep, pid_t pid, pid_t thread)
{
	struct proc_stat stat;

	if (thread != pid) {
		if (nsh_proc_stat(sweep->proc, pid, thread, &stat) == 0)
			note_state(sweep, &stat);
		else if (answer_to(errno) < 0)
			return -1;
	}
	return sweep->lists ? add_listed(sweep, pid, thread) : 0;
}

static int add_children(struct sweep *sweep, pid_t pid)
{
	int fd = nsh_proc_open_tasks(sweep->proc, pid);
	struct numbers threads;
	int ret = 1;
	pid_t thread;

	if (fd < 0)
		return answer_to(errno);
	nsh_numbers_init(&threads, fd, true);
	while (ret > 0 && nsh_numbers_next(&threads, &thread) > 0)
		ret = add_of_thread(sweep, pid, thread) < 0 ? -1 : 1;
	nsh_close(&fd);
	return ret < 0 ? -1 : 0;
}

/* Searches all of /proc: for groups, and on kernels without lists of children. */
static int add_scanned(struct sweep *sweep)
{
	struct numbers all;
	struct proc_stat stat;
	int ret = 1;
	pid_t pid;

	(void)lseek(sweep->proc, 0, SEEK_SET);
	nsh_numbers_init(&all, sweep->proc, true);
	while (ret > 0 && nsh_numbers_next(&all, &pid) > 0) {
		if (pid == sweep->root)
			continue;
		if (nsh_proc_stat(sweep->proc, pid, 0, &stat) < 0)
			ret = answer_to(errno) < 0 ? -1 : 1;
		else if ((sweep->root && stat.parent == sweep->root)
			 || is_member(sweep->tree, stat.parent))
			ret = add(sweep, pid, stat.parent, 0) < 0 ? -1 : 1;
		else if (sweep->group && stat.group == sweep->group)
			ret = add(sweep, pid, 0, sweep->group) < 0 ? -1 : 1;
	}
	return ret < 0 ? -1 : 0;
}

/* ---- one search of the tree ----------------------------------------------- */

/* Looks at a member and below it.  *ret_is_gone: it must be dropped, before its
 * number names another process. */
static int look_at_member(struct sweep *sweep, size_t index, bool *ret_is_gone)
{
	const struct member *member = &sweep->tree->members[index];
	struct proc_stat stat;

	*ret_is_gone = false;
	if (nsh_proc_stat(sweep->proc, member->pid, 0, &stat) < 0) {
		*ret_is_gone = true;
		return answer_to(errno);
	}
	*ret_is_gone = stat.start != member->start || is_gone(&stat);
	if (*ret_is_gone)
		return 0;
	if (!member->is_denied)
		note_state(sweep, &stat);
	return add_children(sweep, member->pid);
}

static int look_at_root(struct sweep *sweep)
{
	struct proc_stat stat;

	if (!sweep->root)
		return 0;
	if (nsh_proc_stat(sweep->proc, sweep->root, 0, &stat) < 0)
		return answer_to(errno);
	note_state(sweep, &stat);
	return add_children(sweep, sweep->root);
}

/* Searches once.  Held members keep their places until the caller drops them. */
static int look(struct sweep *sweep)
{
	struct tree *tree = sweep->tree;

	sweep->found = sweep->running = sweep->asleep = false;
	if (look_at_root(sweep) < 0)
		return -1;
	for (size_t i = 0; i < tree->count; i++) {
		bool has_gone;

		if (look_at_member(sweep, i, &has_gone) < 0)
			return -1;
		if (has_gone && i >= tree->held)
			take_out(tree, i--);
	}
	return !sweep->lists || sweep->group ? add_scanned(sweep) : 0;
}

/* Searches until the tree is complete: all were seen stopped before their children
 * were listed, and no new child was found. */
static int collect(struct sweep *sweep)
{
	static const struct timespec pause = { 0, LOOK_NANOSECONDS };
	double until = nsh_now() + longest_search;

	for (int i = 0; i < LOOKS || nsh_now() < until; i++) {
		if (look(sweep) < 0)
			return -1;
		if (!sweep->found && !sweep->running && (!sweep->asleep || i >= LOOKS))
			return 0;
		if (sweep->running || sweep->asleep)
			(void)nanosleep(&pause, NULL);
	}
	note_lack(sweep->tree, TREE_LACKS_TIME, 0);
	return 0;
}

/* ---- operations --------------------------------------------------------- */

static int for_all(struct sweep *sweep, int signal)
{
	struct tree *tree = sweep->tree;

	for (size_t i = 0; i < tree->count; i++)
		if (signal_member(sweep, &tree->members[i], signal) < 0)
			return -1;
	return 0;
}

bool nsh_signal_stops(int signal)
{
	return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static int stop_find_signal(struct sweep *sweep)
{
	int signal = sweep->signal;
	int first = nsh_signal_stops(signal) ? SIGCONT : signal;
	int second = nsh_signal_stops(signal) ? signal : SIGCONT;

	if (for_all(sweep, SIGSTOP) < 0 || collect(sweep) < 0)
		return -1;
	if (signal != SIGSTOP && (for_all(sweep, first) < 0 || for_all(sweep, second) < 0))
		return -1;
	sweep->is_done = true;
	return 0;
}

static int drop_gone(struct sweep *sweep)
{
	struct tree *tree = sweep->tree;

	for (size_t i = tree->count; i-- > tree->held;) {
		int pidfd;

		if (open_member(sweep, &tree->members[i], &pidfd) < 0)
			return -1;
		if (pidfd < 0)
			take_out(tree, i);
		nsh_close(&pidfd);
	}
	return 0;
}

static int hold_some(struct sweep *sweep)
{
	struct tree *tree = sweep->tree;

	while (tree->held < tree->count && tree->held < MOST_HELD) {
		struct member *next = &tree->members[tree->held];
		int pidfd;

		if (open_member(sweep, next, &pidfd) < 0)
			return -1;
		if (pidfd < 0) {
			take_out(tree, tree->held);
			continue;
		}
		next->pidfd = nsh_fd_raise(pidfd);
		if (next->pidfd < 0)
			return -1;
		tree->held++;
	}
	return 0;
}

/* Performs the operation with /proc open.  Returns 0, or -1 with errno if it cannot
 * go on in this descriptor table.  Records any other failure in tree->lack. */
static int perform(struct sweep *sweep)
{
	struct tree *tree = sweep->tree;
	int ret;

	sweep->proc = nsh_proc_open();
	if (sweep->proc < 0) {
		if (answer_to(errno) == 0)
			note_lack(tree, errno == EXDEV ? TREE_LACKS_OWN_PROC
				  : TREE_LACKS_PROC, errno);
		return answer_to(errno);
	}
	sweep->lists = nsh_proc_lists_children(sweep->proc);
	ret = sweep->act(sweep);
	nsh_close(&sweep->proc);
	return ret;
}

static void perform_elsewhere(void *argument)
{
	struct sweep *sweep = argument;

	sweep->elsewhere = true;
	sweep->ret = perform(sweep);
	sweep->errnum = errno;
}

/* The same, but continues in a thread with its own table if descriptors run out. */
static int perform_somehow(struct sweep *sweep)
{
	if (perform(sweep) == 0)
		return 0;
	sweep->ret = -1;
	sweep->errnum = errno;
	(void)nsh_fd_elsewhere(perform_elsewhere, sweep, sweep->tree->tables);
	if (sweep->ret < 0)
		note_lack(sweep->tree, TREE_LACKS_DESCRIPTORS, sweep->errnum);
	return sweep->ret;
}

/* Signals members without opening descriptors or reading /proc.  kill(2) is safe for
 * those that this operation has stopped: they cannot have ended, except by SIGKILL, so
 * their numbers still name them. */
static void signal_the_rest(const struct tree *tree, int signal)
{
	for (size_t i = 0; i < tree->count; i++) {
		const struct member *member = &tree->members[i];

		if (member->pidfd >= 0) {
			(void)nsh_sys_pidfd_send_signal(member->pidfd, signal, 0);
			if (signal != SIGSTOP)
				(void)nsh_sys_pidfd_send_signal(member->pidfd, SIGCONT, 0);
		} else if (member->is_stopped) {
			(void)kill(member->pid, signal);
			if (signal != SIGSTOP)
				(void)kill(member->pid, SIGCONT);
		}
	}
}

void nsh_tree_signal(struct tree *tree, pid_t root, int root_pidfd, pid_t group,
		     int signal)
{
	struct sweep sweep = {
		.tree = tree, .root = root, .group = group, .signal = signal,
		.act = stop_find_signal,
	};

	if (root_pidfd >= 0)
		(void)nsh_sys_pidfd_send_signal(root_pidfd, SIGSTOP, 0);
	(void)perform_somehow(&sweep);
	if (!sweep.is_done)
		signal_the_rest(tree, signal);
}

void nsh_tree_hold(struct tree *tree)
{
	struct sweep sweep = { .tree = tree, .act = hold_some };

	if (tree->held < tree->count && tree->held <= MOST_HELD / 2)
		(void)perform(&sweep);
}

void nsh_tree_drop_gone(struct tree *tree)
{
	struct sweep sweep = { .tree = tree, .act = drop_gone };

	if (tree->count > 0 && tree->held == 0)
		(void)perform_somehow(&sweep);
}

bool nsh_tree_is_alive(const struct tree *tree, size_t index)
{
	return nsh_poll(tree->members[index].pidfd, NSH_READABLE, 0) == 0;
}

void nsh_tree_free(struct tree *tree)
{
	for (size_t i = 0; i < tree->held; i++)
		nsh_close(&tree->members[i].pidfd);
	free(tree->members);
	*tree = (struct tree){ .members = NULL };
}
