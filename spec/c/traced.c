/* traced orphan|interrupted PROBE: a host at a moment that no timing hits, held
   there with ptrace(2).

   orphan        the host dies after it has cloned a supervisor, before that one
                 does anything; prints what the program wrote, or "nothing"
   interrupted   the host's first waitid(2) fails with EINTR; prints "zombie" or
                 "none" for what it has not reaped

   Without arguments it names the two. */
#include "noshell.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *probe;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "traced: %s: errno %d\n", what, errno);
	_exit(65);
}

/* The host, stopped before it does anything; `host` runs when it goes on. */
static pid_t start_host(void (*host)(int out), int out, long options)
{
	pid_t pid = fork();

	if (pid == 0) {
		need(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0, "traceme");
		(void)raise(SIGSTOP);
		host(out);
		_exit(0);
	}
	need(waitpid(pid, NULL, 0) == pid, "waitpid");
	need(ptrace(PTRACE_SETOPTIONS, pid, NULL,
		    PTRACE_O_EXITKILL | options) == 0, "setoptions");
	return pid;
}

static void print_all(int in)
{
	char text[64];
	ssize_t size = read(in, text, sizeof text);

	(void)printf("%.*s", size > 0 ? (int)size : 8, size > 0 ? text : "nothing\n");
}

/* ---- orphan ------------------------------------------------------------ */

/* Ignored, SIGCHLD makes the kernel reap, so that a supervisor is needed. */
static void host_with_supervisor(int out)
{
	struct nsh_command *cmd = nsh_command_new_args(probe, "--say", "started", NULL);
	struct nsh_process *process;

	(void)signal(SIGCHLD, SIG_IGN);
	nsh_command_set_parent_death_signal(cmd, SIGKILL);
	nsh_command_set_stdio_fd(cmd, 1, out);
	(void)nsh_command_start(cmd, &process, NULL);
}

static void await_clone(pid_t host, pid_t *ret_clone)
{
	unsigned long message;
	int status;

	for (;;) {
		need(ptrace(PTRACE_CONT, host, NULL, NULL) == 0, "cont");
		need(waitpid(host, &status, 0) == host, "waitpid");
		need(WIFSTOPPED(status), "no supervisor was cloned");
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_CLONE << 8))
			break;
	}
	need(ptrace(PTRACE_GETEVENTMSG, host, NULL, &message) == 0, "geteventmsg");
	*ret_clone = (pid_t)message;
}

static void orphan(void)
{
	pid_t host, supervisor;
	int ends[2], status;

	need(pipe(ends) == 0, "pipe");
	host = start_host(host_with_supervisor, ends[1], PTRACE_O_TRACECLONE);
	(void)close(ends[1]);
	await_clone(host, &supervisor);
	need(waitpid(supervisor, NULL, __WALL) == supervisor, "waitpid");
	need(kill(host, SIGKILL) == 0, "kill");
	do
		need(waitpid(host, &status, 0) == host, "waitpid");
	while (!WIFSIGNALED(status));
	need(ptrace(PTRACE_DETACH, supervisor, NULL, NULL) == 0, "detach");
	print_all(ends[0]);
}

/* ---- interrupted ------------------------------------------------------- */

static void host_that_asks(int out)
{
	struct nsh_features features;
	pid_t left;

	nsh_features(&features);
	left = waitpid(-1, NULL, __WALL | WNOHANG);
	(void)dprintf(out, "%s\n", left < 0 && errno == ECHILD ? "none" : "zombie");
}

#ifdef __x86_64__
static void next_stop(pid_t host, struct user_regs_struct *ret_registers)
{
	need(ptrace(PTRACE_SYSCALL, host, NULL, NULL) == 0, "syscall");
	need(waitpid(host, NULL, 0) == host, "waitpid");
	need(ptrace(PTRACE_GETREGS, host, NULL, ret_registers) == 0, "getregs");
}

/* The kernel sees an invalid number, and the host what we put in its place. */
static void interrupt_waitid(pid_t host)
{
	struct user_regs_struct registers;

	do
		next_stop(host, &registers);
	while (registers.orig_rax != SYS_waitid);
	registers.orig_rax = (unsigned long long)-1;
	need(ptrace(PTRACE_SETREGS, host, NULL, &registers) == 0, "setregs");
	next_stop(host, &registers);
	registers.rax = (unsigned long long)-EINTR;
	need(ptrace(PTRACE_SETREGS, host, NULL, &registers) == 0, "setregs");
}
#else
static void interrupt_waitid(pid_t host)
{
	(void)kill(host, SIGKILL);
	need(false, "x86-64 alone");
}
#endif

static void interrupted(void)
{
	int ends[2];
	pid_t host;

	need(pipe(ends) == 0, "pipe");
	host = start_host(host_that_asks, ends[1], 0);
	(void)close(ends[1]);
	interrupt_waitid(host);
	need(ptrace(PTRACE_DETACH, host, NULL, NULL) == 0, "detach");
	print_all(ends[0]);
	need(waitpid(host, NULL, 0) == host, "waitpid");
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return puts("orphan\ninterrupted") < 0;
	probe = argv[2];
	if (strcmp(argv[1], "orphan") == 0)
		orphan();
	else
		interrupted();
	return 0;
}
