/* A program's parent: what becomes of the program when the thread that started it
   ends, when its start is abandoned, and when the host is killed. */
#include <dirent.h>
#include <sys/syscall.h>

#include "check.h"

enum { MANY = 200 };

static char fifo[64];

static void make_fifo(void)
{
	(void)snprintf(fifo, sizeof fifo, "/tmp/noshell-fifo.%d", (int)getpid());
	EQUAL(mkfifo(fifo, 0600), 0);
}

static void remove_fifo(void)
{
	(void)unlink(fifo);
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	if (dir)
		(void)closedir(dir);
	return count;
}

static int count_threads(void)
{
	return count_entries("/proc/self/task");
}

static pid_t parent_of(pid_t pid)
{
	char path[64], text[512] = "", *after;
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	(void)!fread(text, 1, sizeof text - 1, file);
	(void)fclose(file);
	after = strrchr(text, ')');
	return after ? (pid_t)atoi(after + 4) : -1;
}

/* Counts the children of the process, including zombies; and returns one of them. */
static int count_children(pid_t parent, pid_t *ret_child)
{
	DIR *dir = opendir("/proc");
	int count = 0;

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid <= 0 || parent_of(pid) != parent)
			continue;
		*ret_child = pid;
		count++;
	}
	if (dir)
		(void)closedir(dir);
	return count;
}

/* Waits for it, 10 s at most. */
#define BECOMES(value, expected) \
	do { \
		for (int tries_ = 0; tries_ < 10000 && (value) != (expected); tries_++) \
			(void)usleep(1000); \
		EQUAL(value, expected); \
	} while (0)

static struct nsh_command *reader_of_fifo(void)
{
	struct nsh_command *cmd = PROBE("--cat");

	nsh_command_set_stdio_path(cmd, 0, fifo, false);
	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	return cmd;
}

static struct nsh_command *echo(void)
{
	struct nsh_command *cmd = PROBE("--cat");

	nsh_command_set_stdio(cmd, 0, NSH_STDIO_PIPE);
	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	nsh_command_set_parent_death_signal(cmd, SIGKILL);
	return cmd;
}

static struct nsh_start *start_aside(struct nsh_command *take_cmd)
{
	struct nsh_start *start_of = NULL;

	EQUAL(nsh_command_start_aside(take_cmd, false, &start_of, NULL), 0);
	nsh_command_free(take_cmd);
	return start_of;
}

static struct nsh_process *finish(struct nsh_start *take_start)
{
	struct nsh_process *process = NULL;

	EQUAL(nsh_start_finish(take_start, 10, &process, NULL), 1);
	nsh_start_free(take_start);
	return process;
}

static bool says(struct nsh_process *process, const char *text)
{
	struct nsh_stream *out = nsh_process_stream(process, 1);
	const char *data = "";
	size_t size = 0;

	CHECK(nsh_poll(nsh_stream_fd(out), NSH_READABLE, 10) == 1);
	return nsh_stream_read(out, '\n', 0, &data, &size) == 1
		&& size == strlen(text) && memcmp(data, text, size) == 0;
}

static bool echoes(struct nsh_process *process, const char *text)
{
	return nsh_stream_write(nsh_process_stream(process, 0), text, strlen(text)) > 0
		&& says(process, text);
}

/* ---- the thread that started it has ended ------------------------------- */

struct job {
	struct nsh_command *cmd;
	struct nsh_process *process;
	pid_t thread;
	bool handshakes;
};

static void *start_one(void *data)
{
	struct job *job = data;

	job->thread = (pid_t)syscall(SYS_gettid);
	job->process = start(job->cmd);
	if (job->handshakes)
		EQUAL(nsh_process_handshake_wait(job->process, 10, NULL), 1);
	return NULL;
}

/* Returns when the kernel has done all that a thread's end brings. */
static struct nsh_process *finish_in_thread(struct job *job)
{
	char path[64];
	pthread_t thread;

	EQUAL(pthread_create(&thread, NULL, start_one, job), 0);
	(void)pthread_join(thread, NULL);
	(void)snprintf(path, sizeof path, "/proc/self/task/%d", (int)job->thread);
	BECOMES(access(path, F_OK), -1);
	return job->process;
}

