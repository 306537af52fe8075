/* The setters of a sandbox in C: what they reject, what a copy of a command keeps, and the
   private parts. */
#include "check.h"

static void expect_rejected(struct nsh_command *take_cmd, const char *reason)
{
	struct nsh_failure failure;

	EQUAL(nsh_command_run(take_cmd, NULL, &failure), -1);
	EQUAL(failure.code, NSH_INVALID);
	CHECK(strstr(failure.reason, reason) != NULL);
	nsh_command_free(take_cmd);
}

static void rejects_limits(void)
{
	struct nsh_command *cmd = nsh_command_new("true");

	nsh_command_set_sandbox_memory(cmd, 5);
	expect_rejected(cmd, "not a number of bytes from 65536");
	cmd = nsh_command_new("true");
	nsh_command_set_sandbox_pids(cmd, 0);
	expect_rejected(cmd, "not a number of processes");
	cmd = nsh_command_new("true");
	nsh_command_set_sandbox_cpu(cmd, 0);
	expect_rejected(cmd, "not a number of processors");
	cmd = nsh_command_new("true");
	nsh_command_set_sandbox_cgroup(cmd, "user.slice");
	expect_rejected(cmd, "not an absolute path");
	cmd = nsh_command_new("true");
	nsh_command_set_sandbox_cgroup(cmd, NULL);
	expect_rejected(cmd, "not an absolute path");
}

static void rejects_an_empty_path(void)
{
	struct nsh_sandbox_path empty = { .path = "" };
	struct nsh_sandbox_private private_ = { .hide = &empty, .hide_count = 1 };
	struct nsh_command *cmd = nsh_command_new("true");

	nsh_command_set_sandbox_private(cmd, &private_);
	expect_rejected(cmd, "the path is empty");
}

/* The start succeeds if a cgroup was delegated to this process, and fails otherwise. */
static void copies_limits(void)
{
	struct nsh_command *cmd = nsh_command_new("true"), *copy;
	struct nsh_failure failure, other;

	nsh_command_set_sandbox_cgroup(cmd, "/none");
	copy = nsh_command_clone(cmd);
	EQUAL(nsh_command_run(cmd, NULL, &failure), -1);
	EQUAL(nsh_command_run(copy, NULL, &other), -1);
	EQUAL(failure.stage, NSH_STAGE_SANDBOX_CGROUP);
	EQUAL(other.stage, NSH_STAGE_SANDBOX_CGROUP);
	CHECK(strcmp(failure.reason, other.reason) == 0);
	nsh_command_free(cmd);
	nsh_command_free(copy);
}

static void hides(void)
{
	static const char expected[] = "/tmp:\n\n/usr/share:\n";
	struct nsh_sandbox_path doc = { .path = "/usr/share" };
	struct nsh_sandbox_private private_ = {
		.tmp = true, .pid = true, .hide = &doc, .hide_count = 1,
	};
	struct nsh_command *cmd = nsh_command_new_args("ls", "-A", "/usr/share", "/tmp", NULL);
	struct nsh_process *process = NULL;
	struct nsh_failure failure = { .errnum = 0 };
	const struct nsh_result *result;
	struct nsh_part_state state;

	nsh_command_set_sandbox_private(cmd, &private_);
	nsh_command_set_sandbox_require(cmd, 1U << NSH_PART_READ);
	EQUAL(nsh_command_run(cmd, &process, &failure), 0);
	nsh_command_free(cmd);
	if (!process)
		return;
	CHECK(nsh_process_sandbox(process, NSH_PART_PRIVATE, &state));
	result = nsh_process_result(process);
	if (state.means)
		CHECK(result->output_size[1] == sizeof expected - 1
		      && memcmp(result->output[1], expected, sizeof expected - 1) == 0);
	else
		CHECK(state.reason[0] != 0);
	nsh_process_free(process);
}

static const struct check checks[] = {
	{ "limits that are out of range are argument errors", rejects_limits },
	{ "an empty path to be hidden is an argument error", rejects_an_empty_path },
	{ "a copy of a command has its limits", copies_limits },
	{ "what is private is hidden, or its lack is reported", hides },
	{ NULL, NULL },
};

/* The ruleset of the default sandbox is kept, with its descriptor. */
static void make(void)
{
	struct nsh_command *cmd = nsh_command_new("true");

	nsh_command_set_sandbox(cmd);
	nsh_command_set_sandbox_require(cmd, 0);
	EQUAL(nsh_command_run(cmd, NULL, NULL), 0);
	nsh_command_free(cmd);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		make();
	return check_main(checks, argc, argv);
}
