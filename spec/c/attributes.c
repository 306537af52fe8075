/* A program inherits the attributes of the thread that requests its start.  In each
   check the host has started programs in another thread before it changes an
   attribute of its own thread only; after that a program that is started aside must
   equal one that the host starts itself. */
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "check.h"
#include "kill_on.h"

enum { REPORT = 1 << 16, BY_PROCESS = 1, IDLE_CLASS = 3 << 13 };

static void take_output(struct nsh_process *process, char *ret_text)
{
	const struct nsh_result *result;

	EQUAL(nsh_process_wait(process, 10, NULL), 1);
	result = nsh_process_result(process);
	ret_text[0] = 0;
	if (result && result->output_size[1] < REPORT) {
		memcpy(ret_text, result->output[1], result->output_size[1]);
		ret_text[result->output_size[1]] = 0;
	}
	nsh_process_free(process);
}

static struct nsh_process *start_aside(struct nsh_command *take_cmd)
{
	struct nsh_process *process = NULL;
	struct nsh_start *start_of = NULL;

	EQUAL(nsh_command_start_aside(take_cmd, false, &start_of, NULL), 0);
	EQUAL(nsh_start_finish(start_of, 10, &process, NULL), 1);
	nsh_start_free(start_of);
	nsh_command_free(take_cmd);
	return process;
}

/* Without the lines that two runs of the same program differ in. */
static void keep_lines(char *text)
{
	char *to = text;

	for (char *from = text, *end; *from; from = end) {
		end = strchr(from, '\n');
		end = end ? end + 1 : from + strlen(from);
		if (strncmp(from, "pid=", 4) == 0 || strncmp(from, "fd.", 3) == 0)
			continue;
		memmove(to, from, (size_t)(end - from));
		to += end - from;
	}
	*to = 0;
}

static void say_difference(const char *is, const char *should)
{
	while (*is && *should) {
		size_t a = strcspn(is, "\n"), b = strcspn(should, "\n");

		if (a != b || memcmp(is, should, a) != 0)
			(void)printf("it is %.*s, not %.*s\n", (int)a, is, (int)b, should);
		is += a + (is[a] != 0);
		should += b + (should[b] != 0);
	}
}

static void report_aside(char *ret_text)
{
	take_output(start_aside(PROBE("--report")), ret_text);
	keep_lines(ret_text);
}

static void report_here(char *ret_text)
{
	take_output(start(PROBE("--report")), ret_text);
	keep_lines(ret_text);
}

/* The change must show, or the check would check nothing. */
static void is_inherited(void (*change)(void))
{
	static char before[REPORT], here[REPORT], aside[REPORT];

	report_aside(before);
	change();
	report_here(here);
	CHECK(before[0] && strcmp(before, here) != 0);
	report_aside(aside);
	CHECK(strcmp(aside, here) == 0);
	say_difference(aside, here);
	/* And again, with a thread that was just used. */
	report_aside(aside);
	CHECK(strcmp(aside, here) == 0);
}

static void set_caps(uint64_t caps)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = data[i].inheritable =
			(uint32_t)(caps >> 32 * i);
	EQUAL(syscall(SYS_capset, &header, data), 0);
}

static void drop_capabilities(void)
{
	EQUAL(prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0), 0);
	EQUAL(prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0), 0);
	EQUAL(prctl(PR_SET_SECUREBITS, 1UL, 0, 0, 0), 0);     /* SECBIT_NOROOT */
	set_caps(1UL << CAP_CHOWN | 1UL << CAP_KILL);
	EQUAL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0), 0);
}

static void set_no_new_privs(void)
{
	EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
}

static void install_filter(void)
{
	EQUAL(kill_on(SYS_acct), 0);
}

static void install_another_filter(void)
{
	EQUAL(kill_on(SYS_swapoff), 0);
}

static void change_scheduling(void)
{
	static const struct sched_param normal = { .sched_priority = 0 };
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	EQUAL(sched_setaffinity(0, sizeof one, &one), 0);
	EQUAL(setpriority(PRIO_PROCESS, 0, 7), 0);
	EQUAL(sched_setscheduler(0, SCHED_IDLE, &normal), 0);
	EQUAL(syscall(SYS_ioprio_set, BY_PROCESS, 0, IDLE_CLASS), 0);
	EQUAL(prctl(PR_SET_TIMERSLACK, 60001UL, 0, 0, 0), 0);
}

/* By system calls of this thread; libc's functions change all threads. */
static void change_ids(void)
{
	gid_t groups[2] = { 7, 8 };

	EQUAL(syscall(SYS_setgroups, 2, groups), 0);
	EQUAL(syscall(SYS_setresgid, 7, 7, 7), 0);
	EQUAL(syscall(SYS_setresuid, 65534, 65534, 65534), 0);
}

static void leave_namespaces(void)
{
	EQUAL(unshare(CLONE_NEWUTS | CLONE_NEWIPC), 0);
}

