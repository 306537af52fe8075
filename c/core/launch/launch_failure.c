/* Turns a failure record into a failure: finds the subject of the stage, and the
 * reason. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fd.h"
#include "path.h"

/* Names a descriptor by a number that the caller knows.  One that noshell opened
 * itself is known by its number in the child only. */
static const char *move_subject(const struct plan *plan, size_t index,
				char *text, size_t size)
{
	const struct move *move = &plan->moves[index];

	while (move->same_as >= 0)
		move = &plan->moves[move->same_as];
	if (move->source < 0)
		return move->path;
	if (move->is_ours && move->target <= 2)
		return "pipe";
	(void)snprintf(text, size, "descriptor %d",
		       move->is_ours ? move->target : move->source);
	return text;
}

/* Returns the argument of the stage's setter as text if it was a number. */
static const char *number_subject(const struct plan *plan, int stage,
				  char *text, size_t size)
{
	long long number;

	switch (stage) {
#define INTEGER(name, key, minimum, maximum, stage, ...) \
	case NSH_STAGE_##stage: \
		number = plan->attributes.key; \
		break;
#include "setters.def"
	case NSH_STAGE_GID:
		number = plan->attributes.gid;
		break;
	case NSH_STAGE_UID:
		number = plan->attributes.uid;
		break;
	case NSH_STAGE_CORE_SCHEDULING:
		number = plan->attributes.core_among;
		break;
	case NSH_STAGE_PROCESS_GROUP:
		number = plan->attributes.process_group;
		if (number == 0)
			return "";
		break;
	default:
		return "";
	}
	(void)snprintf(text, size, "%lld", number);
	return text;
}

static const char *private_subject(const struct plan *plan, size_t index)
{
	switch (index) {
	case NSH_PRIVATE_SPACES:
	case NSH_PRIVATE_USER:
	case NSH_PRIVATE_INIT:
	case NSH_PRIVATE_NETWORK:
		return "private";
	case NSH_PRIVATE_TMP:
		return "/tmp";
	case NSH_PRIVATE_PROC:
		return "/proc";
	default:
		return plan->sandbox.isolation.hidden[index - NSH_PRIVATE_HIDE] + 1;
	}
}

static const char *subject_of(const struct plan *plan,
			      const struct failure_record *record, char *text, size_t size)
{
	size_t index = (size_t)record->index;

	switch (record->stage) {
	case NSH_STAGE_STDIN:
	case NSH_STAGE_STDOUT:
	case NSH_STAGE_STDERR:
	case NSH_STAGE_PASS_FD:
	case NSH_STAGE_SEND_BUFFER:
	case NSH_STAGE_PIPES:
		return move_subject(plan, index, text, size);
#define TEXT(name, key, stage, ...) \
	case NSH_STAGE_##stage: \
		return plan->attributes.key;
#include "setters.def"
	case NSH_STAGE_LIMIT:
		return nsh_limit_name(plan->attributes.limits[index].resource);
	case NSH_STAGE_SELINUX_LABEL:
		return plan->selinux.text;
	case NSH_STAGE_APPARMOR_PROFILE:
		return plan->apparmor.text + sizeof "exec " - 1;
	case NSH_STAGE_SANDBOX_PRIVATE:
		return private_subject(plan, index);
	case NSH_STAGE_EXEC:
		return plan->candidates[index];
	default:
		return number_subject(plan, record->stage, text, size);
	}
}

/* dup3(2) reports EBADF also for a target beyond RLIMIT_NOFILE. */
static void explain_move(const struct move *move, struct nsh_failure *failure)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && move->target >= 0
	    && (rlim_t)move->target >= limit.rlim_cur)
		nsh_fail_reason(failure, "the child's descriptor %d is beyond the "
				"limit of open files, %llu", move->target,
				(unsigned long long)limit.rlim_cur);
}

/* Mentions the label if exec was refused: the errno does not show that a security
 * module refused it. */
static void explain_label(const struct plan *plan, struct nsh_failure *failure)
{
	const char *label = plan->selinux.text;

	if (plan->apparmor.text)
		label = plan->apparmor.text + sizeof "exec " - 1;
	if (!label || !failure || failure->reason[0])
		return;
	if (failure->errnum == EACCES || failure->errnum == EPERM)
		nsh_fail_reason(failure, "not permitted, with the label '%s'", label);
}

static void explain_exec(const struct plan *plan, const char *path,
			 struct nsh_failure *failure)
{
	nsh_path_explain(path, failure);
	explain_label(plan, failure);
}

static const char *landlock_cause(int error)
{
	if (error == E2BIG)
		return "this process is in as many Landlock domains as the kernel allows";
	if (error == ESTALE || error == EBADF || error == EBADFD)
		return "other code in this process has closed the sandbox's descriptor";
	return "a seccomp filter of this process denies landlock_restrict_self(2)";
}

