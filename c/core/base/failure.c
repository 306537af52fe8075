#include "failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Rows of setters.def without a stage share the entry of NONE, which is not used. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"

/* A setter's stage has the setter's name, so that an error names the call to
 * correct.  The rows of setters.def follow at the end. */
static const char *const stage_names[NSH_STAGE_COUNT] = {
	[NSH_STAGE_FIND_PROGRAM] = "find_program",
	[NSH_STAGE_PLAN] = "plan",
	[NSH_STAGE_CLONE] = "clone",
	[NSH_STAGE_DESCRIPTORS] = "descriptors",
	[NSH_STAGE_STDIN] = "set_stdin",
	[NSH_STAGE_STDOUT] = "set_stdout",
	[NSH_STAGE_STDERR] = "set_stderr",
	[NSH_STAGE_PASS_FD] = "pass_fd",
	[NSH_STAGE_SEND_BUFFER] = "send_buffer",
	[NSH_STAGE_PIPES] = "set_pipes",
	[NSH_STAGE_PTY] = "set_pty",
	[NSH_STAGE_LIMIT] = "set_limit",
	[NSH_STAGE_CPU_AFFINITY] = "set_cpu_affinity",
	[NSH_STAGE_CORE_SCHEDULING] = "core_scheduling",
	[NSH_STAGE_PRE_EXEC_HOOK] = "set_pre_exec_hook",
	[NSH_STAGE_SELINUX_LABEL] = "set_selinux_label",
	[NSH_STAGE_APPARMOR_PROFILE] = "set_apparmor_profile",
	[NSH_STAGE_GROUPS] = "set_groups",
	[NSH_STAGE_GID] = "set_gid",
	[NSH_STAGE_UID] = "set_uid",
	[NSH_STAGE_USER] = "set_user",
	[NSH_STAGE_CAPS] = "capabilities",
	[NSH_STAGE_SANDBOX_FILES] = "sandbox_files",
	[NSH_STAGE_SANDBOX_NETWORK] = "sandbox_network",
	[NSH_STAGE_SANDBOX_SYSCALLS] = "sandbox_syscalls",
	[NSH_STAGE_SANDBOX_CGROUP] = "sandbox_cgroup",
	[NSH_STAGE_SANDBOX_PRIVATE] = "sandbox_private",
	[NSH_STAGE_SIGNALS] = "signals",
	[NSH_STAGE_EXEC] = "exec",
	[NSH_STAGE_EXCHANGE] = "exchange",
	[NSH_STAGE_WAIT] = "wait",
	[NSH_STAGE_ABORT] = "abort",
#define NAMED(name, stage) [NSH_STAGE_##stage] = #name,
#define FLAG(name, key, stage, ...) NAMED(name, stage)
#define INTEGER(name, key, minimum, maximum, stage, ...) NAMED(name, stage)
#define MASK(name, key, maximum, stage, ...) NAMED(name, stage)
#define SIGNAL(name, key, stage, ...) NAMED(name, stage)
#define TEXT(name, key, stage, ...) NAMED(name, stage)
#include "setters.def"
};

#pragma GCC diagnostic pop

static const char *const code_names[] = {
	[NSH_OK] = "ok",
	[NSH_INVALID] = "invalid",
	[NSH_SPAWN] = "spawn",
	[NSH_EXIT] = "exit",
	[NSH_SIGNAL] = "signal",
	[NSH_TIMEOUT] = "timeout",
	[NSH_OUTPUT_LIMIT] = "output_limit",
	[NSH_MEMORY] = "memory",
	[NSH_LOST] = "lost",
	[NSH_IO] = "io",
	[NSH_CLOSED] = "closed",
};

const char *nsh_stage_name(enum nsh_stage stage)
{
	return stage > NSH_STAGE_NONE && stage < NSH_STAGE_COUNT ? stage_names[stage] : "";
}

const char *nsh_code_name(enum nsh_code code)
{
	return (unsigned)code <= NSH_CLOSED ? code_names[code] : "";
}

void nsh_failure_clear(struct nsh_failure *failure)
{
	if (!failure)
		return;
	failure->code = NSH_OK;
	failure->stage = NSH_STAGE_NONE;
	failure->errnum = 0;
	failure->signal = 0;
	failure->subject[0] = 0;
	failure->reason[0] = 0;
}

/* Copies a text and truncates it to the field: a failure must not need
 * memory. */
static void copy(char *target, size_t size, const char *source)
{
	size_t length = source ? strnlen(source, size - 1) : 0;

	memcpy(target, source ? source : "", length);
	target[length] = 0;
}

int nsh_fail(struct nsh_failure *failure, enum nsh_stage stage, int errnum,
	     const char *subject)
{
	if (failure) {
		nsh_failure_clear(failure);
		failure->code = stage >= NSH_STAGE_EXCHANGE ? NSH_IO : NSH_SPAWN;
		failure->stage = stage;
		failure->errnum = errnum;
		copy(failure->subject, sizeof failure->subject, subject);
	}
	return -1;
}

int nsh_fail_code(struct nsh_failure *failure, enum nsh_code code,
		  const char *reason)
{
	if (failure) {
		nsh_failure_clear(failure);
		failure->code = code;
		copy(failure->reason, sizeof failure->reason, reason);
	}
	return -1;
}

void nsh_fail_reason(struct nsh_failure *failure, const char *format, ...)
{
	int saved = errno;
	va_list arguments;

	if (!failure)
		return;
	va_start(arguments, format);
	(void)vsnprintf(failure->reason, sizeof failure->reason, format, arguments);
	va_end(arguments);
	errno = saved;
}
