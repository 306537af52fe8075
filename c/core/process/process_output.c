/* What a process has captured so far, for who follows it while it runs. */
#include "process.h"

static struct channel *find_channel(const struct nsh_process *process, int which)
{
	if (which < 1 || which > 2 || process->output_channel[which] < 0)
		return NULL;
	return &process->exchange.channels[process->output_channel[which]];
}

bool nsh_process_captured(const struct nsh_process *process, int which,
			  const char **ret_data, size_t *ret_size)
{
	const struct channel *channel = find_channel(process, which);

	if (!channel)
		return false;
	*ret_data = channel->data.data ? channel->data.data : "";
	*ret_size = channel->data.size;
	return true;
}

bool nsh_process_moves_data(const struct nsh_process *process)
{
	return !process->finished
		&& (nsh_exchange_is_open(&process->exchange, true)
		    || nsh_exchange_is_open(&process->exchange, false));
}

void nsh_process_drop_captured(struct nsh_process *process, int which,
			       size_t count)
{
	struct channel *channel = find_channel(process, which);

	/* The result of a finished process points to the bytes. */
	if (channel && !process->finished)
		nsh_buffer_drop(&channel->data, count);
}
