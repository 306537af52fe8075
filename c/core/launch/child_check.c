/* Predicts whether an exec would succeed, for an exec in place. */
#include <unistd.h>

#include "child_steps.h"

/* True for errors that say nothing about the file: the kernel or a sandbox does
 * not offer the call. */
static bool is_no_answer(int ret)
{
	return ret == -ENOSYS || ret == -EINVAL || ret == -EPERM;
}

/* Checks with the effective ids, as exec does; access(2) uses the real ones.
 * Limit: before Linux 5.8 there is no faccessat2(2), and every file passes. */
static int check_access(const char *path)
{
	int ret = (int)nsh_sys(SYS_faccessat2, AT_FDCWD, (long)path, X_OK,
			       AT_EACCESS, 0);

	return is_no_answer(ret) ? 0 : ret;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Returns the interpreter's path in `head`, a NUL-terminated text; NULL if the
 * file is no script or its first line does not fit. */
static const char *interpreter_in(char *head)
{
	char *start = head + 2, *end;

	if (head[0] != '#' || head[1] != '!')
		return NULL;
	while (is_blank(*start))
		start++;
	for (end = start; *end && *end != '\n' && !is_blank(*end); end++)
		;
	if (!*end || end == start)
		return NULL;
	*end = 0;
	return start;
}

/* execve(2) returns ENOENT if a script's interpreter is missing; an access check
 * of the script alone would not notice.
 * Limit: the dynamic loader of an ELF program is not checked. */
static int check_interpreter(const char *path)
{
	const char *interpreter;
	char head[256];
	long size;
	int fd = nsh_sys_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);

	if (fd < 0)
		return 0;   /* it may be executable and not readable */
	size = nsh_sys_read(fd, head, sizeof head - 1);
	nsh_sys_close(fd);
	if (size < 0)
		return 0;
	head[size] = 0;
	interpreter = interpreter_in(head);
	return interpreter ? check_access(interpreter) : 0;
}

/* AT_EXECVE_CHECK (Linux 6.14) asks the kernel itself; older kernels answer
 * EINVAL. */
int nsh_check_candidate(const struct plan *plan, const char *path)
{
	int ret = (int)nsh_sys(SYS_execveat, AT_FDCWD, (long)path, (long)plan->argv,
			       (long)plan->envp, NSH_AT_EXECVE_CHECK);

	if (is_no_answer(ret))
		ret = check_access(path);
	if (ret == -ETXTBSY)
		return 0;   /* temporary: execute_one() retries */
	return ret < 0 ? ret : check_interpreter(path);
}