static void explain_sandbox(const struct failure_record *record,
			    struct nsh_failure *failure)
{
	nsh_fail_reason(failure, "%s", record->index == NSH_MEANS_CGROUP
			? "the child cannot join its cgroup"
			: record->index != NSH_MEANS_FILTER
			? landlock_cause(record->error)
			: record->error == ENOMEM ? "no memory for the filter"
			: "a seccomp filter of this process denies seccomp(2)");
}

/* True if a file below /proc/sys contains this digit only. */
static bool is_set(const char *path, char digit)
{
	char text[2] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text);

	nsh_close(&fd);
	return size > 0 && text[0] == digit && (size == 1 || text[1] == '\n');
}

static const char no_more[] =
	"the limit of user namespaces is reached: user.max_user_namespaces";

const char *nsh_user_space_lack(void)
{
	if (is_set("/proc/sys/kernel/unprivileged_userns_clone", '0'))
		return "user namespaces are disabled: kernel.unprivileged_userns_clone is 0";
	if (is_set("/proc/sys/user/max_user_namespaces", '0'))
		return no_more;
	if (is_set("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
		return "AppArmor restricts user namespaces: "
			"kernel.apparmor_restrict_unprivileged_userns is 1";
	return NULL;
}

static const char *user_space_cause(int error)
{
	const char *lack = nsh_user_space_lack();

	if (error == ENOSPC)
		return no_more;
	return lack ? lack : "this process may not make namespaces: a seccomp filter, a container or a "
		"security module denies it";
}

static const char *private_cause(const struct plan *plan,
				 const struct failure_record *record)
{
	bool is_user = plan->sandbox.isolation.in_user_space;

	if (record->index == NSH_PRIVATE_INIT && record->error == ENOSYS)
		return "a new pid namespace needs the launcher, which cannot be executed here";
	if (record->index == NSH_PRIVATE_USER)
		return "this process is not dumpable, or a security module denies it";
	if (record->index == NSH_PRIVATE_PROC && record->error == EPERM && is_user)
		return "parts of /proc are hidden here, as in a container, so the kernel "
			"refuses to mount a new one";
	if (record->error == EPERM || record->error == EACCES || record->error == ENOSPC)
		return is_user ? user_space_cause(record->error)
			: "a seccomp filter, a Landlock domain or a security module of this "
			"process denies namespaces or mounts";
	return NULL;
}

static void explain_private(const struct plan *plan, const struct failure_record *record,
			    struct nsh_failure *failure)
{
	const char *cause = private_cause(plan, record);

	if (cause)
		nsh_fail_reason(failure, "%s", cause);
}

static bool is_sandbox(int stage)
{
	return stage >= NSH_STAGE_SANDBOX_FILES && stage <= NSH_STAGE_SANDBOX_PRIVATE;
}

static void explain(const struct plan *plan, const struct failure_record *record,
		    const char *subject, struct nsh_failure *failure)
{
	bool silent = failure && !record->error && !failure->signal;

	if (record->message[0])
		nsh_fail_reason(failure, "%.*s", NSH_REASON_SIZE - 1, record->message);
	else if (silent)   /* a hook exited, or the status was lost to other code */
		nsh_fail_reason(failure, "the child ended before it executed the program");
	else if (record->error == ETIMEDOUT && plan->patience >= 0)
		nsh_fail_reason(failure, "it took longer than the %s's timeout",
				plan->shares_patience ? "pipeline" : "command");
	else if (record->stage == NSH_STAGE_EXEC)
		explain_exec(plan, subject, failure);
	else if (record->stage == NSH_STAGE_SANDBOX_PRIVATE && record->error)
		explain_private(plan, record, failure);
	else if (is_sandbox(record->stage) && record->error)
		explain_sandbox(record, failure);
	else if (record->stage == NSH_STAGE_LIMIT && record->error == EPERM)
		nsh_fail_reason(failure, "raising a hard limit needs CAP_SYS_RESOURCE");
	else if (record->stage == NSH_STAGE_PROCESS_GROUP && plan->attributes.process_group
		 && (record->error == EPERM || record->error == ESRCH))
		nsh_fail_reason(failure, "this session has no such process group");
	else if (record->stage == NSH_STAGE_CPU_AFFINITY && record->error == EINVAL)
		nsh_fail_reason(failure, "none of these processors may be used here");
	else if (record->error == EBADF && (size_t)record->index < plan->move_count)
		explain_move(&plan->moves[record->index], failure);
}

int nsh_launch_fail(const struct plan *plan, const struct failure_record *record,
		    int signal, struct nsh_failure *failure)
{
	const char *subject;
	char text[32];

	subject = subject_of(plan, record, text, sizeof text);
	nsh_fail(failure, (enum nsh_stage)record->stage, record->error, subject);
	if (failure)
		failure->signal = record->error ? 0 : signal;
	explain(plan, record, subject, failure);
	return -1;
}
