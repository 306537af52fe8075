#include "env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* Returns the length of the name in "NAME=value" or "NAME". */
static size_t name_size(const char *pair)
{
	return strcspn(pair, "=");
}

static bool same_name(const char *a, const char *b)
{
	size_t size = name_size(a);

	return size == name_size(b) && memcmp(a, b, size) == 0;
}

static size_t find(const struct strv *strv, const char *pair)
{
	for (size_t i = 0; i < strv->count; i++)
		if (same_name(strv->items[i], pair))
			return i;
	return strv->count;
}

/* Adds the pair, or replaces a pair of the same name in its place: the order of the
 * first calls is kept. */
static int set_taken(struct env *env, char *take_pair)
{
	size_t at, removed;

	if (!take_pair)
		return -1;
	env->named = true;
	removed = find(&env->removed, take_pair);
	if (removed < env->removed.count)
		nsh_strv_remove(&env->removed, removed);
	at = find(&env->set, take_pair);
	if (at == env->set.count)
		return nsh_strv_add_taken(&env->set, take_pair);
	free(env->set.items[at]);
	env->set.items[at] = take_pair;
	return 0;
}

static int invalid(void)
{
	errno = EINVAL;
	return -1;
}

int nsh_env_set_pair(struct env *env, const char *pair)
{
	size_t size = name_size(pair);

	return size == 0 || !pair[size] ? invalid() : set_taken(env, strdup(pair));
}

int nsh_env_set(struct env *env, const char *name, const char *value)
{
	size_t size = strlen(name);
	char *pair;

	if (size == 0 || strchr(name, '='))
		return invalid();
	pair = malloc(size + strlen(value) + 2);
	if (!pair)
		return -1;
	memcpy(pair, name, size);
	pair[size] = '=';
	strcpy(pair + size + 1, value);
	return set_taken(env, pair);
}

int nsh_env_pass(struct env *env, const char *name)
{
	const char *value = *name ? getenv(name) : NULL;

	if (!*name || strchr(name, '='))
		return invalid();
	/* Even if the variable is unset: the caller has named a variable to pass,
	 * so no others are inherited. */
	env->named = true;
	return value ? nsh_env_set(env, name, value) : 0;
}

/* AT_SECURE also covers file capabilities and security modules (getauxval(3));
 * the ids cover a process that has changed them since its exec. */
static bool runs_set_id(void)
{
	return getauxval(AT_SECURE) || getuid() != geteuid() || getgid() != getegid();
}

int nsh_env_pass_unless_suid(struct env *env, const char *name,
			     const char *fallback)
{
	if (!runs_set_id())
		return nsh_env_pass(env, name);
	if (!*name || strchr(name, '='))
		return invalid();
	env->named = true;
	return fallback ? nsh_env_set(env, name, fallback) : 0;
}

/* Recorded as removed, because the variable may be inherited at the start. */
int nsh_env_unset(struct env *env, const char *name)
{
	size_t at;

	if (!*name || strchr(name, '='))
		return invalid();
	at = find(&env->set, name);
	if (at < env->set.count)
		nsh_strv_remove(&env->set, at);
	if (find(&env->removed, name) < env->removed.count)
		return 0;
	return nsh_strv_add(&env->removed, name);
}

void nsh_env_clear(struct env *env)
{
	nsh_env_free(env);
	env->cleared = true;
}

int nsh_env_copy(struct env *target, const struct env *source)
{
	struct env copy = *source;

	if (nsh_strv_copy(&copy.set, &source->set) < 0)
		return -1;
	if (nsh_strv_copy(&copy.removed, &source->removed) < 0) {
		nsh_strv_clear(&copy.set);
		return -1;
	}
	*target = copy;
	return 0;
}

void nsh_env_free(struct env *env)
{
	nsh_strv_clear(&env->set);
	nsh_strv_clear(&env->removed);
	*env = (struct env){ .named = false };
}

static bool inherits(const struct env *env)
{
	return env->inherit || (!env->named && !env->cleared);
}

int nsh_env_pwd(const char *cwd, char **ret_pwd)
{
	char *absolute = cwd && *cwd != '/' ? realpath(cwd, NULL) : NULL;
	const char *path = absolute ? absolute : cwd;
	char *pwd = NULL;

	if (cwd && *path == '/') {
		pwd = malloc(sizeof "PWD=" + strlen(path));
		if (pwd)
			strcat(strcpy(pwd, "PWD="), path);
	} else if (cwd) {
		pwd = strdup("");
	}
	free(absolute);
	if (cwd && !pwd)
		return -1;
	*ret_pwd = pwd;
	return 0;
}

/* Returns an inherited variable as the program gets it; NULL: not at all. */
static const char *inherited(const struct env *env, const char *pair, const char *pwd)
{
	if (find(&env->removed, pair) < env->removed.count
	    || find(&env->set, pair) < env->set.count)
		return NULL;
	if (!pwd || !same_name(pair, "PWD"))
		return pair;
	return *pwd ? pwd : NULL;
}

/* Reads environ at the start, not when the command is built, so a command that is
 * run later inherits the present variables. */
const char **nsh_env_build(const struct env *env, const char *pwd)
{
	size_t count = 0, size = 0;
	const char **list;

	while (inherits(env) && environ && environ[size])
		size++;
	/* An upper bound: variables that are removed or replaced are counted
	 * too. */
	list = malloc((size + env->set.count + 1) * sizeof *list);
	if (!list)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		list[count] = inherited(env, environ[i], pwd);
		count += list[count] != NULL;
	}
	for (size_t i = 0; i < env->set.count; i++)
		list[count++] = env->set.items[i];
	list[count] = NULL;
	return list;
}
