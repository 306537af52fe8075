/* driver_report.h: runs the command, and reports the outcome:

   ok, code, stage, errno, signal, subject, reason      the failure
   started, launch, pid, wait, ready, notify            the process
   exit, killed_by, timed_out, incomplete, limited, out.size, out.adler, out,
   err.size, err.adler, err                             the result
   left      traces of the run in this process: descriptors, zombies, and every
             changed attribute; empty if there are none */
#ifndef DRIVER_REPORT_H
#define DRIVER_REPORT_H

#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { STATE = 16384, SEEN = 4096 };

static void tell_text(const char *key, const char *text, size_t size)
{
	(void)dprintf(driver.report, "%s=", key);
	for (size_t i = 0; i < size; i++)
		if (text[i] == '\n' || text[i] == '\\')
			(void)dprintf(driver.report, text[i] == '\n' ? "\\n" : "\\\\");
		else
			(void)!write(driver.report, text + i, 1);
	(void)dprintf(driver.report, "\n");
}

static void tell_failure(const struct nsh_failure *failure)
{
	(void)dprintf(driver.report, "code=%s\nstage=%s\nerrno=%s\nsignal=%d\n",
		      nsh_code_name(failure->code), nsh_stage_name(failure->stage),
		      nsh_errno_name(failure->errnum), failure->signal);
	tell_text("subject", failure->subject, strlen(failure->subject));
	tell_text("reason", failure->reason, strlen(failure->reason));
}

static void tell_output(const char *name, const char *data, size_t size)
{
	unsigned long a = 1, b = 0;
	char key[32];

	for (size_t i = 0; i < size; i++) {
		a = (a + (unsigned char)data[i]) % 65521;
		b = (b + a) % 65521;
	}
	(void)dprintf(driver.report, "%s.size=%zu\n%s.adler=%08lx\n", name, size,
		      name, b << 16 | a);
	(void)snprintf(key, sizeof key, "%s", name);
	tell_text(key, data, size < 2000 ? size : 2000);
}

static void tell_result(const struct nsh_result *result)
{
	if (!result)
		return;
	(void)dprintf(driver.report, "result=%s\nexit=%d\nkilled_by=%s\n"
		      "timed_out=%d\nincomplete=%d\nlimited=%d\nduration=%.3f\n",
		      nsh_code_name(result->code), result->exit_code,
		      nsh_signal_name(result->signal), result->timed_out,
		      result->output_incomplete, result->output_limited,
		      result->duration);
	if (result->has_output[1])
		tell_output("out", result->output[1], result->output_size[1]);
	if (result->has_output[2])
		tell_output("err", result->output[2], result->output_size[2]);
}

static void tell_process(struct nsh_process *process)
{
	(void)dprintf(driver.report, "started=%d\n", process != NULL);
	if (!process)
		return;
	(void)dprintf(driver.report, "launch=%s\npid=%d\n",
		      nsh_process_launch(process), (int)nsh_process_pid(process));
	tell_result(nsh_process_result(process));
}

/* ---- this process, before and after ------------------------------------ */

static size_t add_file(char *state, size_t size, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, state + size, STATE - 1 - size);

	if (fd >= 0)
		(void)close(fd);
	state[size + (got > 0 ? (size_t)got : 0)] = 0;
	return size + (got > 0 ? (size_t)got : 0);
}

/* The lines of status that a run must not change. Pending signals may be sent
   by others. */
static void keep_lines(char *state)
{
	static const char *const names[] = {
		"Umask:", "Uid:", "Gid:", "Groups:", "SigBlk:", "SigIgn:",
		"SigCgt:", "Cap", "NoNewPrivs:", "Seccomp:", "Threads:",
	};
	char *copy = strdup(state), *save = NULL;

	*state = 0;
	for (char *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (strncmp(line, names[i], strlen(names[i])) == 0)
				strcat(strcat(state, line), "; ");
	free(copy);
}

static void read_state(char *state)
{
	char cwd[1024] = "";
	size_t size;

	(void)add_file(state, 0, "/proc/self/status");
	keep_lines(state);
	size = strlen(state);
	(void)!getcwd(cwd, sizeof cwd);
	(void)snprintf(state + size, STATE - size, "cwd %s; dumpable %d; pgid %d; "
		       "sid %d; nice %ld", cwd, prctl(PR_GET_DUMPABLE), (int)getpgid(0),
		       (int)getsid(0), syscall(SYS_getpriority, 0, 0));
}

/* One letter for a descriptor: its access mode, and whether it is
   close-on-exec; '-' if it is not open. */
static void read_descriptors(char *seen)
{
	for (int fd = 0; fd < SEEN - 1; fd++) {
		int flags = fcntl(fd, F_GETFD);

		seen[fd] = flags < 0 ? '-' : (char)('a' + flags);
	}
	seen[SEEN - 1] = 0;
}

static void tell_left(const char *before, const char *seen)
{
	char after[STATE], now[SEEN];
	siginfo_t zombie = { .si_pid = 0 };

	(void)dprintf(driver.report, "left=");
	read_state(after);
	if (strcmp(before, after) != 0)
		(void)dprintf(driver.report, "before: %s after: %s ", before, after);
	read_descriptors(now);
	for (int fd = 0; fd < SEEN; fd++)
		if (seen[fd] != now[fd])
			(void)dprintf(driver.report, "descriptor %d was %c is %c ", fd,
				      seen[fd], now[fd]);
	if (waitid(P_ALL, 0, &zombie, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0)
		(void)dprintf(driver.report, "child %d ", (int)zombie.si_pid);
	(void)dprintf(driver.report, "\n");
}

/* ---- acting ------------------------------------------------------------ */

static int start(struct nsh_process **process, struct nsh_failure *failure)
{
	int ret = nsh_command_start(driver.cmd, process, failure);

	if (ret < 0)
		return ret;
	(void)dprintf(driver.report, "wait=%d\n",
		      nsh_process_wait(*process, -1, failure));
	return nsh_process_result(*process)
		? nsh_process_check(*process, failure) : -1;
}

/* The handshake as it is meant. */
static int ready(struct nsh_process **process, struct nsh_failure *failure)
{
	int ret = nsh_command_start(driver.cmd, process, failure);

	if (ret < 0)
		return ret;
	ret = nsh_process_handshake_wait(*process, 10, failure);
	(void)dprintf(driver.report, "ready=%d\n", ret);
	if (ret != 1)
		return -1;
	ret = nsh_process_handshake_notify(*process, failure);
	(void)dprintf(driver.report, "notify=%d\n", ret);
	if (ret < 0)
		return ret;
	ret = nsh_process_wait(*process, -1, failure);
	return ret == 1 ? nsh_process_check(*process, failure) : -1;
}

static void act_and_report(void)
{
	struct nsh_failure failure = { .code = NSH_OK };
	struct nsh_process *process = NULL;
	char before[STATE], seen[SEEN];
	int ret;

	read_state(before);
	read_descriptors(seen);
	if (strcmp(driver.act, "exec") == 0)
		ret = nsh_command_exec(driver.cmd, &failure);
	else if (strcmp(driver.act, "start") == 0)
		ret = start(&process, &failure);
	else if (strcmp(driver.act, "ready") == 0)
		ret = ready(&process, &failure);
	else
		ret = nsh_command_run(driver.cmd, &process, &failure);
	(void)dprintf(driver.report, "ok=%d\n", ret == 0);
	if (ret < 0)
		tell_failure(&failure);
	tell_process(process);
	nsh_process_free(process);
	(void)nsh_reap();
	tell_left(before, seen);
}

#endif
