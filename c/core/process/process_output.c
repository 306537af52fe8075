/* What a process has captured so far, for who follows it while it runs. */
#include "process.h"

static struct io_pipe *find_pipe(const struct nsh_process *process, int which)
{
	if (which < 1 || which > 2 || process->output_pipe[which] < 0)
		return NULL;
	return &process->io.pipes[process->output_pipe[which]];
}

bool nsh_process_captured(const struct nsh_process *process, int which,
			  const char **ret_data, size_t *ret_size)
{
	const struct io_pipe *pipe = find_pipe(process, which);

	if (!pipe)
		return false;
	*ret_data = pipe->data.data ? pipe->data.data : "";
	*ret_size = pipe->data.size;
	return true;
}

bool nsh_process_moves_data(const struct nsh_process *process)
{
	return !process->finished
		&& (nsh_io_is_open(&process->io, true)
		    || nsh_io_is_open(&process->io, false));
}

void nsh_process_drop_captured(struct nsh_process *process, int which,
			       size_t count)
{
	struct io_pipe *pipe = find_pipe(process, which);

	/* The result of a finished process points to the bytes. */
	if (pipe && !process->finished)
		nsh_buffer_drop(&pipe->data, count);
}
