/*
 * sys.h: raw system calls, and kernel constants that older headers lack.
 *
 * The functions return what the kernel returns: a value, or a negated errno.
 * They use no libc, no errno and no thread-local storage: a child that shares
 * its parent's memory would overwrite the parent's errno, libc's set*id
 * wrappers signal all threads of the host (nptl(7)), and glibc's sigaction
 * takes a lock for SIGABRT.  They are inline, so that the child's object files
 * call nothing else.
 */
#ifndef NSH_SYS_H
#define NSH_SYS_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

/* These have the same value on every architecture; Debian 12's headers lack
 * some. */
enum {
	NSH_CLOSE_RANGE_UNSHARE = 2,    /* close_range(2), Linux 5.9 */
	NSH_CLOSE_RANGE_CLOEXEC = 4,    /* Linux 5.11 */
	NSH_CLONE_PIDFD = 0x1000,       /* clone(2), Linux 5.2 */
	NSH_AT_EXECVE_CHECK = 0x10000,  /* execveat(2), Linux 6.14 */
	NSH_MFD_NOEXEC_SEAL = 8,        /* memfd_create(2), Linux 6.3 */
	NSH_MFD_EXEC = 0x10,
	NSH_P_PIDFD = 3,                /* waitid(2), Linux 5.4 */
	NSH_PIDFD_THREAD = O_EXCL,      /* pidfd_open(2), Linux 6.9 */
	NSH_PIDFD_PROCESS_GROUP = 4,    /* pidfd_send_signal(2), Linux 6.9 */
	NSH_RWF_NOSIGNAL = 0x100,       /* pwritev2(2), Linux 6.18 */
	NSH_PR_SCHED_CORE = 62,         /* core-scheduling.rst, Linux 5.14 */
	NSH_PR_SCHED_CORE_GET = 0,
	NSH_PR_SCHED_CORE_CREATE = 1,
	NSH_PR_SCHED_CORE_SHARE_FROM = 3,
	NSH_SCHED_CORE_THREAD = 0,
	NSH_SCHED_CORE_PROCESS = 1,
	NSH_SIGNALS = 64,
	NSH_KERNEL_SIGSET = 8,          /* size of the kernel's sigset_t */
	NSH_KERNEL_SIGACTION = 64,      /* at least the size of its sigaction */
};

/* clone3(2), Linux 5.5 and 5.7.  Not in an enum: they have more than 32 bits. */
#define NSH_CLONE_CLEAR_SIGHAND (UINT64_C(1) << 32)
#define NSH_CLONE_INTO_CGROUP (UINT64_C(1) << 33)

/* The kernel's struct clone_args, and its first size. */
struct nsh_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
	uint64_t stack, stack_size, tls;
	uint64_t set_tid, set_tid_size, cgroup;
};
enum { NSH_FIRST_CLONE_ARGS = 64 };

/* The kernel's struct sigaction, as far as it is read here. */
struct nsh_action {
#ifdef __mips__
	unsigned flags;
	void (*handler)(int);
#else
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
#endif
	char rest[NSH_KERNEL_SIGACTION];
};

#if defined(__x86_64__) && !defined(__ILP32__)
#define NSH_RAW_CALLS 1

static inline long nsh_sys6(long number, long a, long b, long c, long d,
			    long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* clone(2) or clone3(2), whose arguments are `a` to `c`: the child calls
 * function(argument), which must not return.  In assembly, because the child returns
 * from the system call on another stack, where no C function's frame exists.
 * Clearing the frame pointer ends backtraces there. */
static inline long nsh_sys_start(long number, long a, long b, long c,
				 int (*function)(void *), void *argument)
{
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	register void *target __asm__("r12") = (void *)function;
	register void *passed __asm__("r13") = argument;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(target), "r"(passed)
			 : "rcx", "r11", "memory");
	return ret;
}

#elif defined(__aarch64__)
#define NSH_RAW_CALLS 1

static inline long nsh_sys6(long number, long a, long b, long c, long d,
			    long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

static inline long nsh_sys_start(long number, long a, long b, long c,
				 int (*function)(void *), void *argument)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;
	register void *target __asm__("x9") = (void *)function;
	register void *passed __asm__("x10") = argument;

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x10\n\t"
			 "blr x9\n\t"
			 "brk 0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4),
			   "r"(target), "r"(passed)
			 : "memory");
	return x0;
}

#else

#include <errno.h>
#include <sched.h>
#include <unistd.h>

/* Other architectures go through libc.
 * Limit: a failing call in the child overwrites the errno of the thread that
 * started it, which is suspended meanwhile. */
static inline long nsh_sys6(long number, long a, long b, long c, long d,
			    long e, long f)
{
	long ret = syscall(number, a, b, c, d, e, f);

	return ret < 0 ? -errno : ret;
}

static inline long nsh_sys_clone_into(int cgroup, uint64_t flags, void *stack,
				      int *ret_pidfd, int (*function)(void *),
				      void *argument)
{
	int ret;

	(void)cgroup;

	if (flags >> 32)
		return -ENOSYS;
	ret = clone(function, stack, (int)flags, argument, ret_pidfd);
	return ret < 0 ? -errno : ret;
}

