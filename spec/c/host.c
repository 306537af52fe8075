/* Actions of a host on its processes: it forks, has threads, forgets. */
#include "check.h"

enum { THREADS = 8 };

static void *worker_of(void *(*work)(void *))
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	return NULL;
}

/* Runs in a forked copy of this process; how that ended. */
static int in_fork(void (*act)(void *), void *data)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		(void)alarm(10);
		act(data);
		_exit(wrong);
	}
	(void)waitpid(pid, &status, 0);
	return status;
}

/* A program that runs until the returned descriptor is closed. */
static struct nsh_process *start_blocked(int *ret_fd, bool pipes)
{
	struct nsh_command *cmd = PROBE("--block-on", "5", "--say", "done");
	struct nsh_process *process;
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	nsh_command_pass_fd(cmd, ends[0], 5, true);
	if (pipes)
		nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	process = start(cmd);
	*ret_fd = ends[1];
	return process;
}

/* ---- forks ------------------------------------------------------------- */

static void refuse(void *data)
{
	struct nsh_process *process = data;
	struct nsh_failure failure;
	const char *bytes;
	size_t size;

	EQUAL(nsh_process_pump(process, &failure), -1);
	EQUAL(failure.code, NSH_CLOSED);
	EQUAL(nsh_process_wait(process, 1, &failure), -1);
	EQUAL(nsh_process_kill(process, SIGKILL), -1);
	nsh_process_terminate(process, 0);
	(void)nsh_process_abort(process, NULL);
	EQUAL(nsh_stream_read(nsh_process_stream(process, 1), '\n', 0, &bytes, &size), -1);
	EQUAL(nsh_stream_take_fd(nsh_process_stream(process, 1)), -1);
	nsh_process_free(process);
	EQUAL(nsh_reap(), 0);
	EQUAL(run(PROBE("--exit", "0")), 0);
}

static void objects_refuse_in_a_fork(void)
{
	int fd;
	struct nsh_process *process = start_blocked(&fd, true);

	if (!process)
		return;
	CHECK(nsh_process_pollfd(process) >= 0);
	EQUAL(in_fork(refuse, process), 0);
	(void)close(fd);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	EQUAL(nsh_process_result(process)->exit_code, 0);
	nsh_process_free(process);
}

static void free_it(void *data)
{
	nsh_process_free(data);
}

/* The child frees its copy while we wait for ours: both refer to one epoll
   instance. */
static void freeing_in_a_fork(void)
{
	int fd;
	struct nsh_process *process = start_blocked(&fd, false);
	double began = nsh_now();

	if (!process)
		return;
	CHECK(nsh_process_pollfd(process) >= 0);
	EQUAL(in_fork(free_it, process), 0);
	(void)close(fd);
	EQUAL(nsh_process_wait(process, 5, NULL), 1);
	EQUAL(nsh_process_result(process)->output_size[1], 5);
	CHECK(nsh_now() - began < 4);
	nsh_process_free(process);
}

/* A worker keeps all files open, so closing one here leaves it in an epoll
   set, with what it points to. */
static void forgotten_ends_beside_a_worker(void)
{
	struct nsh_process *process;
	pid_t worker;

	for (int i = 0; i < 20; i++) {
		struct nsh_command *cmd = PROBE("--sleep", "50");

		nsh_command_set_stdio(cmd, 1, i % 2 ? NSH_STDIO_PIPE : NSH_STDIO_NULL);
		process = start(cmd);
		nsh_process_forget(process);
	}
	worker = fork();
	if (worker == 0)
		for (;;)
			(void)pause();
	for (int i = 0; i < 300; i++) {
		(void)nsh_reap();
		free(malloc(1000));
		(void)usleep(1000);
	}
	EQUAL(nsh_reap(), 0);
	(void)kill(worker, SIGKILL);
	(void)waitpid(worker, NULL, 0);
}

static _Atomic bool over;

static void *reap_on(void *nothing)
{
	while (!over)
		(void)nsh_reap();
	return nothing;
}

static void run_one(void *nothing)
{
	(void)nothing;
	EQUAL(run(PROBE("--exit", "0")), 0);
}

/* Threads hold the list's lock nearly always; their copies are not there. */
UNUSED static void fork_while_threads_reap(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		(void)pthread_create(&threads[i], NULL, reap_on, NULL);
	for (int i = 0; i < 200 && !wrong; i++)
		EQUAL(in_fork(run_one, NULL), 0);
	over = true;
	for (int i = 0; i < 3; i++)
		(void)pthread_join(threads[i], NULL);
}

/* ---- forgetting -------------------------------------------------------- */

static void forget_ten_thousand(void)
{
	int before = count_descriptors();

	for (int i = 0; i < 10000; i++) {
		struct nsh_command *cmd = nsh_command_new(fixture("tiny"));

		nsh_command_set_stdio(cmd, 2, NSH_STDIO_NULL);
		nsh_process_forget(start(cmd));
		CHECK(count_descriptors() < before + 400);
	}
}

