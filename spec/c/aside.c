/* Starts in another thread, for a host whose own must not stand still. */
#include "check.h"

UNUSED static int status_of(pid_t child)
{
	int status = -1;

	(void)waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static struct nsh_start *start_aside(struct nsh_command *take_cmd)
{
	struct nsh_start *start_of = NULL;

	CHECK(nsh_command_can_start_aside(take_cmd));
	EQUAL(nsh_command_start_aside(take_cmd, &start_of, NULL), 0);
	nsh_command_free(take_cmd);
	return start_of;
}

static void starts_aside(void)
{
	struct nsh_start *starts[50];

	for (int i = 0; i < 50; i++) {
		char code[4];

		(void)snprintf(code, sizeof code, "%d", i);
		starts[i] = start_aside(PROBE("--say", code, "--exit", code));
	}
	for (int i = 0; i < 50; i++) {
		struct nsh_process *process = NULL;

		EQUAL(nsh_poll(nsh_start_fd(starts[i]), NSH_READABLE, 5), 1);
		EQUAL(nsh_start_finish(starts[i], false, &process, NULL), 1);
		nsh_start_free(starts[i]);
		EQUAL(nsh_process_wait(process, 5, NULL), 1);
		EQUAL(nsh_process_result(process)->exit_code, i);
		EQUAL(nsh_process_result(process)->output_size[1], i < 10 ? 2 : 3);
		nsh_process_free(process);
	}
}

static void fails_aside(void)
{
	struct nsh_command *cmd = PROBE("--exit", "0");
	struct nsh_process *process = NULL;
	struct nsh_failure failure;
	struct nsh_start *it;

	nsh_command_set_working_directory(cmd, "/no/such/directory");
	it = start_aside(cmd);
	EQUAL(nsh_start_finish(it, true, &process, &failure), -1);
	EQUAL(failure.stage, NSH_STAGE_WORKING_DIRECTORY);
	EQUAL(failure.errnum, ENOENT);
	nsh_start_free(it);
}

/* Nobody asks any more: the program runs, and is reaped. */
static void abandons_a_start(void)
{
	for (int i = 0; i < 20; i++)
		nsh_start_free(start_aside(PROBE("--exit", "3")));
	for (int i = 0; i < 20; i++) {
		struct nsh_start *it = start_aside(PROBE("--exit", "3"));

		EQUAL(nsh_poll(nsh_start_fd(it), NSH_READABLE, 5), 1);
		nsh_start_free(it);
	}
}

static int pass(void *data, char *message, size_t size)
{
	(void)data;
	(void)message;
	(void)size;
	return 0;
}

static void knows_what_it_cannot(void)
{
	struct nsh_command *hooked = PROBE("--exit", "0");
	struct nsh_command *passing = PROBE("--exit", "0");
	struct nsh_command *inheriting = PROBE("--exit", "0");

	nsh_command_set_pre_exec_hook(hooked, pass, NULL);
	nsh_command_pass_fd(passing, 2, 7, false);
	nsh_command_set_stdio_fd(inheriting, 1, 2);
	CHECK(!nsh_command_can_start_aside(hooked));
	CHECK(!nsh_command_can_start_aside(passing));
	CHECK(!nsh_command_can_start_aside(inheriting));
	CHECK(!nsh_command_can_start_aside(NULL));
	nsh_command_free(hooked);
	nsh_command_free(passing);
	nsh_command_free(inheriting);
}

UNUSED static void starts_aside_after_a_fork(void)
{
	struct nsh_start *it = start_aside(PROBE("--exit", "0"));
	struct nsh_process *process = NULL;
	pid_t child = fork();

	if (child == 0) {
		nsh_start_free(it);
		starts_aside();
		_exit(wrong);
	}
	EQUAL(status_of(child), 0);
	EQUAL(nsh_start_finish(it, true, &process, NULL), 1);
	nsh_start_free(it);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	nsh_process_free(process);
}

static const struct check checks[] = {
	{ "programs start in another thread", starts_aside },
	{ "a start in another thread tells why it failed", fails_aside },
	{ "a start in another thread can be abandoned", abandons_a_start },
	{ "what cannot start in another thread is known", knows_what_it_cannot },
#if CAN_HAVE_THREADS_AFTER_FORK
	{ "another thread starts programs after a fork", starts_aside_after_a_fork },
#endif
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return check_main(checks, argc, argv);
}