static void leave_directory(void)
{
	EQUAL(unshare(CLONE_FS), 0);
	EQUAL(chdir("/proc"), 0);
	(void)umask(0751);
}

static void inherits_capabilities(void)
{
	is_inherited(drop_capabilities);
}

static void inherits_no_new_privs(void)
{
	is_inherited(set_no_new_privs);
}

static void inherits_filters(void)
{
	is_inherited(install_filter);
	is_inherited(install_another_filter);
}

static void inherits_scheduling(void)
{
	is_inherited(change_scheduling);
}

static void inherits_ids(void)
{
	is_inherited(change_ids);
}

static void inherits_namespaces(void)
{
	is_inherited(leave_namespaces);
}

static void inherits_directory(void)
{
	is_inherited(leave_directory);
}

/* ---- Landlock, which no thread can be asked about ----------------------- */

enum { CREATE_RULESET = 444, RESTRICT_SELF = 446, WRITE_FILE = 1 << 1 };

static bool has_landlock(void)
{
	return syscall(CREATE_RULESET, NULL, 0, 1) > 0;
}

/* From now on no file may be opened for writing. */
static void restrict_writing(void)
{
	uint64_t handled = WRITE_FILE;
	int ruleset = (int)syscall(CREATE_RULESET, &handled, sizeof handled, 0);

	CHECK(ruleset >= 0);
	EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EQUAL(syscall(RESTRICT_SELF, ruleset, 0), 0);
	(void)close(ruleset);
}

static int status_of_writer(bool aside)
{
	struct nsh_command *cmd = PROBE("--to", "/dev/null", "--say", "x");
	struct nsh_process *process;
	int status;

	/* Streams that are no pipes are /dev/null, which is opened for writing, too. */
	nsh_command_set_input_buffer(cmd, "", 0);
	process = aside ? start_aside(cmd) : start(cmd);
	EQUAL(nsh_process_wait(process, 10, NULL), 1);
	status = nsh_process_result(process)->exit_code;
	nsh_process_free(process);
	return status;
}

static void inherits_landlock(void)
{
	if (!has_landlock())
		return;
	EQUAL(status_of_writer(true), 0);
	restrict_writing();
	EQUAL(status_of_writer(false), 70);
	EQUAL(status_of_writer(true), 70);
}

/* ---- threads ------------------------------------------------------------ */

static void *start_one(void *report)
{
	EQUAL(setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 11), 0);
	report_aside(report);
	return NULL;
}

/* Each thread of the host its own. */
static void inherits_from_its_thread(void)
{
	static char mine[REPORT], other[REPORT];
	pthread_t thread;

	report_aside(mine);
	CHECK(pthread_create(&thread, NULL, start_one, other) == 0);
	(void)pthread_join(thread, NULL);
	CHECK(strstr(other, "nice=11\n") && !strstr(mine, "nice=11\n"));
	report_aside(mine);
	CHECK(!strstr(mine, "nice=11\n"));
}

/* The order of the starts is that of the calls. */
static void keeps_the_order(void)
{
	struct nsh_start *starts[20];
	pid_t last = 0;

	for (int i = 0; i < 20; i++) {
		struct nsh_command *cmd = PROBE("--exit", "0");

		EQUAL(nsh_command_start_aside(cmd, false, &starts[i], NULL), 0);
		nsh_command_free(cmd);
	}
	for (int i = 0; i < 20; i++) {
		struct nsh_process *process = NULL;

		EQUAL(nsh_start_finish(starts[i], 10, &process, NULL), 1);
		nsh_start_free(starts[i]);
		CHECK(nsh_process_pid(process) > last || last > 1 << 14);
		last = nsh_process_pid(process);
		EQUAL(nsh_process_wait(process, 10, NULL), 1);
		nsh_process_free(process);
	}
}

static const struct check checks[] = {
	{ "a program started aside has its host's present capabilities",
	  inherits_capabilities },
	{ "a program started aside has its host's present no_new_privs",
	  inherits_no_new_privs },
	{ "a program started aside has its host's present seccomp filters",
	  inherits_filters },
	{ "a program started aside has affinity, nice value, policy, I/O priority "
	  "and timer slack as its host has them now", inherits_scheduling },
	{ "a program started aside has its host's present ids", inherits_ids },
	{ "a program started aside has its host's present namespaces",
	  inherits_namespaces },
	{ "a program started aside has directory and umask of its host's thread",
	  inherits_directory },
	{ "a program started aside has its host's present Landlock domain",
	  inherits_landlock },
	{ "a program started aside has the attributes of the requesting thread",
	  inherits_from_its_thread },
	{ "programs start aside in the order of the requests",
	  keeps_the_order },
	{ NULL, NULL },
};

/* The host has started a program aside, and some descriptors are kept. */
static void make(void)
{
	struct nsh_process *process = start_aside(PROBE("--exit", "0"));

	EQUAL(nsh_process_wait(process, 10, NULL), 1);
	nsh_process_free(process);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		make();
	return check_main(checks, argc, argv);
}
