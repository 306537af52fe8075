/* Prints every stage and the code of a failure in it. */
#include <stdio.h>

#include "core/base/failure.h"

int main(void)
{
	struct nsh_failure failure;

	for (int stage = NSH_STAGE_NONE + 1; stage < NSH_STAGE_COUNT; stage++) {
		(void)nsh_fail(&failure, (enum nsh_stage)stage, 1, NULL);
		printf("%s %s\n", nsh_stage_name(failure.stage),
		       nsh_code_name(failure.code));
	}
	return 0;
}
