#include "limits.h"

#include <string.h>
#include <sys/resource.h>

static const char *const names[] = {
	[RLIMIT_AS] = "as", [RLIMIT_CORE] = "core", [RLIMIT_CPU] = "cpu",
	[RLIMIT_DATA] = "data", [RLIMIT_FSIZE] = "fsize",
	[RLIMIT_LOCKS] = "locks", [RLIMIT_MEMLOCK] = "memlock",
	[RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
	[RLIMIT_NOFILE] = "nofile", [RLIMIT_NPROC] = "nproc",
	[RLIMIT_RSS] = "rss", [RLIMIT_RTPRIO] = "rtprio",
	[RLIMIT_RTTIME] = "rttime", [RLIMIT_SIGPENDING] = "sigpending",
	[RLIMIT_STACK] = "stack",
};

enum { NAME_COUNT = sizeof names / sizeof *names };

int nsh_limit_resource(const char *name)
{
	for (int i = 0; i < NAME_COUNT; i++)
		if (names[i] && strcmp(names[i], name) == 0)
			return i;
	return -1;
}

const char *nsh_limit_name(int resource)
{
	return resource >= 0 && resource < NAME_COUNT && names[resource]
		? names[resource] : "";
}
