/* Commands as text: quoting, the command line, and the argument log. */
#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* True if the word needs no quotes at any place of a command line.  '=' is
 * special only before the command's name (an assignment), '~' and '#' only at
 * the start of a word, but they are quoted everywhere, so that readers need not
 * know. */
static bool is_plain(const char *word)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		"%+,-./:@_";

	return *word && !word[strspn(word, plain)];
}

static int append_enclosed(struct buffer *text, const char *word)
{
	int ret = nsh_buffer_append(text, "'", 1);

	while (ret == 0) {
		size_t size = strcspn(word, "'");

		ret = nsh_buffer_append(text, word, size);
		word += size;
		if (ret < 0 || !*word)
			break;
		ret = nsh_buffer_append_string(text, "'\\''");
		word++;
	}
	return ret < 0 ? -1 : nsh_buffer_append(text, "'", 1);
}

static int append_quoted(struct buffer *text, const char *word)
{
	return is_plain(word) ? nsh_buffer_append_string(text, word)
		: append_enclosed(text, word);
}

static char *finish(struct buffer *text, int ret)
{
	if (ret == 0 && nsh_buffer_append(text, "", 1) == 0)
		return text->data;
	nsh_buffer_free(text);
	return NULL;
}

char *nsh_quote(const char *word)
{
	struct buffer text = { .data = NULL };

	return finish(&text, append_quoted(&text, word));
}

/* "NAME=" stays outside the quotes: sh takes a quoted one as a command's
 * name. */
static int append_variable(struct buffer *text, const char *pair, bool shows_value)
{
	size_t name = strcspn(pair, "=") + 1;

	if (nsh_buffer_append(text, pair, name) < 0)
		return -1;
	if (!shows_value)
		return nsh_buffer_append_string(text, "***");
	return pair[name] ? append_quoted(text, pair + name) : 0;
}

/* True if an unquoted word in the place of a command's name is a reserved word
 * of sh, or of the shells that are installed as sh (bash, ksh: function,
 * select, time, coproc). */
static bool is_reserved(const char *word)
{
	static const char *const reserved[] = {
		"case", "coproc", "do", "done", "elif", "else", "esac", "fi",
		"for", "function", "if", "in", "select", "then", "time",
		"until", "while",
	};

	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (strcmp(word, reserved[i]) == 0)
			return true;
	return false;
}

/* Appends a word.  If the option in "--option=value" is plain, quotes only the value,
 * which is easier to read.  Not in the first word: sh would take "name=" as an
 * assignment. */
static int append_word(struct buffer *text, const char *word, bool first)
{
	const char *value = first ? NULL : strchr(word, '=');
	char *name;
	bool plain;
	int ret;

	if (first && is_reserved(word))
		return append_enclosed(text, word);
	if (!value || value == word)
		return append_quoted(text, word);
	name = nsh_memdup(word, (size_t)(value - word));
	if (!name)
		return -1;
	plain = is_plain(name);
	free(name);
	if (!plain)
		return append_quoted(text, word);
	ret = nsh_buffer_append(text, word, (size_t)(value - word) + 1);
	return ret < 0 || !value[1] ? ret : append_quoted(text, value + 1);
}

/* True if a line break comes before the argument: before each option, and
 * before each word after the last option and its value.  An option and its
 * value stay on one line. */
static bool breaks_before(const struct strv *argv, size_t index)
{
	if (argv->items[index][0] == '-')
		return true;
	if (argv->items[index - 1][0] == '-' && index > 1)
		return false;
	for (size_t i = index + 1; i < argv->count; i++)
		if (argv->items[i][0] == '-')
			return false;
	return true;
}

static int append_separator(struct buffer *text, bool line_break)
{
	return nsh_buffer_append_string(text, line_break ? " \\\n" : " ");
}

static int append_argument(struct buffer *text, const struct nsh_command *cmd,
			   size_t index, bool strip_path)
{
	const char *word = cmd->argv.items[index];
	const char *slash = strrchr(word, '/');

	if (nsh_command_arg_is_secret(cmd, index))
		return nsh_buffer_append_string(text, "***");
	if (index == 0 && strip_path && slash && slash[1])
		word = slash + 1;
	return append_word(text, word, index == 0);
}

char *nsh_command_to_string(const struct nsh_command *cmd, unsigned how)
{
	bool linebreaks = how & NSH_TEXT_LINEBREAKS;
	struct buffer text = { .data = NULL };
	int ret = 0;

	for (size_t i = 0; cmd && ret == 0 && i < cmd->env.set.count; i++) {
		ret = append_variable(&text, cmd->env.set.items[i],
				      how & NSH_TEXT_ENV_VALUES);
		if (ret == 0)
			ret = append_separator(&text, linebreaks);
	}
	for (size_t i = 0; cmd && ret == 0 && i < cmd->argv.count; i++) {
		if (i > 0)
			ret = append_separator(&text, linebreaks
					       && breaks_before(&cmd->argv, i));
		if (ret == 0)
			ret = append_argument(&text, cmd, i,
					      how & NSH_TEXT_STRIP_PATH);
	}
	return finish(&text, ret);
}

/* ---- the argument log -------------------------------------------------- */

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t count = write(fd, data, size);

		if (count < 0 && errno != EINTR)
			return -1;
		if (count > 0) {
			data += count;
			size -= (size_t)count;
		}
	}
	return 0;
}

int nsh_command_write_arg_log(const struct nsh_command *cmd, int fd)
{
	struct buffer text = { .data = NULL };
	int ret = 0;

	if (!nsh_command_usable(cmd)) {
		errno = EINVAL;
		return -1;
	}
	for (size_t i = 0; ret == 0 && i < cmd->env.set.count; i++) {
		ret = nsh_buffer_append_string(&text, cmd->env.set.items[i]);
		if (ret == 0)
			ret = nsh_buffer_append(&text, " ", 1);
	}
	for (size_t i = 0; ret == 0 && i < cmd->argv.count; i++) {
		ret = nsh_buffer_append_string(&text, nsh_command_arg_is_secret(cmd, i)
					       ? "***" : cmd->argv.items[i]);
		if (ret == 0)
			ret = nsh_buffer_append(&text, i + 1 < cmd->argv.count
						? " " : "\n", 1);
	}
	if (ret == 0)
		ret = write_all(fd, text.data, text.size);
	nsh_buffer_free(&text);
	return ret;
}
