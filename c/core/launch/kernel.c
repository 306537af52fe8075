#include "kernel.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "calls.h"
#include "fd.h"
#include "filter.h"
#include "fork_lock.h"
#include "launch_block.h"
#include "signals.h"
#include "sys.h"
#include "thread.h"

/* ---- the survey -------------------------------------------------------- */

/* The remembered answers, and the number of seccomp filters that the asking
 * thread had. */
static struct {
	struct fork_lock lock;
	bool is_known;
	int filters;
	long answers[NSH_QUESTIONS];
} known = { .lock = NSH_FORK_LOCK_INIT };

static atomic_int best_table = TABLE_FETCH;
static atomic_bool close_range_kills, refuses_launcher, refuses_clearing,
	refuses_quiet_writes;
/* -1: unknown. */
static atomic_int keeps_status = -1, reads_ignored = -1;

/* After a fork of the host the answers still hold: the child has the same
 * filters. */
static void keep_answers(void)
{
}

static void lock(void)
{
	nsh_fork_lock(&known.lock, keep_answers);
}

static void unlock(void)
{
	nsh_fork_unlock(&known.lock);
}

/* Starts a child that asks.  Returns its pid, or minus an errno.  It shares our
 * descriptor table if possible: a copy would hold files that another thread is
 * writing, which then cannot be executed (ETXTBSY).  CLONE_VFORK keeps us from
 * running on before it ends. */
static long start_asking(struct survey *survey, int *ret_pidfd)
{
	uint64_t flags = CLONE_VFORK | NSH_CLONE_PIDFD;
	uint64_t mask;
	long pid;

	if (!nsh_spreads_core_dumps())
		flags |= CLONE_VM;
	if (survey->shares_table)
		flags |= CLONE_FILES;
	if (nsh_signals_block(&mask) < 0)
		return -errno;
	pid = nsh_sys_clone(flags, nsh_launch_block_stack(survey), ret_pidfd,
			    nsh_ask_all, survey);
	if (pid == -EMFILE || pid == -ENFILE)
		pid = nsh_sys_clone(flags & ~(uint64_t)NSH_CLONE_PIDFD,
				    nsh_launch_block_stack(survey), NULL, nsh_ask_all,
				    survey);
	nsh_signals_restore(mask);
	return pid;
}

static void reap(long pid)
{
	siginfo_t info;
	int ret;

	do
		ret = nsh_sys_waitid(P_PID, (int)pid, &info, WEXITED | __WALL, NULL);
	while (ret == -EINTR);
}

/* Starts children until every question has an answer: one that is killed has
 * answered its question.  False if no child can be started. */
static bool ask_in_children(struct survey *survey, int *ret_pidfd)
{
	while (survey->next < survey->end) {
		long pid;

		nsh_close(ret_pidfd);
		pid = start_asking(survey, ret_pidfd);
		if (pid > 0)
			reap(pid);
		else if (!survey->shares_table)
			return false;
		/* A sandbox may refuse to share the table. */
		if (pid < 0 || (survey->next > NSH_ASK_CUT
				&& survey->answers[NSH_ASK_CUT] < 0))
			survey->shares_table = false;
	}
	return true;
}

/* Number of tries, 1 ms apart, to read the status of a reaped process.  The kernel
 * stores it when it releases the process, a moment after wait(2) has returned. */
enum { RELEASE_LOOKS = 200 };

/* ioctl_pidfd(2): Linux 6.13 has PIDFD_GET_INFO, 6.15 adds the exit status. */
struct pidfd_info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};

#define NSH_PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)
#define NSH_PIDFD_INFO_EXIT ((uint64_t)1 << 3)

/* Returns 1 with *ret_status, 0 if the status is not stored yet, or -1 if this kernel
 * does not report it. */
static int ask_pidfd(int pidfd, int *ret_status)
{
	struct pidfd_info info;
	long ret;

	memset(&info, 0, sizeof info);
	info.mask = NSH_PIDFD_INFO_EXIT;
	ret = nsh_sys(SYS_ioctl, pidfd, (long)NSH_PIDFD_GET_INFO, (long)&info, 0, 0);
	/* ESRCH: reaped, on a kernel before 6.15, which keeps no status. */
	if (ret == -ESRCH || (ret < 0 && ret != -EINTR))
		return -1;
	if (ret < 0 || !(info.mask & NSH_PIDFD_INFO_EXIT))
		return 0;
	*ret_status = info.exit_code;
	return 1;
}

static int await_kept_status(int pidfd, int *ret_status)
{
	int found = 0;

	for (int i = 0; found == 0 && i < RELEASE_LOOKS; i++) {
		found = ask_pidfd(pidfd, ret_status);
		if (found == 0)
			(void)nsh_poll(-1, 0, 0.001);
	}
	return found == 1 ? 1 : -1;
}

