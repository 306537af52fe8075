/*
 * command.h: the builder behind noshell.h.  A command owns copies of everything
 * it is given.  After the first argument error, setters no longer change it, so the
 * error shows the command as it was before the failing call.
 */
#ifndef NSH_COMMAND_H
#define NSH_COMMAND_H

#include "attributes.h"
#include "env.h"
#include "failure.h"
#include "sandbox.h"
#include "strv.h"

struct stdio {
	enum nsh_stdio kind;
	int fd;
	char *path;
	unsigned how, mode;         /* of the file: enum nsh_file, of a new one */
	struct stdio *targets;      /* of a list */
	size_t target_count;
	bool captures, listens;     /* the list: see nsh_command_set_stdio_list */
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

/* A pipe beside the standard streams. */
struct extra_pipe {
	int target;
	bool reads;                 /* this process reads it */
};

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
	unsigned owner;             /* nsh_fork_id() of the process that passed them */
	struct send_buffer *sends;
	size_t send_count;
	struct extra_pipe *pipes;
	size_t pipe_count;

	struct {
		bool is_set, echo;
		bool is_captured;   /* its output is part of the result */
		unsigned short rows, columns;
	} pty;

	struct attributes attributes;
	char *selinux_label, *apparmor_profile;
	bool selinux_if_enabled, apparmor_if_enabled;
	bool clear_caps;
	uint64_t allow_caps;

	struct sandbox *sandbox;    /* NULL: none */
	double timeout, grace;      /* timeout < 0: none */
	double start_deadline;      /* as nsh_now; < 0: none */
	size_t max_output;

	struct {
		bool made;
		char *method, *value, *reason, *where, *key;
		int errnum;
		struct nsh_argument_error view;
	} argument_error;
};

/* True if a setter may change the command: it is not NULL, and has no argument
 * error yet.  NULL, from a failed nsh_command_new, is accepted by every
 * setter. */
bool nsh_command_usable(const struct nsh_command *cmd);
/* Record an argument error with EINVAL.  The first takes the value as text, the second
 * a string, which it quotes (NULL is allowed), the third a number. */
void nsh_command_reject(struct nsh_command *cmd, const char *method,
			const char *value, const char *reason);
void nsh_command_reject_string(struct nsh_command *cmd, const char *method,
			       const char *string, const char *reason);
void nsh_command_reject_number(struct nsh_command *cmd, const char *method,
			       long long number, const char *reason);
/* command_targets.c: free a stream's target, and copy it; a copy that failed can be
 * freed. */
void nsh_stdio_free(struct stdio *stream);
int nsh_stdio_copy(struct stdio *target, const struct stdio *source);
/* command_io.c: returns why stream `which` cannot be directed to such a file, or NULL. */
const char *nsh_stdio_check_file(int which, const char *path, unsigned how, unsigned mode);
/* Records that memory is exhausted. */
void nsh_command_no_memory(struct nsh_command *cmd, const char *method);
/* Replaces *target by a copy of `text`. */
void nsh_command_replace(struct nsh_command *cmd, const char *method,
			 char **target, const char *text);
/* Sets a limit; an argument error names the setter `method`. */
void nsh_command_set_limit_by(struct nsh_command *cmd, const char *method,
			      const char *name, uint64_t soft, uint64_t hard);
/* Returns 0 if there is no argument error, else -1 with the error as a
 * failure. */
int nsh_command_fail(const struct nsh_command *cmd, struct nsh_failure *failure);
/* Closes the descriptors that nsh_command_pass_fd took ownership of. */
void nsh_command_close_passed(struct nsh_command *cmd);

#endif
