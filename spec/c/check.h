/* check.h: a program of named checks. Without arguments it lists them; with a
   name it runs that one, prints failures, and exits with 1 if there are any.
   Each begins and must end without children and with the same descriptors.
 */
#ifndef CHECK_H
#define CHECK_H

#include <noshell.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static _Atomic int wrong;

static void say_wrong(int line, const char *what, long long is, long long should)
{
	wrong = 1;
	(void)printf("line %d: %s is %lld, not %lld\n", line, what, is, should);
}

#define EQUAL(a, b) \
	do { \
		long long a_ = (long long)(a), b_ = (long long)(b); \
		if (a_ != b_) \
			say_wrong(__LINE__, #a, a_, b_); \
	} while (0)
#define CHECK(what) EQUAL((what) ? 1 : 0, 1)

/* Not every program needs all. */
#define UNUSED __attribute__((unused))

/* gcc's AddressSanitizer has no fork handlers: a thread that is made in the
 * child of a process with threads may find the allocator locked for ever. */
#ifdef __SANITIZE_ADDRESS__
#define CAN_HAVE_THREADS_AFTER_FORK 0
#else
#define CAN_HAVE_THREADS_AFTER_FORK 1
#endif

UNUSED static void on_alarm(int signal_number)
{
	(void)signal_number;
}

/* A signal with a handler every so many microseconds; 0 stops that. */
UNUSED static void start_storm(int microseconds)
{
	struct itimerval timer = { .it_interval.tv_usec = microseconds };
	struct sigaction action = { .sa_handler = on_alarm };

	timer.it_value = timer.it_interval;
	(void)sigaction(SIGALRM, &action, NULL);
	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

struct check {
	const char *name;
	void (*act)(void);
};

/* $NOSHELL_BUILD/fixtures/name */
UNUSED static const char *fixture(const char *name)
{
	static _Thread_local char path[4][1024];
	static _Thread_local unsigned at;
	const char *build = getenv("NOSHELL_BUILD");
	char *ret = path[at++ % 4];

	(void)snprintf(ret, 1024, "%s/fixtures/%s", build ? build : "build", name);
	return ret;
}

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		(void)closedir(dir);
	return count;
}

static bool has_child(void)
{
	siginfo_t child = { .si_pid = 0 };

	return waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

static int run_check(const struct check *check)
{
	int before = count_descriptors();

	check->act();
	for (int i = 0; i < 2000 && nsh_reap() > 0; i++)
		(void)usleep(1000);
	EQUAL(nsh_reap(), 0);
	/* The keeper stays a moment. */
	for (int i = 0; i < 2000 && count_descriptors() != before; i++)
		(void)usleep(1000);
	CHECK(!has_child());
	/* Abandoned starts are released by their threads. */
	for (int i = 0; i < 2000 && count_descriptors() != before; i++)
		(void)usleep(1000);
	EQUAL(count_descriptors(), before);
	return wrong;
}

static int check_main(const struct check *checks, int argc, char **argv)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (; checks->name; checks++)
		if (argc < 2)
			(void)printf("%s\n", checks->name);
		else if (strcmp(checks->name, argv[1]) == 0)
			return run_check(checks);
	return argc < 2 ? 0 : 64;
}

/* A probe with its words; nothing captured but stdout. */
#define PROBE(...) nsh_command_new_args(fixture("probe"), __VA_ARGS__, NULL)

UNUSED static struct nsh_process *start(struct nsh_command *take_cmd)
{
	struct nsh_failure failure = { .code = NSH_OK };
	struct nsh_process *process = NULL;

	if (nsh_command_start(take_cmd, &process, &failure) < 0) {
		wrong = 1;
		(void)printf("no start: %s %s %s %s %s\n", nsh_code_name(failure.code),
			     nsh_stage_name(failure.stage), failure.subject,
			     nsh_errno_name(failure.errnum), failure.reason);
	}
	nsh_command_free(take_cmd);
	return process;
}

/* Runs it, and frees the command. */
UNUSED static int run(struct nsh_command *take_cmd)
{
	int ret = nsh_command_run(take_cmd, NULL, NULL);

	nsh_command_free(take_cmd);
	return ret;
}

/* True if the process runs: it exists and is no zombie. */
UNUSED static bool lives(pid_t pid)
{
	char path[64], text[512] = "";
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	(void)!fread(text, 1, sizeof text - 1, file);
	(void)fclose(file);
	return strrchr(text, ')') && strrchr(text, ')')[2] != 'Z';
}

/* Until it does not, or 2 s have passed. */
UNUSED static bool goes(pid_t pid)
{
	for (int i = 0; i < 2000; i++) {
		if (!lives(pid))
			return true;
		(void)usleep(1000);
	}
	return false;
}

#endif
