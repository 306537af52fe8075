/* Processes without a program, for dry runs. */
#include "check.h"

/* Waiting would never end, so it is an error. */
static void nobody_waits_for_a_dry_process(void)
{
	struct nsh_dry_end end = { .exit_code = 3 };
	struct nsh_command *cmd = PROBE("--exit", "0");
	struct nsh_process *process = NULL;
	struct nsh_failure failure;

	EQUAL(nsh_command_start_dry(cmd, 5000000, &process, NULL), 0);
	nsh_command_free(cmd);
	EQUAL(nsh_process_wait(process, -1, &failure), -1);
	EQUAL(failure.code, NSH_INVALID);
	EQUAL(nsh_process_end_dry(process, &end), 0);
	EQUAL(nsh_process_wait(process, -1, &failure), 1);
	EQUAL(nsh_process_result(process)->exit_code, 3);
	nsh_process_free(process);
}

static const struct check checks[] = {
	{ "waiting on an unfinished dry-run process is an error",
	  nobody_waits_for_a_dry_process },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return check_main(checks, argc, argv);
}
