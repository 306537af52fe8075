/* Runs a program with input, and prints its output.

	cc host.c $(pkg-config --cflags --libs noshell) */
#include <noshell.h>

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	struct nsh_command *cmd = nsh_command_new_args("sort", "-u", NULL);
	struct nsh_process *process;
	struct nsh_failure failure;
	int ret;

	nsh_command_set_input_buffer(cmd, "b\na\nb\n", 6);
	nsh_command_set_timeout(cmd, 5, 2);
	ret = nsh_command_run(cmd, &process, &failure);
	if (ret == 0) {
		const struct nsh_result *result = nsh_process_result(process);

		fwrite(result->output[1], 1, result->output_size[1], stdout);
	} else {
		fprintf(stderr, "sort: %s %s %s\n", nsh_code_name(failure.code),
			nsh_stage_name(failure.stage), nsh_errno_name(failure.errnum));
	}
	nsh_process_free(process);
	nsh_command_free(cmd);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
