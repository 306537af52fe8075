/* The captured output and the result of a process, and the check by its command's
 * rules. */
#include <errno.h>
#include <stdio.h>

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

	if (!pipe || (pipe->passes && pipe->discards))
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

const char *nsh_process_behind(struct nsh_process *process)
{
	const char *name;

	nsh_process_hold(process);
	name = process->finished ? process->result.unwritten : nsh_io_pending(&process->io);
	nsh_process_let_go(process);
	return name;
}

void nsh_process_drop_captured(struct nsh_process *process, int which,
			       size_t count)
{
	struct io_pipe *pipe = find_pipe(process, which);

	/* The result of a finished process points to the bytes. */
	if (pipe && !process->finished)
		nsh_buffer_drop(&pipe->data, count);
}

static void take_output(struct nsh_process *process, int which)
{
	struct nsh_result *result = &process->result;
	const struct io_pipe *pipe = find_pipe(process, which);

	if (!pipe)
		return;
	result->has_output[which] = !pipe->passes;
	result->output[which] = pipe->data.data ? pipe->data.data : "";
	result->output_size[which] = pipe->data.size;
	result->output_limited |= pipe->limited;
	if (pipe->limited && result->limited_stream == 0)
		result->limited_stream = which;
	result->output_incomplete |= !pipe->ended;
}

/* noshell's own reasons precede the status: a program that we have ended dies by a
 * signal. */
static enum nsh_code check_rules(const struct nsh_process *process)
{
	const struct nsh_result *result = &process->result;

	if (result->output_limited)
		return NSH_OUTPUT_LIMIT;
	if (result->timed_out)
		return NSH_TIMEOUT;
	if (process->raw_status && result->raw_status != -1)
		return NSH_OK;
	if (result->out_of_memory)
		return NSH_MEMORY;
	if (result->raw_status == -1)
		return NSH_LOST;
	if (result->signal)
		return NSH_SIGNAL;
	if (process->allow_any_exit)
		return NSH_OK;
	return nsh_exits_has(&process->allowed_exit, result->exit_code)
		? NSH_OK : NSH_EXIT;
}

void nsh_process_conclude(struct nsh_process *process)
{
	for (int which = 1; which <= 2; which++)
		take_output(process, which);
	process->result.code = check_rules(process);
}

const struct nsh_result *nsh_process_result(const struct nsh_process *process)
{
	return process->finished ? &process->result : NULL;
}

bool nsh_process_has_exited(const struct nsh_process *process)
{
	return process->exited;
}

/* Writes a number of bytes as set_sandbox takes it: "512M". */
static void put_size(char *text, size_t size, uint64_t bytes)
{
	static const char units[] = "KMGT";
	int unit = -1;

	while (unit < 3 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	(void)snprintf(text, size, "%llu%.*s", (unsigned long long)bytes, unit >= 0,
		       units + (unit < 0 ? 0 : unit));
}

int nsh_process_check(const struct nsh_process *process,
		      struct nsh_failure *failure)
{
	const struct nsh_result *result = &process->result;

	if (result->code == NSH_OK)
		return 0;
	nsh_fail_code(failure, result->code, NULL);
	if (!failure)
		return -1;
	failure->signal = result->signal;
	if (result->code == NSH_OUTPUT_LIMIT)
		(void)snprintf(failure->subject, sizeof failure->subject, "%s",
			       result->limited_stream == 2 ? "stderr" : "stdout");
	if (result->code == NSH_MEMORY && process->memory)
		put_size(failure->subject, sizeof failure->subject, process->memory);
	return -1;
}

int nsh_process_restate(struct nsh_process *process, const struct nsh_remote_end *end)
{
	struct nsh_result *result = &process->result;

	if (!process->finished) {
		errno = ESRCH;
		return -1;
	}
	result->timed_out |= end->timed_out;
	result->signal = end->lost ? 0 : end->signal;
	result->core_dumped = result->signal && end->core_dumped;
	result->exit_code = end->lost || end->signal ? -1 : end->exit_code;
	result->raw_status = -1;
	if (result->signal)
		result->raw_status = result->signal | (result->core_dumped ? 0x80 : 0);
	else if (!end->lost)
		result->raw_status = end->exit_code << 8;
	result->code = check_rules(process);
	return 0;
}
