/*
 * resident.h: a process that measures on request, so that the bench can measure
 * several of them in turns.
 *
 * It reads lines "JOB COUNT", does the job COUNT times, and answers with the
 * nanoseconds that it took, or with "-" if it cannot do it.  Options before the
 * programs on the command line: --touch MIB (memory to allocate and fault in),
 * --open COUNT (descriptors).
 */
#ifndef BENCH_RESIDENT_H
#define BENCH_RESIDENT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct programs {
	const char *tiny;   /* does nothing */
	const char *probe;  /* writes, reads, waits */
};

struct job {
	const char *name;
	int (*run)(const struct programs *programs, long count);
};

static int touch(long mebibytes)
{
	size_t size = (size_t)mebibytes << 20;
	char *memory = malloc(size);

	for (size_t i = 0; memory && i < size; i += 4096)
		((volatile char *)memory)[i] = 1;
	return memory ? 0 : -1;
}

static int open_many(long count)
{
	while (count-- > 0)
		if (dup(2) < 0)
			return -1;
	return 0;
}

static int settle(int argc, char **argv, struct programs *ret_programs)
{
	int at = 1;

	for (; at + 1 < argc && argv[at][0] == '-'; at += 2) {
		long number = atol(argv[at + 1]);

		if (strcmp(argv[at], "--touch") == 0 ? touch(number)
		    : open_many(number))
			return -1;
	}
	if (argc - at != 2)
		return -1;
	*ret_programs = (struct programs){ argv[at], argv[at + 1] };
	return 0;
}

static long long nanoseconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void answer(const struct job *jobs, const struct programs *programs,
		   const char *name, long count)
{
	const struct job *job = jobs;
	long long start;

	while (job->name && strcmp(job->name, name) != 0)
		job++;
	start = nanoseconds();
	if (job->name && job->run(programs, count) == 0)
		printf("%lld\n", nanoseconds() - start);
	else
		puts("-");
	fflush(stdout);
}

/* To the end of stdin.  What to exit with. */
static int serve(int argc, char **argv, const struct job *jobs)
{
	struct programs programs;
	char name[32];
	long count;

	if (settle(argc, argv, &programs) < 0)
		return 1;
	while (scanf("%31s %ld", name, &count) == 2)
		answer(jobs, &programs, name, count);
	return 0;
}

#endif
