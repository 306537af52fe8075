#include "calls.h"

#include <stdlib.h>
#include <string.h>

#ifdef NSH_HAVE_SECCOMP
#include <seccomp.h>
#endif

/* ---- groups ---------------------------------------------------------------- */

enum group {
#define GROUP(id, ...) GROUP_##id,
#include "sandbox_calls.def"
	GROUP_COUNT
};

static const char *const group_names[] = {
#define GROUP(id, name, ...) name,
#include "sandbox_calls.def"
};

static const char *const descriptions[] = {
#define GROUP(id, name, description) description,
#include "sandbox_calls.def"
};

static const struct {
	const char *name;
	int number;
} rows[] = {
#define CALL(group, name, number) { #name, number },
#include "sandbox_calls.def"
};

enum { ROW_COUNT = sizeof rows / sizeof *rows };

/* The names of each group, with a NULL before the first one and after each. */
static const char *const names[ROW_COUNT + GROUP_COUNT + 2] = {
	NULL
#define GROUP(...) , NULL
#define CALL(group, name, number) , #name
#include "sandbox_calls.def"
};

/* Returns the first name of a group: the one after the group's NULL. */
static const char *const *names_of(size_t group)
{
	const char *const *name = names + 1;

	for (size_t seen = 0;; name++)
		if (!*name && seen++ == group)
			return name + 1;
}

const struct nsh_sandbox_group *nsh_sandbox_group(size_t index)
{
	static _Thread_local struct nsh_sandbox_group group;

	if (index >= GROUP_COUNT)
		return NULL;
	group = (struct nsh_sandbox_group){
		group_names[index], descriptions[index], names_of(index),
	};
	return &group;
}

const struct nsh_sandbox_group *nsh_call_group(const char *name)
{
	for (size_t i = 0; i < GROUP_COUNT; i++)
		if (strcmp(group_names[i], name) == 0)
			return nsh_sandbox_group(i);
	return NULL;
}

/* ---- names ------------------------------------------------------------------ */

bool nsh_sandbox_has_call(const char *name)
{
	if (!name || *name == '@')
		return name && nsh_call_group(name);
	return !nsh_calls_are_known() || nsh_call_number(name) != NSH_NO_CALL;
}

/* Returns the number of a call of sandbox_calls.def that libseccomp may not know. */
static int newer_number(const char *name)
{
	for (int i = 0; i < ROW_COUNT; i++)
		if (rows[i].number >= 0 && strcmp(rows[i].name, name) == 0)
			return rows[i].number;
	return NSH_NO_CALL;
}

#ifdef NSH_HAVE_SECCOMP

bool nsh_calls_are_known(void)
{
	return true;
}

int nsh_call_number(const char *name)
{
	int number = seccomp_syscall_resolve_name(name);

	return number != __NR_SCMP_ERROR ? number : newer_number(name);
}

char *nsh_sandbox_call(int number)
{
	return seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
}

#else

bool nsh_calls_are_known(void)
{
	return false;
}

int nsh_call_number(const char *name)
{
	return newer_number(name);
}

char *nsh_sandbox_call(int number)
{
	(void)number;
	return NULL;
}

#endif