/* Tests with a child that has been reaped: before 6.19 the kernel does not report
 * which fields it supports. */
static bool tells_kept_status(const struct survey *survey, int pidfd)
{
	int status;

	return survey->answers[NSH_ASK_PIDFD_INFO] >= 0
		&& await_kept_status(pidfd, &status) == 1;
}

static void remember(const struct survey *survey, int filters)
{
	for (int i = 0; i < NSH_QUESTIONS; i++)
		known.answers[i] = survey->answers[i];
	known.filters = filters;
	known.is_known = true;
}

/* valgrind aborts on a clone that shares the descriptor table with another
 * process.  It is run with NOSHELL_LAUNCH=copied or own, which forbid that. */
static bool may_share_table(void)
{
	const char *path = secure_getenv("NOSHELL_LAUNCH");

	return !path || (strcmp(path, "copied") != 0 && strcmp(path, "own") != 0);
}

/* Asks everything, with the lock held.  Returns false if no child can be started.  The
 * second half of the questions matters only if a killed child would end the host. */
static bool find_out(int filters)
{
	struct survey *survey = nsh_launch_block_take();
	int pidfd = -1;
	bool done;

	if (!survey)
		return false;
	memset(survey, 0, sizeof *survey);
	survey->shares_table = may_share_table();
	survey->end = nsh_spreads_core_dumps() ? NSH_QUESTIONS
		: NSH_FIRST_STEP_QUESTION;
	for (int i = 0; i < NSH_QUESTIONS; i++)
		survey->answers[i] = NSH_ANSWER_NONE;
	done = ask_in_children(survey, &pidfd);
	if (done) {
		remember(survey, filters);
		if (pidfd >= 0 && atomic_load(&keeps_status) < 0)
			atomic_store(&keeps_status, tells_kept_status(survey, pidfd));
	}
	nsh_close(&pidfd);
	nsh_launch_block_give(survey);
	return done;
}

/* Called with the lock held. */
static bool is_up_to_date(int filters)
{
	return (known.is_known && known.filters == filters) || find_out(filters);
}

/* ---- answers for the rest of the core ---------------------------------- */

static bool permits_with(int filters, enum nsh_question question)
{
	bool permits;

	if (filters == 0)
		return true;
	lock();
	permits = is_up_to_date(filters)
		&& known.answers[question] != NSH_ANSWER_KILLED;
	unlock();
	return permits;
}

bool nsh_kernel_permits(enum nsh_question question)
{
	return permits_with(nsh_filters(), question);
}

bool nsh_kernel_has(enum nsh_question question)
{
	bool has;

	lock();
	has = (known.is_known || find_out(nsh_filters()))
		&& known.answers[question] >= 0;
	unlock();
	return has;
}

bool nsh_kernel_has_here(enum nsh_question question)
{
	static const struct survey here;
	bool is_known, has;

	lock();
	is_known = known.is_known;
	has = is_known && known.answers[question] >= 0;
	unlock();
	if (is_known || nsh_filters() != 0)
		return has;
	return nsh_ask(question, &here) >= 0;
}

void nsh_kernel_refresh(void)
{
	int filters = nsh_filters();

	lock();
	(void)is_up_to_date(filters);
	unlock();
}

static bool any_kills(void)
{
	for (int i = 0; i < NSH_QUESTIONS; i++)
		if (known.answers[i] == NSH_ANSWER_KILLED)
			return true;
	return false;
}

bool nsh_kernel_forbids_sharing(void)
{
	int filters;
	bool forbids;

	if (!nsh_spreads_core_dumps())
		return false;
	filters = nsh_filters();
	if (filters == 0)
		return false;
	lock();
	forbids = !is_up_to_date(filters) || any_kills();
	unlock();
	return forbids;
}

enum table nsh_kernel_table(void)
{
	return (enum table)atomic_load(&best_table);
}

void nsh_kernel_refuse_table(enum table table)
{
	int refused = (int)table;

	(void)atomic_compare_exchange_strong(&best_table, &refused, refused + 1);
}

bool nsh_kernel_kills_close_range(void)
{
	return atomic_load(&close_range_kills);
}

void nsh_kernel_note_close_range_kills(void)
{
	atomic_store(&close_range_kills, true);
}

bool nsh_kernel_refuses_launcher(void)
{
	return atomic_load(&refuses_launcher);
}

void nsh_kernel_refuse_launcher(void)
{
	atomic_store(&refuses_launcher, true);
}

bool nsh_kernel_clears_handlers(int filters)
{
	return !atomic_load(&refuses_clearing) && permits_with(filters, NSH_ASK_CLONE3);
}

void nsh_kernel_refuse_clearing(void)
{
	atomic_store(&refuses_clearing, true);
}

/* Measures twice, because the first pass warms the caches.  Uses a call that the parent
 * makes at each start, so that no seccomp filter kills it. */
