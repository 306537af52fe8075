/* Whether an exec would succeed. */
#include <unistd.h>

#include "child_steps.h"

/* Which of the errors only mean that the question is not understood here, by
 * the kernel or by a sandbox. */
static bool is_no_answer(int ret)
{
	return ret == -ENOSYS || ret == -EINVAL || ret == -EPERM;
}

/* Limit: Linux before 5.8 has no access check of the effective ids: there
 * everything passes. */
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

/* The interpreter's path in `head`, which ends with a null byte; NULL where it
 * is no script, or the line is too long for us. */
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

/* Limit: an ELF program's dynamic loader is not looked for. */
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

int nsh_check_candidate(const struct plan *plan, const char *path)
{
	int ret = (int)nsh_sys(SYS_execveat, AT_FDCWD, (long)path, (long)plan->argv,
			       (long)plan->envp, NSH_AT_EXECVE_CHECK);

	if (is_no_answer(ret))
		ret = check_access(path);
	if (ret == -ETXTBSY)
		return 0;   /* which may pass */
	return ret < 0 ? ret : check_interpreter(path);
}