static struct nsh_process *start_in_thread(struct nsh_command *take_cmd)
{
	struct job job = { .cmd = take_cmd };

	return finish_in_thread(&job);
}

/* No thread is left of it when it has ended. */
static void end(struct nsh_process *take_process)
{
	nsh_process_free(take_process);
	BECOMES(count_threads(), 1);
}

static void outlives_its_thread(void)
{
	struct nsh_process *process = start_in_thread(echo());

	CHECK(echoes(process, "still there\n"));
	end(process);
}

static int pass(void *data, char *message, size_t size)
{
	(void)data;
	(void)message;
	(void)size;
	return 0;
}

static void outlives_its_thread_after_a_hook(void)
{
	struct nsh_command *cmd = echo();
	struct nsh_process *process;

	nsh_command_set_pre_exec_hook(cmd, pass, NULL);
	process = start_in_thread(cmd);
	CHECK(echoes(process, "still there\n"));
	end(process);
}

static void outlives_its_thread_in_a_handshake(void)
{
	struct job job = { .cmd = echo(), .handshakes = true };
	struct nsh_process *process;

	nsh_command_require_handshake(job.cmd);
	process = finish_in_thread(&job);
	EQUAL(nsh_process_handshake_notify(process, NULL), 0);
	CHECK(echoes(process, "still there\n"));
	end(process);
}

/* The FIFO is opened when the thread has gone. */
static void outlives_its_thread_at_a_fifo(void)
{
	struct nsh_command *cmd;
	struct nsh_process *process;
	int writer;

	make_fifo();
	cmd = reader_of_fifo();
	nsh_command_require_handshake(cmd);
	process = start_in_thread(cmd);
	writer = open(fifo, O_WRONLY | O_CLOEXEC);
	EQUAL(nsh_process_handshake_wait(process, 10, NULL), 1);
	EQUAL(nsh_process_handshake_notify(process, NULL), 0);
	EQUAL(write(writer, "x\n", 2), 2);
	CHECK(says(process, "x\n"));
	(void)close(writer);
	end(process);
	remove_fifo();
}

static void outlives_its_start(void)
{
	struct nsh_process *process = finish(start_aside(echo()));

	CHECK(echoes(process, "still there\n"));
	end(process);
}

static void outlives_its_start_at_a_fifo(void)
{
	struct nsh_command *cmd;
	struct nsh_process *process;
	struct nsh_start *starting;
	int writer;

	make_fifo();
	cmd = reader_of_fifo();
	nsh_command_set_parent_death_signal(cmd, SIGKILL);
	starting = start_aside(cmd);
	writer = open(fifo, O_WRONLY | O_CLOEXEC);
	process = finish(starting);
	/* The thread that started it has gone, one that lasts may be there. */
	for (int i = 0; i < 1000 && count_threads() > 2; i++)
		(void)usleep(1000);
	EQUAL(write(writer, "x\n", 2), 2);
	CHECK(says(process, "x\n"));
	(void)close(writer);
	EQUAL(nsh_process_wait(process, 10, NULL), 1);
	EQUAL(nsh_process_result(process)->exit_code, 0);
	end(process);
	remove_fifo();
}

/* The status is known even if other code waited for it. */
static void is_waited_for_as_always(void)
{
	struct nsh_command *cmd = PROBE("--exit", "7");
	struct nsh_process *process;

	nsh_command_set_parent_death_signal(cmd, SIGTERM);
	process = start_in_thread(cmd);
	EQUAL(nsh_process_wait(process, 10, NULL), 1);
	EQUAL(nsh_process_result(process)->exit_code, 7);
	end(process);
	cmd = PROBE("--exit", "7");
	nsh_command_set_parent_death_signal(cmd, SIGTERM);
	nsh_command_set_working_directory(cmd, "/no/such/directory");
	EQUAL(nsh_command_start(cmd, &process, NULL), -1);
	nsh_command_free(cmd);
}

/* ---- abandoned starts --------------------------------------------------- */

