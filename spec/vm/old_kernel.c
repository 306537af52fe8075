/*
 * old_kernel: the core on Linux 6.1, which discards a reaped child's status (no
 * PIDFD_GET_INFO) and cannot signal a group through a pidfd.  With the path of a
 * probe it runs outside the virtual machine, on any kernel.  With
 * NOSHELL_VM_KERNEL=vmlinuz-5.10… spec/vm/specs.sh runs it on a kernel that ends
 * all processes which share the memory of one that dumps core.
 */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../c/kill_on.h"

static const char *const paths[] = { "shared", "prefix", "copied", "launcher", "own" };
enum { PATHS = sizeof paths / sizeof *paths, RUNS = 25 };

static const char *probe = "/spec/probe";
static const char *path;        /* the launch path that is forced now */

static void check_on_path(const char *what, const char *got, const char *want)
{
	char text[128];

	(void)snprintf(text, sizeof text, "%s (%s)", what, path);
	check(text, got, want);
}

/* Describes the end of a process: "exit 3", "signal TERM", "timeout", "lost". */
static const char *ending(const struct nsh_process *process)
{
	const struct nsh_result *result = nsh_process_result(process);
	static char text[64];

	if (!result)
		return "not finished";
	if (result->code == NSH_OK || result->code == NSH_EXIT)
		(void)snprintf(text, sizeof text, "exit %d", result->exit_code);
	else if (result->code == NSH_SIGNAL)
		(void)snprintf(text, sizeof text, "signal %s",
			       nsh_signal_name(result->signal));
	else
		return nsh_code_name(result->code);
	return text;
}

static struct nsh_process *start(struct nsh_command *take_cmd)
{
	struct nsh_process *process = NULL;
	struct nsh_failure failure = { .code = NSH_OK };

	if (nsh_command_start(take_cmd, &process, &failure) < 0)
		check_on_path("it starts", failure_text(&failure), "ok");
	nsh_command_free(take_cmd);
	return process;
}

static struct nsh_process *run(struct nsh_command *take_cmd)
{
	struct nsh_process *process = start(take_cmd);

	if (process)
		(void)nsh_process_wait(process, 30, NULL);
	return process;
}

/* ---- what runs everywhere ---------------------------------------------- */

static void check_run(void)
{
	struct nsh_process *process = run(nsh_command_new_args(
		probe, "--out", "300000", "--exit", "3", NULL));
	char text[32];

	check_on_path("exit status", ending(process), "exit 3");
	check_on_path("the path is the one that was forced",
		      nsh_process_launch(process), path);
	(void)snprintf(text, sizeof text, "%zu",
		       nsh_process_result(process)->output_size[1]);
	check_on_path("bytes captured", text, "300000");
	nsh_process_free(process);
	process = run(nsh_command_new_args(probe, "--kill", "USR1", NULL));
	check_on_path("death by signal", ending(process), "signal USR1");
	nsh_process_free(process);
}

static void check_input(void)
{
	struct nsh_command *cmd = nsh_command_new_args(probe, "--in", NULL);
	static char data[500000];
	struct nsh_process *process;

	nsh_command_set_input_buffer(cmd, data, sizeof data);
	process = run(cmd);
	check_on_path("bytes of input",
		      report_value(nsh_process_result(process)->output[1], "in.count"),
		      "500000");
	nsh_process_free(process);
}

static void check_failure(void)
{
	struct nsh_command *cmd = nsh_command_new(probe);

	check_on_path("no program",
		      outcome(nsh_command_new("/nonexistent"), ""),
		      "spawn exec ENOENT");
	nsh_command_set_working_directory(cmd, "/nonexistent");
	check_on_path("no working directory", outcome(cmd, ""),
		      "spawn set_working_directory ENOENT");
}

static bool is_gone(const char *pid)
{
	char name[64], state = 'X';
	FILE *file;

	(void)snprintf(name, sizeof name, "/proc/%s/stat", pid);
	file = fopen(name, "re");
	if (!file)
		return true;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	(void)fclose(file);
	return state == 'Z' || state == 'X';
}

/* A grandchild in its own session that ignores TERM. */
static void check_timeout(void)
{
	struct nsh_command *cmd = nsh_command_new_args(
		probe, "--print-pids", "--fork", "--setsid", "--ignore", "TERM",
		"--pause", "--end", "--pause", NULL);
	const struct nsh_result *result;
	struct nsh_process *process;

	nsh_command_set_timeout(cmd, 0.3, 0.1);
	process = run(cmd);
	result = nsh_process_result(process);
	check_on_path("a timeout", ending(process), "timeout");
	check_on_path("has ended it by TERM",
		      result ? nsh_signal_name(result->signal) : "", "TERM");
	check_on_path("and its whole tree",
		      result && is_gone(report_value(result->output[1], "grandchild"))
		      ? "gone" : "there", "gone");
	nsh_process_free(process);
}

/* ---- statuses and those who steal them --------------------------------- */

/* The first ending among many that is not the right one, else that. */
static const char *endings(void)
{
	const char *text = "";

	for (int i = 0; i < RUNS; i++) {
		struct nsh_process *process = run(nsh_command_new_args(
			probe, "--exit", i % 2 ? "7" : "0", NULL));

		text = ending(process);
		nsh_process_free(process);
		if (strcmp(text, i % 2 ? "exit 7" : "exit 0") != 0)
			return text;
	}
	return "right";
}

/* The child's parent: us, or a supervisor. */
static const char *parent(void)
{
	char self[32];

	(void)snprintf(self, sizeof self, "%d", (int)getpid());
	return strcmp(outcome(nsh_command_new(probe), "ppid"), self) == 0
		? "we" : "a supervisor";
}