static double time_of_calls(void)
{
	double start = 0;

	for (int i = 0; i < 2; i++) {
		uint64_t mask;

		start = nsh_now();
		for (int number = 1; number <= NSH_SIGNALS; number++)
			(void)nsh_sys_sigprocmask(SIG_SETMASK, NULL, &mask);
	}
	return nsh_now() - start;
}

static double time_of_look(void)
{
	double start = 0;

	for (int i = 0; i < 2; i++) {
		struct nsh_thread_status status;

		start = nsh_now();
		if (nsh_thread_look(&status) < 0)
			return HUGE_VAL;
	}
	return nsh_now() - start;
}

/* Doubles the time of the file: between two starts, the program evicts the caches, and
 * reading the file, for which the kernel runs more code, takes twice as long as here. */
static bool looking_is_faster(void)
{
	const char *forced = secure_getenv("NOSHELL_SIGNALS");

	return forced ? strcmp(forced, "status") == 0
		: 2 * time_of_look() < time_of_calls();
}

bool nsh_kernel_reads_ignored(void)
{
	if (atomic_load(&reads_ignored) < 0)
		atomic_store(&reads_ignored, looking_is_faster());
	return atomic_load(&reads_ignored) == 1;
}

bool nsh_kernel_writes_quietly(void)
{
	return !atomic_load(&refuses_quiet_writes) && nsh_kernel_permits(NSH_ASK_PWRITEV2);
}

void nsh_kernel_refuse_quiet_writes(void)
{
	atomic_store(&refuses_quiet_writes, true);
}

bool nsh_kernel_keeps_status(void)
{
	if (atomic_load(&keeps_status) < 0)
		(void)nsh_kernel_has(NSH_ASK_PIDFD_INFO);
	return atomic_load(&keeps_status) == 1;
}

int nsh_kernel_kept_status(int pidfd, int *ret_status)
{
	if (nsh_kernel_keeps_status() && nsh_kernel_permits(NSH_ASK_PIDFD_INFO)
	    && await_kept_status(pidfd, ret_status) == 1)
		return 1;
	/* A filter was added since: later programs need a supervisor. */
	atomic_store(&keeps_status, 0);
	return -1;
}

/* ---- means of a sandbox ------------------------------------------------ */

static bool may_create_ruleset(void)
{
	return nsh_kernel_permits(NSH_ASK_LANDLOCK);
}

static int answer_of(enum nsh_question question)
{
	long answer;

	(void)nsh_kernel_has(question);
	lock();
	answer = known.is_known ? known.answers[question] : -EAGAIN;
	unlock();
	return answer == NSH_ANSWER_KILLED || answer == NSH_ANSWER_NONE ? -EPERM
		: (int)answer;
}

static int landlock_version(void)
{
	const char *claimed = secure_getenv("NOSHELL_LANDLOCK");
	int version = answer_of(NSH_ASK_LANDLOCK);

	if (claimed && version > atoi(claimed))
		version = atoi(claimed) > 0 ? atoi(claimed) : -ENOSYS;
	return version;
}

const struct nsh_means *nsh_kernel_means(void)
{
	static _Thread_local struct nsh_means means;

	means = (struct nsh_means){
		.landlock = landlock_version(),
		.seccomp = nsh_calls_are_known() ? answer_of(NSH_ASK_SECCOMP) : -ENOSYS,
		.may_create = may_create_ruleset,
		.clones_into = nsh_kernel_has(NSH_ASK_CLONE_INTO),
	};
	return &means;
}

/* ---- pidfds -------------------------------------------------------------- */

int nsh_kernel_pidfd_open(pid_t pid)
{
	if (!nsh_kernel_permits(NSH_ASK_PIDFD_OPEN))
		return -ENOSYS;
	return nsh_sys_pidfd_open(pid, 0);
}

int nsh_kernel_pidfd_send_signal(int pidfd, int signal, unsigned flags)
{
	if (!nsh_kernel_permits(flags ? NSH_ASK_PIDFD_GROUP : NSH_ASK_PIDFD_SIGNAL))
		return -ENOSYS;
	return nsh_sys_pidfd_send_signal(pidfd, signal, flags);
}

/* kill(2) names the process by number, so it is called only while the pidfd shows
 * that the process has not exited.
 * Limit: if other code in the host reaps our child between the two calls, the
 * signal may reach another process with the same number. */
int nsh_kernel_signal(int pidfd, pid_t pid, int signal)
{
	int ret = nsh_kernel_pidfd_send_signal(pidfd, signal,
					       pid < 0 ? NSH_PIDFD_PROCESS_GROUP : 0);

	if (ret != -ENOSYS && ret != -EPERM && !(pid < 0 && ret == -EINVAL))
		return ret;
	if (nsh_poll(pidfd, POLLIN, 0) != 0)
		return -ESRCH;
	return kill(pid, signal) < 0 ? -errno : 0;
}
