/* The probes of kernel.h, run in a child. */
#include "kernel.h"

#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "child_steps.h"
#include "landlock.h"

/* ioctl_pidfd(2): the first published size of its structure, and the request. */
struct pidfd_info {
	uint64_t words[8];
};

#define NSH_PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)

/* The descriptor is not closed: the child's own table ends with the child. */
static int self_pidfd(const struct survey *survey)
{
	if (survey->answers[NSH_ASK_PIDFD_OPEN] < 0)
		return -1;
	return nsh_sys_pidfd_open((pid_t)nsh_sys(SYS_getpid, 0, 0, 0, 0, 0), 0);
}

static long open_self(void)
{
	int fd = nsh_sys_pidfd_open((pid_t)nsh_sys(SYS_getpid, 0, 0, 0, 0, 0), 0);

	return fd < 0 ? fd : nsh_sys_close(fd);
}

/* ESRCH means that the kernel knows the flag: we lead no group, so no group has
 * our number. */
static long signal_group(int pidfd)
{
	int ret = nsh_sys_pidfd_send_signal(pidfd, 0, NSH_PIDFD_PROCESS_GROUP);

	return ret == -ESRCH ? 0 : ret;
}

static long ask_pidfd(enum nsh_question question, const struct survey *survey)
{
	struct pidfd_info info = { { 0 } };
	int pidfd = self_pidfd(survey);
	long ret;

	if (question == NSH_ASK_PIDFD_GETFD)
		ret = nsh_sys_pidfd_getfd(pidfd, pidfd);
	else if (question == NSH_ASK_PIDFD_SIGNAL)
		ret = nsh_sys_pidfd_send_signal(pidfd, 0, 0);
	else if (question == NSH_ASK_PIDFD_GROUP)
		ret = signal_group(pidfd);
	else
		ret = nsh_sys(SYS_ioctl, pidfd, (long)NSH_PIDFD_GET_INFO,
			      (long)&info, 0, 0);
	if (question == NSH_ASK_PIDFD_GETFD && ret >= 0)
		nsh_sys_close((int)ret);
	if (pidfd >= 0)
		nsh_sys_close(pidfd);
	return ret;
}

static long ask_core_scheduling(void)
{
	uint64_t cookie = 0;

	return nsh_sys_prctl(NSH_PR_SCHED_CORE, NSH_PR_SCHED_CORE_GET, 0,
			     NSH_SCHED_CORE_THREAD, (unsigned long)&cookie);
}

/* All but the first fail, and change nothing. */
static long ask_launcher(void)
{
	int fd = (int)nsh_sys(SYS_memfd_create, (long)"noshell", MFD_CLOEXEC, 0, 0, 0);

	nsh_sys(SYS_getresuid, 0, 0, 0, 0, 0);
	nsh_sys(SYS_getresgid, 0, 0, 0, 0, 0);
	nsh_sys(SYS_capget, 0, 0, 0, 0, 0);
	nsh_sys_prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
	nsh_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, 0, 0);
	nsh_sys(SYS_setfsuid, -1, 0, 0, 0, 0);
	nsh_sys(SYS_setfsgid, -1, 0, 0, 0, 0);
	nsh_sys(SYS_pwrite64, -1, 0, 0, 0, 0);
	nsh_sys(SYS_pread64, -1, 0, 0, 0, 0);
	nsh_sys(SYS_fchmod, -1, 0, 0, 0, 0);
	nsh_sys_fcntl(-1, F_ADD_SEALS, 0);
	return fd < 0 ? fd : nsh_sys_close(fd);
}

/* The last two fail. */
static long ask_landlock(void)
{
	int version = nsh_landlock_version();

	nsh_landlock_add(-1, 0, NULL);
	nsh_landlock_restrict(-1);
	return version;
}

static long ask_seccomp(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return nsh_sys(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, (long)&action, 0, 0);
}

/* Fails with EBADF if the flag is known: there is no such descriptor. */
static long ask_clone_into(void)
{
	struct nsh_clone_args args = {
		.flags = CLONE_VM | NSH_CLONE_INTO_CGROUP, .cgroup = INT32_MAX,
	};
	long ret = nsh_sys(SYS_clone3, (long)&args, sizeof args, 0, 0, 0);

	return ret == -EBADF ? 0 : ret;
}

static long ask_select(void)
{
	static const struct timespec now = { 0, 0 };

	return nsh_sys6(SYS_pselect6, 0, 0, 0, 0, (long)&now, 0);
}

