/*
 * Labels, against the kernel: `label_modules selinux|apparmor|none` is run by
 * spec/vm in a machine whose policy it knows.  Without an argument it checks
 * what holds on any system.
 */
#include "../vm/check.h"

#define CONTEXT(type) "vm_u:vm_r:" type ":s0"

/* With the entry point's label, and without. */
static const char target[] = "/test/target";
static const char probe[] = "/spec/probe";

static const char *program;     /* this one */

/* Ways to request a label. */
struct wish {
	void (*set)(struct nsh_command *cmd, const char *label, bool if_enabled);
	const char *program;
	const char *label;
	bool no_new_privs, if_enabled;
};

static struct nsh_command *command_of(const struct wish *wish)
{
	struct nsh_command *cmd = nsh_command_new(wish->program);

	if (wish->set)
		wish->set(cmd, wish->label, wish->if_enabled);
	if (wish->no_new_privs)
		nsh_command_set_no_new_privs(cmd);
	return cmd;
}

static const char *label_of(struct wish wish)
{
	return outcome(command_of(&wish), "label");
}

/* Runs this program, which performs `part` and becomes a probe. */
static const char *label_after(const char *part)
{
	return outcome(nsh_command_new_args(program, part, NULL), "label");
}

/* Runs this program in another domain, in which it checks `part` by itself. */
static const char *part_in(struct wish wish, const char *part)
{
	struct nsh_command *cmd;

	wish.program = program;
	cmd = command_of(&wish);
	nsh_command_add_arg(cmd, part);
	nsh_command_set_stdio(cmd, 1, NSH_STDIO_INHERIT);
	return outcome(cmd, "");
}

/* A failed exec in place must leave no label behind: every program that we start
 * later would get it. */
static void check_exec(struct wish wish, const char *refusal, const char *ours)
{
	struct wish none = { NULL, target, NULL, false, false };
	struct nsh_command *cmd = command_of(&wish);
	struct nsh_failure failure = { .code = NSH_OK };

	(void)nsh_command_exec(cmd, &failure);
	nsh_command_free(cmd);
	check("exec in place with a label that is refused",
	      failure_text(&failure), refusal);
	check("leaves no label behind", label_of(none), ours);
}

/* ---- SELinux ----------------------------------------------------------- */

static struct wish selinux(const char *label)
{
	return (struct wish){ nsh_command_set_selinux_label, target, label,
			      false, false };
}

static struct wish selinux_no_new_privs(const char *label)
{
	struct wish wish = selinux(label);

	wish.no_new_privs = true;
	return wish;
}

static void exec_in_selinux(void)
{
	struct wish wish = selinux(CONTEXT("b_t"));

	(void)nsh_command_exec(command_of(&wish), NULL);
	checks_failed++;
}

static void check_selinux_applied(void)
{
	struct wish none = { NULL, target, NULL, false, false };
	struct wish optional = selinux(CONTEXT("b_t"));

	check("without a label the child stays where we are",
	      label_of(none), CONTEXT("a_t"));
	check("the child's label is the one that was set",
	      label_of(selinux(CONTEXT("b_t"))), CONTEXT("b_t"));
	check("with its categories",
	      label_of(selinux(CONTEXT("b_t") ":c0,c1")),
	      CONTEXT("b_t") ":c0,c1");
	optional.if_enabled = true;
	check("if_enabled does not weaken it", label_of(optional), CONTEXT("b_t"));
	check("it is given by an exec in place too",
	      label_after("exec-in-selinux"), CONTEXT("b_t"));
	check("our own label at the next exec is untouched",
	      label_of(none), CONTEXT("a_t"));
}

