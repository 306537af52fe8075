/*
 * sandbox.h: the sandbox that a command requests.  The command owns it; plan/sandbox.c
 * turns it into rules and a filter.
 */
#ifndef NSH_SANDBOX_H
#define NSH_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "noshell.h"
#include "strv.h"

/* The paths to which one kind of access is allowed. */
struct sandbox_paths {
	bool is_set;            /* false: the default */
	bool is_all;            /* no restriction */
	struct strv paths;
	bool *optional;         /* one per path */
};

enum sandbox_network {
	SANDBOX_NO_NETWORK,
	SANDBOX_PORTS,          /* TCP, as in `connect` and `bind` */
	SANDBOX_NETWORK,
};

struct sandbox_ports {
	uint16_t *ports;
	size_t count;
};

enum { NSH_MOST_PIDS = 4 << 20 };      /* the kernel's largest pid */

struct sandbox {
	struct sandbox_paths access[NSH_SANDBOX_ACCESSES];
	enum sandbox_network network;
	struct sandbox_ports connect, bind;
	bool filters_calls;     /* the default list, more `deny`, less `allow` */
	struct strv deny, allow;
	uint64_t memory;        /* bytes; 0: no limit, as in the next two */
	unsigned pids;
	double cpu;             /* processors */
	char *cgroup;           /* the directory in which to make one; or NULL */
	bool tmp, pid, private_network;   /* private: as in struct nsh_sandbox_private */
	struct sandbox_paths hide;
	unsigned require;       /* bit n: part n must be enforced */
};

/* Returns an independent copy, or NULL if memory is exhausted. */
struct sandbox *nsh_sandbox_copy(const struct sandbox *sandbox);
void nsh_sandbox_free(struct sandbox *sandbox);
/* True if it has private parts. */
bool nsh_sandbox_is_private(const struct sandbox *sandbox);
/* True if a part of it needs a cgroup. */
bool nsh_sandbox_has_cgroup(const struct sandbox *sandbox);

#endif
