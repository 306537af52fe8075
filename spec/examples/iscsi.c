/* Replaces popen(3): finds the interface that an iSCSI initiator uses, in the output of
   iscsiadm.

	cc iscsi.c $(pkg-config --cflags --libs noshell) && ./a.out iqn.2001-04.com.example */
#include <noshell.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines are "name transport,hwaddress,ipaddress,net_ifacename,iqn". */
static char *match(char *line, const char *iqn)
{
	char *last = strrchr(line, ',');
	char *blank = strchr(line, ' ');

	line[strcspn(line, "\n")] = 0;
	if (!last || !blank || strcmp(last + 1, iqn) != 0)
		return NULL;
	*blank = 0;
	return strdup(line);
}

/* Sets *ret_name to the interface, or to NULL if none has that initiator. */
static int find_interface(const char *iqn, char **ret_name,
			  struct nsh_failure *failure)
{
	struct nsh_command *cmd =
		nsh_command_new_args("iscsiadm", "--mode", "iface", NULL);
	struct nsh_process *process = NULL;
	char line[4096];
	FILE *file = NULL;
	int fd, ret = -1;

	*ret_name = NULL;
	nsh_command_set_stdio(cmd, 1, NSH_STDIO_PIPE);
	/* If stderr were captured, the program could fill that pipe and block while we
	   wait for lines. */
	nsh_command_set_stdio(cmd, 2, NSH_STDIO_INHERIT);
	if (nsh_command_start(cmd, &process, failure) < 0)
		goto cleanup;
	fd = nsh_stream_take_fd(nsh_process_stream(process, 1));
	file = fdopen(fd, "r");
	while (file && fgets(line, sizeof line, file))
		if (!*ret_name)
			*ret_name = match(line, iqn);
	if (nsh_process_wait(process, -1, failure) == 1)
		ret = nsh_process_check(process, failure);
cleanup:
	if (file)
		fclose(file);
	nsh_process_free(process);
	nsh_command_free(cmd);
	return ret;
}

int main(int argc, char **argv)
{
	struct nsh_failure failure;
	char *name;

	if (argc != 2)
		return EXIT_FAILURE;
	if (find_interface(argv[1], &name, &failure) < 0) {
		fprintf(stderr, "cannot ask iscsiadm: %s %s %s %s\n",
			nsh_code_name(failure.code), nsh_stage_name(failure.stage),
			failure.subject, nsh_errno_name(failure.errnum));
		free(name);
		return EXIT_FAILURE;
	}
	printf("%s\n", name ? name : "none");
	free(name);
	return EXIT_SUCCESS;
}
