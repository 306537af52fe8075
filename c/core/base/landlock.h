/*
 * landlock.h: Landlock's system calls and constants (landlock(7)), which the headers of
 * older distributions lack, up to version 10 of its interface.
 */
#ifndef NSH_LANDLOCK_H
#define NSH_LANDLOCK_H

#include <stdint.h>

#include "sys.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#ifndef SYS_landlock_add_rule
#define SYS_landlock_add_rule 445
#endif
#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif

/* The versions that add what is used here.  Versions 7 and 8 add flags of
 * landlock_restrict_self(2) only. */
enum {
	NSH_LANDLOCK_FILES = 1,         /* Linux 5.13 */
	NSH_LANDLOCK_REFER = 2,         /* 5.19 */
	NSH_LANDLOCK_TRUNCATE = 3,      /* 6.2 */
	NSH_LANDLOCK_TCP = 4,           /* 6.7 */
	NSH_LANDLOCK_IOCTL = 5,         /* 6.10 */
	NSH_LANDLOCK_SCOPES = 6,        /* 6.12 */
	NSH_LANDLOCK_UNIX = 9,          /* 7.1 */
	NSH_LANDLOCK_UDP = 10,          /* 7.2 */
};

/* Actions on files: ruleset.handled_access_fs. */
enum {
	NSH_FS_EXECUTE = 1 << 0,
	NSH_FS_WRITE_FILE = 1 << 1,
	NSH_FS_READ_FILE = 1 << 2,
	NSH_FS_READ_DIR = 1 << 3,
	NSH_FS_REMOVE_DIR = 1 << 4,
	NSH_FS_REMOVE_FILE = 1 << 5,
	NSH_FS_MAKE_CHAR = 1 << 6,
	NSH_FS_MAKE_DIR = 1 << 7,
	NSH_FS_MAKE_REG = 1 << 8,
	NSH_FS_MAKE_SOCK = 1 << 9,
	NSH_FS_MAKE_FIFO = 1 << 10,
	NSH_FS_MAKE_BLOCK = 1 << 11,
	NSH_FS_MAKE_SYM = 1 << 12,
	NSH_FS_REFER = 1 << 13,
	NSH_FS_TRUNCATE = 1 << 14,
	NSH_FS_IOCTL_DEV = 1 << 15,
	NSH_FS_RESOLVE_UNIX = 1 << 16,
	/* Those that a rule for something else than a directory may have. */
	NSH_FS_OF_FILES = NSH_FS_EXECUTE | NSH_FS_WRITE_FILE | NSH_FS_READ_FILE
		| NSH_FS_TRUNCATE | NSH_FS_IOCTL_DEV | NSH_FS_RESOLVE_UNIX,
};

/* Actions on sockets, and scopes. */
enum {
	NSH_NET_BIND_TCP = 1 << 0,
	NSH_NET_CONNECT_TCP = 1 << 1,
	NSH_NET_BIND_UDP = 1 << 2,
	NSH_NET_CONNECT_SEND_UDP = 1 << 3,
	NSH_SCOPE_ABSTRACT_UNIX = 1 << 0,
	NSH_SCOPE_SIGNAL = 1 << 1,
};

enum { NSH_LANDLOCK_GET_VERSION = 1, NSH_RULE_PATH = 1, NSH_RULE_PORT = 2 };

struct nsh_ruleset_attr {
	uint64_t fs, net, scoped;
};

struct nsh_path_attr {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct nsh_port_attr {
	uint64_t allowed, port;
};

/* Returns the version of the interface, or minus an errno. */
static inline int nsh_landlock_version(void)
{
	return (int)nsh_sys(SYS_landlock_create_ruleset, 0, 0,
			    NSH_LANDLOCK_GET_VERSION, 0, 0);
}

/* Kernels reject sizes that they do not know only if the rest is not zero. */
static inline int nsh_landlock_create(const struct nsh_ruleset_attr *attr)
{
	return (int)nsh_sys(SYS_landlock_create_ruleset, (long)attr, sizeof *attr, 0,
			    0, 0);
}

static inline int nsh_landlock_add(int ruleset, int type, const void *attr)
{
	return (int)nsh_sys(SYS_landlock_add_rule, ruleset, type, (long)attr, 0, 0);
}

static inline int nsh_landlock_restrict(int ruleset)
{
	return (int)nsh_sys(SYS_landlock_restrict_self, ruleset, 0, 0, 0, 0);
}

#endif
