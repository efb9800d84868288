#include "lib/aws/profile.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

#define LINES_MAX 100000

static const char *profile_name(void)
{
	const char *name = getenv("AWS_PROFILE");

	if (!name || !*name)
		name = getenv("AWS_DEFAULT_PROFILE");
	return name && *name ? name : "default";
}

/* Cuts white space off both ends, in place. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	for (len = strlen(text); len && strchr(" \t\r\n", text[len - 1]); len--)
		text[len - 1] = '\0';
	return text;
}

/* "[default]", "[name]" or, in the config file, "[profile name]". */
static bool is_section(char *line, const char *profile)
{
	char *name = line + 1;

	name[strcspn(name, "]")] = '\0';
	name = trim(name);
	if (!strncmp(name, "profile", 7) && (name[7] == ' ' || name[7] == '\t'))
		name = trim(name + 7);
	return !strcmp(name, profile);
}

static int find(FILE *f, const char *profile, const char *key, char **ret, struct err *e)
{
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0;
	bool inside = false;

	for (int i = 0; i < LINES_MAX && getline(&line, &cap, f) >= 0; i++) {
		char *value;

		if (*line == '[') {
			inside = is_section(line, profile);
			continue;
		}
		/* An indented line belongs to a nested section. */
		if (!inside || strchr(" \t#;\r\n", *line) || !(value = strchr(line, '=')))
			continue;
		*value++ = '\0';
		if (strcasecmp(trim(line), key))
			continue;
		*ret = strdup(trim(value));
		return *ret ? 0 : err_nomem(e);
	}
	return 0;
}

static int find_in(const char *variable, const char *below_home, const char *key, char **ret, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	CLEANUP_FCLOSE FILE *f = NULL;
	const char *named = getenv(variable);
	const char *home = getenv("HOME");

	if (named && *named)
		buf_puts(&path, named);
	else if (home && *home)
		buf_printf(&path, "%s/.aws/%s", home, below_home);
	else
		return 0;
	if (path.failed)
		return err_nomem(e);
	f = fopen(path.data, "re");
	if (!f) {
		if (errno == ENOENT || errno == ENOTDIR || ((!named || !*named) && errno == EACCES))
			return 0;
		return err_set(e, ERR_INVALID, "%s: %s", path.data, strerror(errno));
	}
	return find(f, profile_name(), key, ret, e);
}

int aws_profile_value(const char *key, char **ret, struct err *e)
{
	char *value = NULL;

	if (find_in("AWS_SHARED_CREDENTIALS_FILE", "credentials", key, &value, e) < 0)
		return -1;
	if (!value && find_in("AWS_CONFIG_FILE", "config", key, &value, e) < 0)
		return -1;
	*ret = value;
	return 0;
}
