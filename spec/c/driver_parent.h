/* driver_parent.h: the words that make this process a bad parent.

   report=FILE   the report's file; before any word that makes that impossible
   close=N, open=N:PATH (read and write, not close-on-exec), write=PATH (held
   open for writing), many=N (that many more), files=N (the soft limit)
   be=ID (this uid and gid), processes=N (RLIMIT_NPROC)
   securebits=N, drop-bound=CAP, only-caps=HEX (permitted and effective)
   ignore=SIGNAL, block=SIGNAL, kill-on=N (a seccomp filter that kills the caller
   of system call N) */
#ifndef DRIVER_PARENT_H
#define DRIVER_PARENT_H

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kill_on.h"

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	(void)dprintf(2, "driver: cannot %s: errno %d\n", what, errno);
	_exit(65);
}

static void be_report(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	driver.report = fcntl(fd, F_DUPFD_CLOEXEC, 900);
	need(driver.report >= 0, "report");
	(void)close(fd);
}

static void be_close(const char *text) { (void)close((int)number(text)); }

static void be_open(const char *text)
{
	int target = (int)number(text);
	int fd = open(part(text, 1), O_RDWR | O_CREAT, 0666);

	need(fd >= 0, "open");
	if (fd == target)
		return;
	need(dup2(fd, target) == target, "dup2");
	(void)close(fd);
}

static void be_write(const char *path)
{
	need(open(path, O_WRONLY | O_CLOEXEC) >= 0, "write");
}

static void be_files(const char *text)
{
	struct rlimit limit;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)number(text);
	need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "files");
}

static void be_many(const char *text)
{
	struct rlimit limit;
	int null = open("/dev/null", O_RDWR);

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	for (long long left = number(text) - 1; left > 0; left--)
		need(dup(null) >= 0, "many");
}

static void be_somebody(const char *text)
{
	uid_t id = (uid_t)number(text);

	need(setgroups(0, NULL) == 0 && setresgid(id, id, id) == 0
	     && setresuid(id, id, id) == 0, "be");
}

static void be_processes(const char *text)
{
	struct rlimit limit = { (rlim_t)number(text), (rlim_t)number(text) };

	need(setrlimit(RLIMIT_NPROC, &limit) == 0, "processes");
}

static void be_only_caps(const char *text)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	unsigned long long set = strtoull(text, NULL, 16);
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)set, .permitted = (uint32_t)set },
		{ .effective = (uint32_t)(set >> 32), .permitted = (uint32_t)(set >> 32) },
	};

	need(syscall(SYS_capset, &header, data) == 0, "only-caps");
}

static void be_ignore(const char *text)
{
	for (int number_ = 1; number_ <= 64; number_++)
		if (number(text) == 0 || number(text) == number_)
			(void)signal(number_, SIG_IGN);
}

static void be_block(const char *text)
{
	sigset_t set;

	(void)sigfillset(&set);
	if (number(text)) {
		(void)sigemptyset(&set);
		(void)sigaddset(&set, (int)number(text));
	}
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static void be_killed(const char *text)
{
	need(kill_on((unsigned)number(text)) == 0, "kill-on");
}

static const struct word parent_words[] = {
	{ "report", be_report }, { "close", be_close }, { "open", be_open },
	{ "write", be_write }, { "files", be_files }, { "many", be_many },
	{ "be", be_somebody }, { "processes", be_processes },
	{ "only-caps", be_only_caps }, { "ignore", be_ignore },
	{ "block", be_block }, { "kill-on", be_killed }, { NULL, NULL },
};

#endif
