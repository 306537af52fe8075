/* interface: the jobs of floor.c, through noshell.h. resident.h has the
   protocol. */
#include <noshell.h>
#include <stdint.h>

#include "resident.h"

enum { MANY = 1000 };

static struct nsh_command *command(const char *program, const char *const *words)
{
	struct nsh_command *cmd = nsh_command_new(program);

	for (; words && *words; words++)
		nsh_command_add_arg(cmd, *words);
	return cmd;
}

static void use_null(struct nsh_command *cmd)
{
	for (int which = 0; which < 3; which++)
		nsh_command_set_stdio(cmd, which, NSH_STDIO_NULL);
}

/* Takes the command. */
static int finish(struct nsh_command *cmd)
{
	int ret = nsh_command_run(cmd, NULL, NULL);

	nsh_command_free(cmd);
	return ret;
}

static int run(const struct programs *programs, long count)
{
	while (count-- > 0) {
		struct nsh_command *cmd = command(programs->tiny, NULL);

		use_null(cmd);
		if (finish(cmd) < 0)
			return -1;
	}
	return 0;
}

static int capture(const struct programs *programs, long count)
{
	while (count-- > 0)
		if (finish(command(programs->tiny, NULL)) < 0)
			return -1;
	return 0;
}

static int output(const struct programs *programs, long count)
{
	char number[24];
	const char *words[] = { "--out", number, NULL };
	struct nsh_command *cmd;

	snprintf(number, sizeof number, "%ld", count);
	cmd = command(programs->probe, words);
	nsh_command_set_max_output(cmd, SIZE_MAX);
	return finish(cmd);
}

static int exchange(const struct programs *programs, long count)
{
	static const char *const words[] = { "--cat", NULL };
	struct nsh_command *cmd = command(programs->probe, words);
	char *data = calloc(1, (size_t)count);

	if (!data)
		return -1;
	nsh_command_set_input_buffer(cmd, data, (size_t)count);
	free(data);
	nsh_command_set_max_output(cmd, SIZE_MAX);
	return finish(cmd);
}

static struct nsh_process *hold(const struct programs *programs)
{
	static const char *const words[] = { "--block-on", "0", NULL };
	struct nsh_command *cmd = command(programs->probe, words);
	struct nsh_process *process = NULL;

	use_null(cmd);
	nsh_command_set_stdio(cmd, 0, NSH_STDIO_PIPE);
	(void)nsh_command_start(cmd, &process, NULL);
	nsh_command_free(cmd);
	return process;
}

static int many(const struct programs *programs, long count)
{
	struct nsh_process *processes[MANY];
	int ret = 0;

	for (long i = 0; i < count && i < MANY; i++)
		processes[i] = hold(programs);
	for (long i = 0; i < count && i < MANY; i++)
		if (processes[i])
			nsh_stream_close(nsh_process_stream(processes[i], 0));
	for (long i = 0; i < count && i < MANY; i++) {
		if (!processes[i] || nsh_process_wait(processes[i], -1, NULL) != 1
		    || nsh_process_check(processes[i], NULL) < 0)
			ret = -1;
		nsh_process_free(processes[i]);
	}
	return ret;
}

int main(int argc, char **argv)
{
	static const struct job jobs[] = {
		{ "run", run }, { "capture", capture }, { "output", output },
		{ "exchange", exchange }, { "many", many }, { NULL, NULL },
	};

	return serve(argc, argv, jobs);
}
