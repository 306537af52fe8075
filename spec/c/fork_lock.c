/* The fork-safe lock: the host forks while another thread is inside of its code,
   which the fork interrupts. */
#include <semaphore.h>

#include "check.h"
#include "../../c/core/base/fork_lock.h"

static struct fork_lock lock = NSH_FORK_LOCK_INIT;
static sem_t has_begun, may_end;

static void take_long(void)
{
	(void)sem_post(&has_begun);
	(void)sem_wait(&may_end);
}

static void do_nothing(void)
{
}

static void *lock_first(void *nothing)
{
	nsh_fork_lock(&lock, take_long);
	nsh_fork_unlock(&lock);
	return nothing;
}

/* It is that thread which would end the waiting. */
static void fork_while_it_is_taken_over(void)
{
	pthread_t thread;
	int status = -1;
	pid_t pid;

	CHECK(sem_init(&has_begun, 0, 0) == 0 && sem_init(&may_end, 0, 0) == 0);
	CHECK(pthread_create(&thread, NULL, lock_first, NULL) == 0);
	(void)sem_wait(&has_begun);
	pid = fork();
	if (pid == 0) {
		(void)alarm(5);
		nsh_fork_lock(&lock, do_nothing);
		nsh_fork_unlock(&lock);
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	EQUAL(status, 0);
	(void)sem_post(&may_end);
	(void)pthread_join(thread, NULL);
}

static const struct check checks[] = {
	{ "a fork finds the lock free that a thread is taking over",
	  fork_while_it_is_taken_over },
	{ NULL, NULL }
};

int main(int argc, char **argv)
{
	return check_main(checks, argc, argv);
}