static void check_selinux_refused(void)
{
	struct wish wrong_entry = selinux(CONTEXT("b_t"));

	wrong_entry.program = probe;
	check("a transition that the policy denies",
	      label_of(selinux(CONTEXT("c_t"))), "spawn exec EACCES");
	check("its reason names the label", last_failure.reason,
	      "not permitted, with the label '" CONTEXT("c_t") "'");
	check("a program that is no entry point",
	      label_of(wrong_entry), "spawn exec EACCES");
	check("its subject is the program", last_failure.subject, probe);
	check("a type that the policy has not",
	      label_of(selinux("vm_u:vm_r:nosuch_t:s0")),
	      "spawn set_selinux_label EINVAL");
	check("its subject is the label", last_failure.subject,
	      "vm_u:vm_r:nosuch_t:s0");
	check("its reason", last_failure.reason,
	      "not a valid context in the loaded policy");
	check("a category that the policy has not",
	      label_of(selinux(CONTEXT("b_t") ":c9")),
	      "spawn set_selinux_label EINVAL");
	check("a word that is no context", label_of(selinux("b_t")),
	      "spawn set_selinux_label EINVAL");
	check("no_new_privs, and no rule for it",
	      label_of(selinux_no_new_privs(CONTEXT("b_t"))), "spawn exec EPERM");
	check("no_new_privs, and a rule for it",
	      label_of(selinux_no_new_privs(CONTEXT("n_t"))), CONTEXT("n_t"));
	check_exec(selinux(CONTEXT("c_t")), "spawn exec EACCES", CONTEXT("a_t"));
	check("a domain without setexec checks",
	      part_in(selinux(CONTEXT("d_t")), "without-setexec"), "");
	check("a domain without check_context checks",
	      part_in(selinux(CONTEXT("e_t")), "without-check-context"), "");
}

static void check_without_setexec(void)
{
	check("without setexec no label can be asked for",
	      label_of(selinux(CONTEXT("b_t"))),
	      "spawn set_selinux_label EACCES");
	check("its subject is the label", last_failure.subject, CONTEXT("b_t"));
}

/* The kernel takes a page of what is written, and drops the rest. */
static void check_selinux_too_long(void)
{
	char label[8000] = CONTEXT("b_t") ":c0";

	for (size_t size = strlen(label); size + 4 < sizeof label; size += 3)
		strcpy(label + size, ",c0");
	check("a label that is longer than a page", label_of(selinux(label)),
	      "spawn set_selinux_label ENAMETOOLONG");
}

/* A process that may not check a context gets the answer from the kernel. */
static void check_without_check_context(void)
{
	check("without check_context a label is applied nevertheless",
	      label_of(selinux(CONTEXT("b_t"))), CONTEXT("b_t"));
	check("and a bad one refused",
	      label_of(selinux(CONTEXT("nosuch_t"))),
	      "spawn set_selinux_label EINVAL");
}

/* ---- AppArmor ---------------------------------------------------------- */

static struct wish apparmor(const char *profile)
{
	return (struct wish){ nsh_command_set_apparmor_profile, target, profile,
			      false, false };
}

static struct wish apparmor_no_new_privs(const char *profile)
{
	struct wish wish = apparmor(profile);

	wish.no_new_privs = true;
	return wish;
}

static void exec_in_apparmor(void)
{
	struct wish wish = apparmor("vm_b");

	(void)nsh_command_exec(command_of(&wish), NULL);
	checks_failed++;
}

