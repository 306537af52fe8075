/*
 * check.h: for the C programs that also run in the virtual machine, without
 * busted.  Each check prints a line, "ok …" or "not ok …", and verdict() the
 * count, in the format of run_specs.sh.
 */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "noshell.h"

static int checks_passed, checks_failed;

/* Of the last outcome(). */
static struct nsh_failure last_failure;

static void check(const char *what, const char *got, const char *want)
{
	if (strcmp(got, want) == 0) {
		checks_passed++;
		printf("ok      %s\n", what);
	} else {
		checks_failed++;
		printf("not ok  %s: '%s', not '%s'\n", what, got, want);
	}
	(void)fflush(stdout);
}

static inline void check_true(const char *what, bool is_so)
{
	check(what, is_so ? "true" : "false", "true");
}

static inline int verdict(void)
{
	printf("%d passed, %d failed, 0 skipped\n", checks_passed, checks_failed);
	return checks_failed > 0;
}

/* The value of a line of the probe's report; valid until the next call. */
static inline const char *report_value(const char *report, const char *key)
{
	static char value[512];
	size_t size = strlen(key);

	value[0] = 0;
	while (report && *report) {
		if (strncmp(report, key, size) == 0 && report[size] == '=') {
			(void)snprintf(value, sizeof value, "%.*s",
				       (int)strcspn(report + size + 1, "\n"),
				       report + size + 1);
			break;
		}
		report = strchr(report, '\n');
		report += report ? 1 : 0;
	}
	return value;
}

/* "spawn exec EACCES", as far as the failure has them. */
static inline const char *failure_text(const struct nsh_failure *failure)
{
	static char text[256];

	(void)snprintf(text, sizeof text, "%s%s%s%s%s",
		       nsh_code_name(failure->code),
		       failure->stage ? " " : "", nsh_stage_name(failure->stage),
		       failure->errnum ? " " : "",
		       failure->errnum ? nsh_errno_name(failure->errnum) : "");
	return text;
}

/* Runs a command that is a probe, and frees it.  Returns the value of `key` in its
 * report, or the failure's text. */
static inline const char *outcome(struct nsh_command *take_cmd, const char *key)
{
	struct nsh_process *process = NULL;
	const char *text;

	memset(&last_failure, 0, sizeof last_failure);
	if (nsh_command_run(take_cmd, &process, &last_failure) == 0)
		text = report_value(nsh_process_result(process)->output[1], key);
	else
		text = failure_text(&last_failure);
	nsh_process_free(process);
	nsh_command_free(take_cmd);
	return text;
}

#endif
