/* Replaces system(3): sets the machine's wake-up alarm.

	cc suspend.c $(pkg-config --cflags --libs noshell) && ./a.out 3600 */
#include <noshell.h>

#include <stdio.h>
#include <stdlib.h>

static int set_node_wakeup(unsigned long long alarm_time,
			   struct nsh_failure *failure)
{
	struct nsh_command *cmd =
		nsh_command_new_args("rtcwake", "-m", "no", "-s", NULL);
	int ret;

	nsh_command_add_arg_format(cmd, "%llu", alarm_time);
	ret = nsh_command_run(cmd, NULL, failure);
	nsh_command_free(cmd);
	return ret;
}

int main(int argc, char **argv)
{
	struct nsh_failure failure;

	if (argc != 2)
		return EXIT_FAILURE;
	if (set_node_wakeup(strtoull(argv[1], NULL, 10), &failure) < 0) {
		fprintf(stderr, "no wake-up alarm: %s %s %s %s\n",
			nsh_code_name(failure.code), nsh_stage_name(failure.stage),
			failure.subject, nsh_errno_name(failure.errnum));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
