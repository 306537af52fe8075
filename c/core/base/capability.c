#include "capability.h"

#include <stdio.h>
#include <strings.h>
#include <sys/prctl.h>

#ifdef NSH_HAVE_CAPNG
#include <cap-ng.h>
#endif

#include "sys.h"

bool nsh_capability_names_available(void)
{
#ifdef NSH_HAVE_CAPNG
	return true;
#else
	return false;
#endif
}

/* PR_CAPBSET_READ fails with EINVAL for a capability that the kernel does not
 * know.  /proc/sys/kernel/cap_last_cap would need a mounted /proc. */
int nsh_capability_last(void)
{
	unsigned long cap = NSH_CAPABILITIES - 1;

	while (cap > 0 && nsh_sys_prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0)
		cap--;
	return (int)cap;
}

int nsh_capability_number(const char *name)
{
#ifdef NSH_HAVE_CAPNG
	if (strncasecmp(name, "cap_", 4) == 0)
		name += 4;
	return capng_name_to_capability(name);
#else
	(void)name;
	return -1;
#endif
}

void nsh_capability_name(int number, char *text, size_t size)
{
#ifdef NSH_HAVE_CAPNG
	const char *name = capng_capability_to_name((unsigned)number);

	if (name) {
		(void)snprintf(text, size, "%s", name);
		return;
	}
#endif
	(void)snprintf(text, size, "%d", number);
}