#endif

#ifdef NSH_RAW_CALLS

enum { NSH_EXIT_SIGNAL = 0xff };        /* the part of the flags of clone(2) */

/* clone(2), or clone3(2) for flags that only it has.  The child calls
 * function(argument), which must not return, on the stack that ends at `stack`.
 * `ret_pidfd` is for CLONE_PIDFD, `cgroup` for CLONE_INTO_CGROUP. */
static inline long nsh_sys_clone_into(int cgroup, uint64_t flags, void *stack,
				      int *ret_pidfd, int (*function)(void *),
				      void *argument)
{
	/* The kernel uses only the sum of the stack's address and size. */
	struct nsh_clone_args args = {
		.flags = flags & ~(uint64_t)NSH_EXIT_SIGNAL,
		.exit_signal = flags & NSH_EXIT_SIGNAL,
		.pidfd = (uintptr_t)ret_pidfd,
		.stack = (uintptr_t)stack - 4096, .stack_size = 4096,
		.cgroup = flags & NSH_CLONE_INTO_CGROUP ? (uint64_t)cgroup : 0,
	};
	/* An older kernel might reject a larger structure. */
	long size = flags & NSH_CLONE_INTO_CGROUP ? (long)sizeof args
		: NSH_FIRST_CLONE_ARGS;

	if (flags >> 32)
		return nsh_sys_start(SYS_clone3, (long)&args, size, 0, function, argument);
	return nsh_sys_start(SYS_clone, (long)flags, (long)stack, (long)ret_pidfd,
			     function, argument);
}

#endif

static inline long nsh_sys_clone(uint64_t flags, void *stack, int *ret_pidfd,
				 int (*function)(void *), void *argument)
{
	return nsh_sys_clone_into(-1, flags, stack, ret_pidfd, function, argument);
}

static inline long nsh_sys(long number, long a, long b, long c, long d, long e)
{
	return nsh_sys6(number, a, b, c, d, e, 0);
}

static inline void nsh_sys_exit(int status)
{
	for (;;)
		nsh_sys(SYS_exit_group, status, 0, 0, 0, 0);
}

static inline int nsh_sys_open(const char *path, int flags, unsigned mode)
{
	return (int)nsh_sys(SYS_openat, AT_FDCWD, (long)path, flags, (long)mode, 0);
}

static inline int nsh_sys_close(int fd)
{
	return (int)nsh_sys(SYS_close, fd, 0, 0, 0, 0);
}

static inline long nsh_sys_read(int fd, void *data, size_t size)
{
	return nsh_sys(SYS_read, fd, (long)data, (long)size, 0, 0);
}

static inline long nsh_sys_write(int fd, const void *data, size_t size)
{
	return nsh_sys(SYS_write, fd, (long)data, (long)size, 0, 0);
}

static inline int nsh_sys_fcntl(int fd, int operation, long argument)
{
	return (int)nsh_sys(SYS_fcntl, fd, operation, argument, 0, 0);
}

static inline int nsh_sys_ioctl(int fd, unsigned long request, long argument)
{
	return (int)nsh_sys(SYS_ioctl, fd, (long)request, argument, 0, 0);
}

static inline int nsh_sys_dup3(int source, int target, int flags)
{
	return (int)nsh_sys(SYS_dup3, source, target, flags, 0, 0);
}

static inline int nsh_sys_close_range(unsigned first, unsigned last,
				      unsigned flags)
{
	return (int)nsh_sys(SYS_close_range, (long)first, (long)last,
			    (long)flags, 0, 0);
}

static inline int nsh_sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)nsh_sys(SYS_pidfd_open, pid, (long)flags, 0, 0, 0);
}

static inline int nsh_sys_pidfd_getfd(int pidfd, int fd)
{
	return (int)nsh_sys(SYS_pidfd_getfd, pidfd, fd, 0, 0, 0);
}

static inline int nsh_sys_pidfd_send_signal(int pidfd, int signal,
					    unsigned flags)
{
	return (int)nsh_sys(SYS_pidfd_send_signal, pidfd, signal, 0,
			    (long)flags, 0);
}

/* rusage, which libc's wrapper lacks, may be NULL. */
static inline int nsh_sys_waitid(int type, int id, void *siginfo, int options,
				 void *rusage)
{
	return (int)nsh_sys(SYS_waitid, type, id, (long)siginfo, options,
			    (long)rusage);
}

static inline long nsh_sys_prctl(int operation, unsigned long a,
				 unsigned long b, unsigned long c,
				 unsigned long d)
{
	return nsh_sys(SYS_prctl, operation, (long)a, (long)b, (long)c, (long)d);
}

/* `set` is the kernel's mask of 64 signals, including those that libc
 * reserves. */
static inline int nsh_sys_sigprocmask(int how, const uint64_t *set,
				      uint64_t *ret_old)
{
	return (int)nsh_sys(SYS_rt_sigprocmask, how, (long)set, (long)ret_old,
			    NSH_KERNEL_SIGSET, 0);
}

#endif