static long ask_map(void)
{
	long page = nsh_sys6(SYS_mmap, 0, 4096, PROT_READ,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page < 0 && page > -4096 ? page
		: nsh_sys(SYS_munmap, page, 4096, 0, 0, 0);
}

static long ask_futex(void)
{
	int word = 0;

	return nsh_sys(SYS_futex, (long)&word, FUTEX_WAKE, 1, 0, 0);
}

static long ask_signal_mask(void)
{
	uint64_t mask;

	return nsh_sys_sigprocmask(0, NULL, &mask);
}

/* The system calls of the steps, with arguments that are invalid or change
 * nothing: only being killed matters here, not the result. */
static long ask_step(enum nsh_question question)
{
	switch (question) {
	case NSH_ASK_NO_NEW_PRIVS:
		return nsh_sys_prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
	case NSH_ASK_PARENT_DEATH:
		return nsh_sys_prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	case NSH_ASK_LIMIT:
		return nsh_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, 0, 0);
	case NSH_ASK_NICE:
		return nsh_sys(SYS_setpriority, -1, 0, 0, 0, 0);
	case NSH_ASK_AFFINITY:
		return nsh_sys(SYS_sched_setaffinity, 0, 0, 0, 0, 0);
	case NSH_ASK_UMASK:
		return nsh_sys(SYS_umask, 022, 0, 0, 0, 0);
	case NSH_ASK_SESSION:
		return nsh_sys(SYS_setsid, 0, 0, 0, 0, 0);
	case NSH_ASK_PROCESS_GROUP:
		return nsh_sys(SYS_setpgid, 0, 0, 0, 0, 0);
	case NSH_ASK_DIRECTORY:
		return nsh_sys(SYS_chdir, 0, 0, 0, 0, 0);
	case NSH_ASK_SIGACTION:
		return nsh_sys(SYS_rt_sigaction, 0, 0, 0, NSH_KERNEL_SIGSET, 0);
	case NSH_ASK_SIGNAL_MASK:
		return ask_signal_mask();
	case NSH_ASK_DUP3:
		return nsh_sys_dup3(-1, -1, 0);
	case NSH_ASK_FCNTL:
		return nsh_sys_fcntl(-1, F_DUPFD_CLOEXEC, 0);
	default:
		return -ENOSYS;
	}
}

static long ask_other(enum nsh_question question)
{
	switch (question) {
	case NSH_ASK_OPEN:
		return nsh_sys_open(NULL, 0, 0);
	case NSH_ASK_LIST:
		return nsh_sys(SYS_getdents64, -1, 0, 0, 0, 0);
	case NSH_ASK_SLEEP:
		return nsh_sys(SYS_nanosleep, 0, 0, 0, 0, 0);
	case NSH_ASK_SELECT:
		return ask_select();
	case NSH_ASK_MAP:
		return ask_map();
	case NSH_ASK_GETPPID:
		return nsh_sys(SYS_getppid, 0, 0, 0, 0, 0);
	case NSH_ASK_FUTEX:
		return ask_futex();
	case NSH_ASK_SEND:
		return nsh_sys(SYS_sendmsg, -1, 0, 0, 0, 0);
	case NSH_ASK_EXEC:
		return nsh_sys(SYS_execve, 0, 0, 0, 0, 0);
	case NSH_ASK_EXECVEAT:
		return nsh_sys(SYS_execveat, -1, 0, 0, 0, 0);
	default:
		return ask_step(question);
	}
}

long nsh_ask(enum nsh_question question, const struct survey *survey)
{
	switch (question) {
	case NSH_ASK_CUT:
		return nsh_sys_close_range(0, ~0U, NSH_CLOSE_RANGE_UNSHARE);
	case NSH_ASK_UNSHARE:
		return nsh_sys(SYS_unshare, CLONE_FILES, 0, 0, 0, 0);
	case NSH_ASK_CLOSE_RANGE:
		return nsh_sys_close_range(~0U, ~0U, 0);
	case NSH_ASK_PIDFD_OPEN:
		return open_self();
	case NSH_ASK_PIDFD_GETFD:
	case NSH_ASK_PIDFD_SIGNAL:
	case NSH_ASK_PIDFD_GROUP:
	case NSH_ASK_PIDFD_INFO:
		return ask_pidfd(question, survey);
	case NSH_ASK_CORE_SCHEDULING:
		return ask_core_scheduling();
	case NSH_ASK_LAUNCHER:
		return ask_launcher();
	case NSH_ASK_LANDLOCK:
		return ask_landlock();
	case NSH_ASK_SECCOMP:
		return ask_seccomp();
	case NSH_ASK_CLONE3:
		/* EINVAL: the structure is too small. */
		return nsh_sys(SYS_clone3, 0, 0, 0, 0, 0);
	case NSH_ASK_CLONE_INTO:
		return ask_clone_into();
	case NSH_ASK_PWRITEV2:
		return nsh_sys6(SYS_pwritev2, -1, 0, 0, -1, -1, NSH_RWF_NOSIGNAL);
	default:
		return ask_other(question);
	}
}

/* Answers the remaining questions.  A child that shares the host's table cuts it
 * off before it opens anything, and ends if that is refused.  Each answer is set
 * to KILLED in advance, because a child that dies cannot write it. */
int nsh_ask_all(void *data)
{
	struct survey *survey = data;

	if (survey->shares_table && survey->next > NSH_ASK_CUT)
		(void)nsh_ask(NSH_ASK_CUT, survey);
	while (survey->next < survey->end) {
		int question = survey->next++;

		survey->answers[question] = NSH_ANSWER_KILLED;
		survey->answers[question] = nsh_ask((enum nsh_question)question,
						    survey);
		if (question == NSH_ASK_CUT && survey->answers[question] < 0
		    && survey->shares_table)
			break;
	}
	nsh_sys_exit(0);
	return 0;
}
