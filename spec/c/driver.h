/* driver.h: the state shared by the parts of driver.c: the command and its report.
   The parts are headers because a program in spec/c is one file. */
#ifndef DRIVER_H
#define DRIVER_H

#include <noshell.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct driver {
	struct nsh_command *cmd;
	int report;             /* its descriptor, far above all others */
	const char *act;
	int repeat;
};

struct word {
	const char *name;
	void (*act)(const char *value);
};

extern struct driver driver;
const char *part(const char *text, int n);
long long number(const char *text);

#include "driver_parent.h"
#include "driver_report.h"

#endif
