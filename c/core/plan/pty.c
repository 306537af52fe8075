/* The terminal of a command: a pseudoterminal (pty(7)). */
#include "plan.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "command.h"
#include "fd.h"

static int fail(struct nsh_failure *failure)
{
	int saved = errno;

	nsh_fail(failure, NSH_STAGE_PTY, saved, "/dev/ptmx");
	if (saved == ENOSPC)
		nsh_fail_reason(failure, "too many terminals: kernel.pty.max, or the "
				"option max of the mount /dev/pts");
	else if (saved == ENOENT || saved == ENXIO || saved == ENODEV)
		nsh_fail_reason(failure, "no pseudoterminals here: mount devpts on /dev/pts");
	return -1;
}

/* Only our end is non-blocking: the flag belongs to the open file description. */
static int open_master(void)
{
	return nsh_fd_raise(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
}

/* TIOCGPTPEER opens the other end of this master even if /dev/pts is another mount. */
static int open_slave(int master)
{
	int unlocked = 0;

	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return -1;
	return nsh_fd_raise(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

static int set_up(int master, int slave, const struct nsh_command *cmd)
{
	struct winsize size = { .ws_row = cmd->pty.rows, .ws_col = cmd->pty.columns };
	struct termios modes;

	if (ioctl(master, TIOCSWINSZ, &size) < 0)
		return -1;
	if (cmd->pty.echo)
		return 0;
	if (tcgetattr(slave, &modes) < 0)
		return -1;
	modes.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL | ECHOCTL | ECHOKE);
	return tcsetattr(slave, TCSANOW, &modes);
}

int nsh_pty_plan(struct plan *plan, const struct nsh_command *cmd, int *ret_fd,
		 struct nsh_failure *failure)
{
	const struct attributes *asked = &plan->attributes;
	int fd = -1;

	*ret_fd = -1;
	if (!cmd->pty.is_set)
		return 0;
	plan->pty_master = open_master();
	if (plan->pty_master < 0)
		return fail(failure);
	plan->pty_slave = open_slave(plan->pty_master);
	if (plan->pty_slave >= 0 && set_up(plan->pty_master, plan->pty_slave, cmd) == 0)
		fd = nsh_fd_own(nsh_fd_duplicate(plan->pty_slave));
	if (fd < 0)
		return fail(failure);
	/* The program may have to open it by name.  Without CAP_CHOWN it cannot, but
	 * /dev/tty works for every user. */
	if (asked->set_uid)
		(void)!fchown(plan->pty_slave, asked->uid, (gid_t)-1);
	*ret_fd = fd;
	return 0;
}
