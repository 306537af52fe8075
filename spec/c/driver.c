/* driver WORD... -- PROGRAM ARGUMENTS: one command through the C interface,
   described by words, so that a case is a line of data.

   First the words that change this process (driver_parent.h), then those that
   are setters, in the order given:

   stdin=KIND, stdout=KIND, stderr=KIND   null, inherit, pipe, capture, stdout,
                          fd:N, path:P, append:P
   input=TEXT, input-size=N, send=TEXT, send-size=N
   pass=FD:CHILD, give=FD:CHILD (close_parent)
   arg0=, env=NAME=VALUE, env-size=N, clear-env, cwd=, umask=OCTAL, limit=NAME:SOFT:HARD,
   nice=, session, group, death=SIGNAL, nnp, alone, among=PID
   uid=, gid=, groups=1,2, user=, clear-caps, cap=NAME, selinux=, apparmor=
   hook=ok, hook=TEXT (fails with TEXT), handshake, daemon, pid-file=
   timeout=S:GRACE, max-output=N, allow=N, any, raw
   do=run (unless named), start, exec, ready (handshake: wait, notify, wait)

   The outcome is written to FILE of report=FILE as key=value lines. */
#include "driver.h"

#include <string.h>
#include <unistd.h>

struct driver driver = { .report = -1, .act = "run", .repeat = 1 };

/* "a:b" or "a:b:c": the part after the nth colon. */
const char *part(const char *text, int n)
{
	while (n-- > 0 && (text = strchr(text, ':')))
		text++;
	return text ? text : "";
}

long long number(const char *text)
{
	return strtoll(text, NULL, 0);
}

static void set_stream(int which, const char *kind)
{
	static const char *const names[] = {
		"default", "null", "inherit", "pipe", "capture", "stdout",
	};
	struct nsh_command *cmd = driver.cmd;

	if (strncmp(kind, "fd:", 3) == 0)
		nsh_command_set_stdio_fd(cmd, which, (int)number(part(kind, 1)));
	else if (strncmp(kind, "path:", 5) == 0)
		nsh_command_set_stdio_path(cmd, which, part(kind, 1), false);
	else if (strncmp(kind, "append:", 7) == 0)
		nsh_command_set_stdio_path(cmd, which, part(kind, 1), true);
	for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
		if (strcmp(kind, names[i]) == 0)
			nsh_command_set_stdio(cmd, which, (enum nsh_stdio)i);
}

static void do_stdin(const char *kind) { set_stream(0, kind); }
static void do_stdout(const char *kind) { set_stream(1, kind); }
static void do_stderr(const char *kind) { set_stream(2, kind); }

/* The bytes of probe --out: byte i is i % 251. */
static char *pattern(size_t size)
{
	char *bytes = malloc(size + 1);

	for (size_t i = 0; bytes && i < size; i++)
		bytes[i] = (char)(i % 251);
	return bytes;
}

static void do_input(const char *text)
{
	nsh_command_set_input_buffer(driver.cmd, text, strlen(text));
}

/* A variable of that many bytes. */
static void do_env_size(const char *size)
{
	nsh_command_add_env_format(driver.cmd, "FILL=%0*d", (int)number(size), 0);
}

static void do_input_size(const char *size)
{
	char *bytes = pattern((size_t)number(size));

	nsh_command_set_input_buffer(driver.cmd, bytes, (size_t)number(size));
	free(bytes);
}

static void do_send(const char *text)
{
	nsh_command_send_buffer(driver.cmd, text, strlen(text));
}

static void do_send_size(const char *size)
{
	char *bytes = pattern((size_t)number(size));

	nsh_command_send_buffer(driver.cmd, bytes, (size_t)number(size));
	free(bytes);
}

static void do_pass(const char *text)
{
	nsh_command_pass_fd(driver.cmd, (int)number(text),
			    (int)number(part(text, 1)), false);
}

static void do_give(const char *text)
{
	nsh_command_pass_fd(driver.cmd, (int)number(text),
			    (int)number(part(text, 1)), true);
}

static void do_limit(const char *text)
{
	char name[32];
	size_t size = strcspn(text, ":");

	memcpy(name, text, size < 31 ? size : 31);
	name[size < 31 ? size : 31] = 0;
	nsh_command_set_limit(driver.cmd, name, strtoull(part(text, 1), NULL, 0),
			      strtoull(part(text, 2), NULL, 0));
}

static void do_groups(const char *text)
{
	gid_t groups[64];
	size_t count = 0;

	while (*text && count < 64) {
		groups[count++] = (gid_t)strtoul(text, (char **)(uintptr_t)&text, 10);
		text += *text == ',';
	}
	nsh_command_set_groups(driver.cmd, groups, count);
}

static int hook(void *data, char *message, size_t size)
{
	if (strcmp(data, "ok") == 0)
		return 0;
	if (strcmp(data, "die") == 0)
		(void)kill(getpid(), SIGKILL);
	(void)snprintf(message, size, "%s", (char *)data);
	return -1;
}