static void abandons_many(void)
{
	struct nsh_start *starts[MANY];
	int descriptors = count_descriptors();
	pid_t child = 0;

	make_fifo();
	for (int i = 0; i < MANY; i++)
		starts[i] = start_aside(reader_of_fifo());
	/* All wait for a writer. */
	BECOMES(count_children(getpid(), &child), MANY);
	EQUAL(count_threads(), getenv("NOSHELL_SUPERVISED") ? 2 * MANY + 1 : MANY + 1);
	for (int i = 0; i < MANY; i++)
		nsh_start_free(starts[i]);
	BECOMES(count_threads(), 1);
	EQUAL(count_descriptors(), descriptors);
	EQUAL(count_children(getpid(), &child), 0);
	remove_fifo();
}

static void abandons_at_any_time(void)
{
	make_fifo();
	for (int i = 0; i < MANY; i++) {
		struct nsh_start *starting = start_aside(reader_of_fifo());

		for (int j = 0; j < i % 10; j++)
			(void)usleep(30);
		nsh_start_free(starting);
	}
	BECOMES(count_threads(), 1);
	remove_fifo();
}

/* A lease makes open(2) of the file block. */
static int make_leased(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	(void)signal(SIGIO, SIG_IGN);
	EQUAL(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
	return fd;
}

/* The others wait in line for one whose standard input cannot be opened yet. */
static void abandons_before_the_turn(void)
{
	struct nsh_command *first = PROBE("--exit", "3");
	struct nsh_start *starts[MANY], *starting;
	char leased[64], never[64];
	int lease;

	(void)snprintf(leased, sizeof leased, "/tmp/noshell-lease.%d", (int)getpid());
	(void)snprintf(never, sizeof never, "/tmp/noshell-never.%d", (int)getpid());
	lease = make_leased(leased);
	nsh_command_set_stdio_path(first, 0, leased, false);
	starting = start_aside(first);
	for (int i = 0; i < MANY; i++)
		starts[i] = start_aside(PROBE("--to", never, "--say", "x"));
	for (int i = 0; i < MANY; i++)
		nsh_start_free(starts[i]);
	EQUAL(fcntl(lease, F_SETLEASE, F_UNLCK), 0);
	(void)close(lease);
	nsh_process_free(finish(starting));
	BECOMES(count_threads(), 1);
	EQUAL(access(never, F_OK), -1);
	(void)unlink(never);
	(void)unlink(leased);
}

/* ---- the host is killed ------------------------------------------------- */

/* A host that does this and lives on; its pid. */
static pid_t host_that(void (*act)(void))
{
	pid_t host = fork();

	if (host == 0) {
		act();
		for (;;)
			(void)pause();
	}
	return host;
}

/* Its only child; with a supervisor between them, that one's. */
static pid_t child_of(pid_t host, bool in_thread)
{
	pid_t child = 0, supervisor;

	BECOMES(count_children(host, &child), 1);
	supervisor = child;
	if (in_thread && getenv("NOSHELL_SUPERVISED"))
		BECOMES(count_children(supervisor, &child), 1);
	return child;
}

static void dies_with_host(void (*act)(void), bool in_thread)
{
	pid_t host = host_that(act), child = child_of(host, in_thread);

	CHECK(child > 0 && lives(child));
	EQUAL(kill(host, SIGKILL), 0);
	EQUAL(waitpid(host, NULL, 0), host);
	CHECK(child > 0 && goes(child));
	if (child > 0 && lives(child))
		(void)kill(child, SIGKILL);
}

static void start_at_fifo(void)
{
	(void)start(reader_of_fifo());
}

static void start_at_fifo_aside(void)
{
	(void)start_aside(reader_of_fifo());
}

static void start_at_fifo_in_thread(void)
{
	struct nsh_command *cmd = reader_of_fifo();

	nsh_command_require_handshake(cmd);
	(void)start_in_thread(cmd);
}

static int wait_for_ever(void *data, char *message, size_t size)
{
	(void)data;
	(void)message;
	(void)size;
	for (;;)
		(void)pause();
	return 0;
}

static void start_with_hook(void)
{
	struct nsh_command *cmd = PROBE("--pause");

	nsh_command_set_pre_exec_hook(cmd, wait_for_ever, NULL);
	(void)start(cmd);
}

static void start_in_ended_thread(void)
{
	CHECK(echoes(start_in_thread(echo()), "x\n"));
}

static void start_in_ended_start(void)
{
	CHECK(echoes(finish(start_aside(echo())), "x\n"));
}

static void leaves_no_child_at_a_fifo(void)
{
	make_fifo();
	dies_with_host(start_at_fifo, false);
	dies_with_host(start_at_fifo_aside, true);
	dies_with_host(start_at_fifo_in_thread, true);
	remove_fifo();
}

static void leaves_no_child_in_a_hook(void)
{
	dies_with_host(start_with_hook, false);
}

static void signals_its_children(void)
{
	dies_with_host(start_in_ended_thread, true);
	dies_with_host(start_in_ended_start, true);
}

static void is_executing(pid_t child)
{
	char path[64], text[64] = "";

	(void)snprintf(path, sizeof path, "/proc/%d/comm", (int)child);
	for (int i = 0; i < 10000 && strcmp(text, "probe\n") != 0; i++) {
		FILE *file = fopen(path, "re");

		if (file && !fgets(text, sizeof text, file))
			text[0] = 0;
		if (file)
			(void)fclose(file);
		(void)usleep(1000);
	}
	CHECK(strcmp(text, "probe\n") == 0);
}

static void start_plainly_at_fifo(void)
{
	int writer;
	struct nsh_start *starting = start_aside(reader_of_fifo());

	writer = open(fifo, O_RDWR | O_CLOEXEC);
	CHECK(writer >= 0);
	(void)finish(starting);
}

/* A program without a parent-death signal has none left of its start. */
static void outlives_its_host(void)
{
	pid_t host, child;
	int keeper;

	make_fifo();
	host = host_that(start_plainly_at_fifo);
	child = child_of(host, true);
	is_executing(child);
	keeper = open(fifo, O_RDWR | O_CLOEXEC);
	EQUAL(kill(host, SIGKILL), 0);
	EQUAL(waitpid(host, NULL, 0), host);
	CHECK(lives(child));
	(void)close(keeper);
	CHECK(goes(child));
	remove_fifo();
}

static const struct check checks[] = {
	{ "a parent-death signal is not sent when the starting thread ends",
	  outlives_its_thread },
	{ "a parent-death signal is not sent when the starting thread ends, with a hook",
	  outlives_its_thread_after_a_hook },
	{ "a parent-death signal is not sent when the starting thread ends, with a handshake",
	  outlives_its_thread_in_a_handshake },
	{ "a child at a FIFO outlives the thread that started it",
	  outlives_its_thread_at_a_fifo },
	{ "a parent-death signal is not sent when a start aside ends",
	  outlives_its_start },
	{ "a parent-death signal is not sent when a start at a FIFO ends",
	  outlives_its_start_at_a_fifo },
	{ "a program with a parent-death signal is waited for as any other",
	  is_waited_for_as_always },
	{ "200 starts that wait for a FIFO leave nothing when abandoned", abandons_many },
	{ "a start at a FIFO can be abandoned at any time", abandons_at_any_time },
	{ "a start whose turn has not come runs nothing when abandoned",
	  abandons_before_the_turn },
	{ "a killed host leaves no child that waits for a FIFO",
	  leaves_no_child_at_a_fifo },
	{ "a killed host leaves no child in a hook", leaves_no_child_in_a_hook },
	{ "a killed host ends the programs that have a parent-death signal",
	  signals_its_children },
	{ "a program without a parent-death signal outlives its host",
	  outlives_its_host },
	{ NULL, NULL },
};

static void make(void)
{
	nsh_process_free(finish(start_aside(PROBE("--exit", "0"))));
	BECOMES(count_threads(), 1);
}

int main(int argc, char **argv)
{
	/* A check that fails may block for ever. */
	(void)alarm(60);
	if (argc > 1)
		make();
	return check_main(checks, argc, argv);
}