static volatile sig_atomic_t stolen;

static void steal(int number)
{
	int saved = errno;

	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		stolen++;
	errno = saved;
}

static void check_handler(const char *wanted_parent)
{
	struct sigaction action = { .sa_handler = steal, .sa_flags = SA_RESTART };

	(void)sigaction(SIGCHLD, &action, NULL);
	check_on_path("statuses, where a handler reaps", endings(), "right");
	check_on_path("the parent then", parent(), wanted_parent);
	(void)signal(SIGCHLD, SIG_IGN);
	check_on_path("statuses, where SIGCHLD is ignored", endings(), "right");
	(void)signal(SIGCHLD, SIG_DFL);
	check_on_path("statuses if no other code reaps", endings(), "right");
	check_on_path("the parent then", parent(), "we");
}

static void *thief(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_ACQUIRE))
		if (waitpid(-1, NULL, 0) < 0)
			(void)usleep(1000);
	return NULL;
}

static void check_thread(void)
{
	pthread_t thread;
	int stop = 0;

	if (pthread_create(&thread, NULL, thief, &stop) != 0)
		return;
	check_on_path("statuses, where a thread reaps", endings(), "right");
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	(void)pthread_join(thread, NULL);
}

/* A host that does not look like one that reaps, but does. */
static void check_stolen(const char *wanted)
{
	struct nsh_process *process = start(nsh_command_new(probe));
	struct nsh_failure failure = { .code = NSH_OK };

	if (waitpid(nsh_process_pid(process), NULL, 0) < 0)
		check_on_path("the status is stolen", "it is not", "it is");
	(void)nsh_process_wait(process, 30, NULL);
	check_on_path("a stolen status", ending(process), wanted);
	(void)nsh_process_check(process, &failure);
	check_on_path("and what check says", nsh_code_name(failure.code),
		      strcmp(wanted, "lost") == 0 ? "lost" : "ok");
	nsh_process_free(process);
}

/* ---- children that dump core -------------------------------------------- */

/* Runs `host` in a fork of this process; describes its end. */
static const char *host_ending(void (*host)(unsigned), unsigned number)
{
	static char text[64];
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		host(number);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) < 0)
		return "not waited for";
	(void)snprintf(text, sizeof text, "%s %d",
		       WIFSIGNALED(status) ? "signal" : "exit",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return text;
}

static void be_filtered(unsigned call)
{
	struct nsh_command *cmd = nsh_command_new_args(probe, "--pause", NULL);
	struct nsh_features features;

	(void)kill_on(call);
	nsh_features(&features);
	nsh_command_set_nice(cmd, 5);
	nsh_command_set_timeout(cmd, 0.05, 5);
	for (int i = 0; i < 2; i++) {
		struct nsh_process *process = NULL;

		if (nsh_command_start(cmd, &process, NULL) == 0)
			(void)nsh_process_wait(process, 30, NULL);
		nsh_process_free(process);
	}
}

static void check_filters(void)
{
	static const unsigned calls[] = {
		436 /* close_range */, 434 /* pidfd_open */, 438 /* pidfd_getfd */,
		424 /* pidfd_send_signal */, SYS_setpriority, SYS_prctl,
		SYS_sched_setscheduler, SYS_unshare,
	};
	char text[64];

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		(void)snprintf(text, sizeof text, "a filter that kills call %u",
			       calls[i]);
		check_on_path(text, host_ending(be_filtered, calls[i]), "exit 0");
	}
}

/* Holds back the child that opens the file, signals the whole group then, and
 * lets the child go on. */
static void interfere(const char *file, int ready, int number)
{
	int fd = open(file, O_RDWR);
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGIO);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0 || write(ready, "r", 1) != 1)
		_exit(1);
	(void)sigwaitinfo(&set, NULL);
	(void)kill(0, number);
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	_exit(0);
}

static void be_signalled(unsigned number)
{
	struct nsh_command *cmd = nsh_command_new(probe);
	char file[] = "/tmp/old_kernel.XXXXXX", byte;
	struct nsh_process *process = NULL;
	int ends[2], fd = mkstemp(file);

	(void)close(fd);
	(void)setpgid(0, 0);
	(void)signal((int)number, SIG_IGN);
	if (pipe(ends) < 0)
		_exit(1);
	if (fork() == 0)
		interfere(file, ends[1], (int)number);
	(void)close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		_exit(2);
	nsh_command_set_stdio_path(cmd, 0, file, false);
	if (nsh_command_start(cmd, &process, NULL) == 0)
		_exit(3);
	(void)unlink(file);
}

static void check_core_dumps(void)
{
	check_on_path("SIGQUIT during a launch", host_ending(be_signalled, SIGQUIT),
		      "exit 0");
	check_on_path("SIGXCPU during a launch", host_ending(be_signalled, SIGXCPU),
		      "exit 0");
}

int main(int argc, char **argv)
{
	struct nsh_features features;

	if (argc > 1)
		probe = argv[1];
	nsh_features(&features);
	if (argc == 1)
		check_true("this kernel loses statuses", !features.pidfd_info);
	check("the launch path", features.launch, "shared");
	check_true("a supervisor is not needed yet", !features.supervisor);
	for (size_t i = 0; i < PATHS; i++) {
		path = paths[i];
		(void)setenv("NOSHELL_LAUNCH", path, 1);
		check_run();
		check_input();
		check_failure();
		check_timeout();
		check_filters();
		check_core_dumps();
		check_handler(features.pidfd_info ? "we" : "a supervisor");
		check_stolen(features.pidfd_info ? "exit 0" : "lost");
		/* Last: for a moment more a thread that was joined is seen. */
		check_thread();
	}
	return verdict();
}