static void do_hook(const char *text)
{
	nsh_command_set_pre_exec_hook(driver.cmd, hook, (void *)(uintptr_t)text);
}

static void do_timeout(const char *text)
{
	nsh_command_set_timeout(driver.cmd, strtod(text, NULL),
				strtod(part(text, 1), NULL));
}

static void do_act(const char *text) { driver.act = text; }
static void do_repeat(const char *text) { driver.repeat = (int)number(text); }

/* Setters that take nothing, a string, or a number. */
#define PLAIN(name, setter) \
	static void name(const char *text) { (void)text; setter(driver.cmd); }
#define TEXT(name, setter, ...) \
	static void name(const char *text) { setter(driver.cmd, text, ##__VA_ARGS__); }
#define NUMBER(name, setter, type) \
	static void name(const char *text) { setter(driver.cmd, (type)number(text)); }

PLAIN(do_clear_env, nsh_command_clear_env)
PLAIN(do_session, nsh_command_new_session)
PLAIN(do_group, nsh_command_new_process_group)
PLAIN(do_nnp, nsh_command_set_no_new_privs)
PLAIN(do_alone, nsh_command_run_alone)
PLAIN(do_clear_caps, nsh_command_clear_caps)
PLAIN(do_handshake, nsh_command_require_handshake)
PLAIN(do_daemon, nsh_command_daemonize)
PLAIN(do_any, nsh_command_allow_any_exit)
PLAIN(do_raw, nsh_command_raw_status)
TEXT(do_arg0, nsh_command_set_arg0)
TEXT(do_env, nsh_command_add_env_string)
TEXT(do_cwd, nsh_command_set_working_directory)
TEXT(do_uid, nsh_command_set_uid_name)
TEXT(do_gid, nsh_command_set_gid_name)
TEXT(do_user, nsh_command_set_user)
TEXT(do_cap, nsh_command_allow_cap)
TEXT(do_selinux, nsh_command_set_selinux_label, false)
TEXT(do_apparmor, nsh_command_set_apparmor_profile, false)
TEXT(do_pid_file, nsh_command_set_pid_file)
NUMBER(do_nice, nsh_command_set_nice, int)
NUMBER(do_death, nsh_command_set_parent_death_signal, int)
NUMBER(do_among, nsh_command_run_among, pid_t)
NUMBER(do_max_output, nsh_command_set_max_output, size_t)
NUMBER(do_allow, nsh_command_allow_exit, int)
NUMBER(do_umask, nsh_command_set_umask, unsigned)

static const struct word setters[] = {
	{ "stdin", do_stdin }, { "stdout", do_stdout }, { "stderr", do_stderr },
	{ "input", do_input }, { "input-size", do_input_size },
	{ "send", do_send }, { "send-size", do_send_size },
	{ "pass", do_pass }, { "give", do_give }, { "arg0", do_arg0 },
	{ "env", do_env }, { "env-size", do_env_size }, { "clear-env", do_clear_env }, { "cwd", do_cwd },
	{ "umask", do_umask }, { "limit", do_limit }, { "nice", do_nice },
	{ "session", do_session }, { "group", do_group }, { "death", do_death },
	{ "nnp", do_nnp }, { "alone", do_alone }, { "among", do_among },
	{ "uid", do_uid }, { "gid", do_gid }, { "groups", do_groups },
	{ "user", do_user }, { "clear-caps", do_clear_caps }, { "cap", do_cap },
	{ "selinux", do_selinux }, { "apparmor", do_apparmor },
	{ "hook", do_hook }, { "handshake", do_handshake },
	{ "daemon", do_daemon }, { "pid-file", do_pid_file },
	{ "timeout", do_timeout }, { "max-output", do_max_output },
	{ "allow", do_allow }, { "any", do_any }, { "raw", do_raw },
	{ "do", do_act }, { "repeat", do_repeat }, { NULL, NULL },
};

/* Applies a word of that table; false if it is not in the table. */
static bool do_word(const struct word *table, const char *text)
{
	size_t size = strcspn(text, "=");

	for (; table->name; table++)
		if (strlen(table->name) == size && memcmp(table->name, text, size) == 0) {
			table->act(text[size] ? text + size + 1 : "");
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	int end = 1;

	if (argc == 1)
		return 0;
	while (end < argc && strcmp(argv[end], "--") != 0)
		end++;
	if (end + 1 >= argc)
		return 64;
	driver.cmd = nsh_command_new(argv[end + 1]);
	for (int i = end + 2; i < argc; i++)
		nsh_command_add_arg(driver.cmd, argv[i]);
	for (int i = 1; i < end; i++)
		if (!do_word(parent_words, argv[i]) && !do_word(setters, argv[i])) {
			(void)dprintf(2, "driver: %s?\n", argv[i]);
			return 64;
		}
	for (int i = 0; i < driver.repeat; i++)
		act_and_report();
	nsh_command_free(driver.cmd);
	return 0;
}
