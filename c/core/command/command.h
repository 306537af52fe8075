/*
 * command.h: the builder behind noshell.h.  A command owns copies of all that
 * it was given; its attributes are kept as the plan will have them.  One that
 * made a mistake changes no more.
 */
#ifndef NSH_COMMAND_H
#define NSH_COMMAND_H

#include "env.h"
#include "plan.h"
#include "strv.h"

struct stdio {
	enum nsh_stdio kind;
	int fd;
	char *path;
	bool append;
};

struct passed_fd {
	int source, target;
	bool close_parent;
};

struct send_buffer {
	struct buffer data;
	int target;
};

enum { SEND_BUFFER_FIRST_FD = 3 };

struct nsh_command {
	struct strv argv;           /* [0] is the program's name */
	char *arg0;                 /* NULL: argv[0] */
	bool *secret;               /* one per argv, or NULL */
	size_t secret_capacity;
	struct env env;

	struct stdio stdio[3];
	struct buffer input;
	struct passed_fd *passed;
	size_t passed_count;
	unsigned owner;             /* nsh_fork_id(): who has given them away */
	struct send_buffer *sends;
	size_t send_count;

	/* Scalars of the plan; its pointers are the owned ones below. */
	struct plan attributes;
#define TEXT(name, key, ...) char *key;
#include "setters.def"
	char *selinux_label, *apparmor_profile;
	bool selinux_if_enabled, apparmor_if_enabled;
	struct limit *limits;
	gid_t *groups;
	unsigned *cpus;             /* NULL: all, where they are set */
	bool clear_caps;
	uint64_t allow_caps;

	double timeout, grace;      /* timeout < 0: none */
	size_t max_output;
	struct exits allowed_exit;

	struct {
		bool made;
		char *method, *value, *reason, *where, *key;
		int errnum;
		struct nsh_mistake view;
	} mistake;
};

/* Whether a setter may act: there is a command, and no mistake yet. */
bool nsh_command_usable(const struct nsh_command *cmd);
/* Shorthand of nsh_command_set_mistake for EINVAL. */
void nsh_command_reject(struct nsh_command *cmd, const char *method,
			const char *value, const char *reason);
/* The same for a value that was a string, NULL too. */
void nsh_command_reject_string(struct nsh_command *cmd, const char *method,
			       const char *string, const char *reason);
void nsh_command_reject_number(struct nsh_command *cmd, const char *method,
			       long long number, const char *reason);
/* The mistake that memory is short. */
void nsh_command_no_memory(struct nsh_command *cmd, const char *method);
/* A copy of `text` into *target, freeing what was there. */
void nsh_command_replace(struct nsh_command *cmd, const char *method,
			 char **target, const char *text);
/* Sets a limit for the setter `method`, which an argument error names. */
void nsh_command_set_limit_by(struct nsh_command *cmd, const char *method,
			      const char *name, uint64_t soft, uint64_t hard);
/* Turns the mistake into a failure: 0 where there is none. */
int nsh_command_fail(const struct nsh_command *cmd, struct nsh_failure *failure);
/* Closes the descriptors that pass_fd took. */
void nsh_command_close_passed(struct nsh_command *cmd);

#endif