static void forgotten_are_not_killed(void)
{
	enum { COUNT = 100 };
	int ends[2], alive = 0;
	char byte;

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	for (int i = 0; i < COUNT; i++) {
		struct nsh_command *cmd = PROBE("--out", "200000", "--write", "5", "x");

		nsh_command_pass_fd(cmd, ends[1], 5, false);
		if (i % 2)
			nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
		nsh_process_forget(start(cmd));
	}
	(void)close(ends[1]);
	for (int i = 0; i < 500 && nsh_reap() > 0; i++)
		(void)usleep(2000);
	while (read(ends[0], &byte, 1) == 1)
		alive++;
	EQUAL(alive, COUNT);
	(void)close(ends[0]);
}

static void *forget_some(void *nothing)
{
	for (int i = 0; i < 100; i++)
		nsh_process_forget(start(PROBE("--exit", "0")));
	return nothing;
}

static void forget_in_threads(void)
{
	(void)worker_of(forget_some);
}

/* ---- threads ----------------------------------------------------------- */

static void *capture_some(void *nothing)
{
	for (int i = 0; i < 40; i++) {
		struct nsh_command *cmd = PROBE("--out", "100000", "--err", "70000",
						"--in");
		struct nsh_process *process = NULL;
		static char input[90000];

		nsh_command_set_input_buffer(cmd, input, sizeof input);
		CHECK(nsh_command_run(cmd, &process, NULL) == 0);
		if (process) {
			EQUAL(nsh_process_result(process)->output_size[1], 100035);
			EQUAL(nsh_process_result(process)->output_size[2], 70000);
		}
		nsh_process_free(process);
		nsh_command_free(cmd);
	}
	return nothing;
}

static void capture_in_threads(void)
{
	(void)worker_of(capture_some);
}

static void *open_and_close(void *nothing)
{
	while (!over) {
		int fd[8];

		for (int i = 0; i < 8; i++)
			fd[i] = open("/dev/null", O_RDWR);
		for (int i = 0; i < 8; i++)
			(void)close(fd[i]);
	}
	return nothing;
}

static void *see_descriptors(void *nothing)
{
	for (int i = 0; i < 60; i++) {
		struct nsh_command *cmd = PROBE("--report");
		struct nsh_process *process = NULL;

		CHECK(nsh_command_run(cmd, &process, NULL) == 0);
		CHECK(process && strstr(nsh_process_result(process)->output[1],
					"\nfds=0,1,2\n"));
		nsh_process_free(process);
		nsh_command_free(cmd);
	}
	return nothing;
}

static void nothing_leaks_from_an_opener(void)
{
	static const char *const paths[] = {
		"shared", "prefix", "copied", "launcher", "own",
	};
	pthread_t opener;

	(void)pthread_create(&opener, NULL, open_and_close, NULL);
	for (int i = 0; i < 5; i++) {
		(void)setenv("NOSHELL_LAUNCH", paths[i], 1);
		(void)worker_of(see_descriptors);
	}
	over = true;
	(void)pthread_join(opener, NULL);
}

/* ---- fresh programs ---------------------------------------------------- */

static _Atomic int busy, ran;
static bool other_group;

static void write_and_run(const char *path, const char *program, size_t size)
{
	struct nsh_failure failure;
	struct nsh_command *cmd = nsh_command_new(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	CHECK(write(fd, program, size) == (ssize_t)size);
	(void)close(fd);
	if (other_group)
		nsh_command_set_gid(cmd, 7);
	if (nsh_command_run(cmd, NULL, &failure) < 0)
		busy += failure.errnum == ETXTBSY ? 1 : 1000;
	ran++;
	(void)unlink(path);
	nsh_command_free(cmd);
}

static void *write_and_run_some(void *nothing)
{
	static char program[1 << 20];
	char path[64];
	ssize_t size;
	int fd = open(fixture("tiny"), O_RDONLY | O_CLOEXEC);

	size = read(fd, program, sizeof program);
	(void)close(fd);
	(void)snprintf(path, sizeof path, "/tmp/noshell-fresh-%lx", (long)pthread_self());
	for (int i = 0; i < 100; i++)
		write_and_run(path, program, (size_t)size);
	return nothing;
}

static void fresh_programs(void)
{
	(void)worker_of(write_and_run_some);
	EQUAL(ran, 800);
	EQUAL(busy, 0);
}

static void fresh_programs_in_own_memory(void)
{
	other_group = geteuid() == 0;
	(void)setenv("NOSHELL_LAUNCH", "own", 1);
	fresh_programs();
}

static const struct check checks[] = {
	{ "objects refuse in a fork of the host", objects_refuse_in_a_fork },
	{ "a fork that frees its copies takes nothing from us", freeing_in_a_fork },
	{ "orphans are reaped once, beside a worker thread", forgotten_ends_beside_a_worker },
#if CAN_HAVE_THREADS_AFTER_FORK
	{ "a fork works while threads reap", fork_while_threads_reap },
#endif
	{ "ten thousand processes are forgotten", forget_ten_thousand },
	{ "orphans are not killed", forgotten_are_not_killed },
	{ "threads forget processes", forget_in_threads },
	{ "threads capture output at the same time", capture_in_threads },
	{ "nothing leaks from a thread that opens files", nothing_leaks_from_an_opener },
	{ "fresh programs are never busy", fresh_programs },
	{ "fresh programs with their own memory are never busy", fresh_programs_in_own_memory },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return check_main(checks, argc, argv);
}