static void check_apparmor(void)
{
	struct wish none = { NULL, target, NULL, false, false };
	char longest[8000];

	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;

	check("without a profile the child stays where we are",
	      label_of(none), "unconfined");
	check("the child's profile is the one that was set",
	      label_of(apparmor("vm_b")), "vm_b (enforce)");
	check("with no_new_privs",
	      label_of(apparmor_no_new_privs("vm_b")), "vm_b (enforce)");
	check("it is given by an exec in place too",
	      label_after("exec-in-apparmor"), "vm_b (enforce)");
	check("our own profile at the next exec is untouched",
	      label_of(none), "unconfined");
	check("a profile that is not loaded",
	      label_of(apparmor("nosuch")), "spawn set_apparmor_profile ENOENT");
	check("its subject is the profile", last_failure.subject, "nosuch");
	check("a profile that is longer than a page", label_of(apparmor(longest)),
	      "spawn set_apparmor_profile ENAMETOOLONG");
	check("no profile's name", label_of(apparmor(" ")),
	      "spawn set_apparmor_profile EINVAL");
	check_exec((struct wish){ nsh_command_set_apparmor_profile, "/nonexistent",
				  "vm_b", false, false },
		   "spawn exec ENOENT", "unconfined");
	check("a confined program checks",
	      part_in(apparmor("vm_a"), "confined"), "");
}

static void check_confined(void)
{
	struct wish none = { NULL, target, NULL, false, false };

	check("a confined program's child is confined",
	      label_of(none), "vm_a (enforce)");
	check("a change that a rule allows",
	      label_of(apparmor("vm_b")), "vm_b (enforce)");
	check("a change that no rule allows", label_of(apparmor("vm_c")),
	      "spawn set_apparmor_profile EACCES");
	check("a change that no_new_privs forbids",
	      label_of(apparmor_no_new_privs("vm_b")), "spawn exec EPERM");
	check("its reason names the profile", last_failure.reason,
	      "not permitted, with the label 'vm_b'");
}

/* ---- modules that are not there ---------------------------------------- */

static void check_inactive(struct wish wish, const char *stage,
			   const char *module, const char *program_here)
{
	char text[128];

	wish.program = program_here;
	(void)snprintf(text, sizeof text, "spawn %s EOPNOTSUPP", stage);
	check("a label for a module that is not active", label_of(wish), text);
	check("its subject is the label", last_failure.subject, wish.label);
	(void)snprintf(text, sizeof text, "%s is not enabled on this system",
		       module);
	check("its reason names the module", last_failure.reason, text);
	wish.if_enabled = true;
	(void)label_of(wish);
	check("if_enabled lets it pass", failure_text(&last_failure), "ok");
}

static void check_here(const char *program_here)
{
	struct nsh_features features;

	nsh_features(&features);
	if (features.selinux && !features.selinux_enabled)
		check_inactive(selinux(CONTEXT("b_t")), "set_selinux_label",
			       "SELinux", program_here);
	if (!features.apparmor_enabled)
		check_inactive(apparmor("vm_b"), "set_apparmor_profile",
			       "AppArmor", program_here);
	check_true("SELinux and AppArmor are not both active",
		   !features.selinux_enabled || !features.apparmor_enabled);
}

static void check_features(bool wants_selinux, bool wants_apparmor)
{
	struct nsh_features features;

	nsh_features(&features);
	check_true("features tell whether SELinux is active",
		   features.selinux_enabled == wants_selinux);
	check_true("features tell whether AppArmor is active",
		   features.apparmor_enabled == wants_apparmor);
}

/* The first argument, if this program runs itself: the part to perform. */
static const struct {
	const char *name;
	void (*act)(void);
} parts[] = {
	{ "without-setexec", check_without_setexec },
	{ "without-check-context", check_without_check_context },
	{ "confined", check_confined },
	{ "exec-in-selinux", exec_in_selinux },
	{ "exec-in-apparmor", exec_in_apparmor },
};

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	bool in_selinux = strcmp(mode, "selinux") == 0;
	bool in_apparmor = strcmp(mode, "apparmor") == 0;

	program = argv[0];
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strcmp(mode, parts[i].name) == 0) {
			parts[i].act();
			return checks_failed > 0;
		}
	if (*mode)
		check_features(in_selinux, in_apparmor);
	if (in_selinux) {
		check_selinux_applied();
		check_selinux_refused();
		check_selinux_too_long();
	}
	if (in_apparmor)
		check_apparmor();
	check_here(*mode ? probe : "/bin/true");
	return verdict();
}
