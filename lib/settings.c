#include "lib/settings.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

#define SETTINGS_FILE SYSCONFDIR "/sockerless/settings"

static bool is_known(const char *key)
{
	static const char *const known[] = {
#define SETTING(field, variable, type, default_value, help) variable,
#include "lib/settings.def"
#undef SETTING
		"SOCKERLESS_LOG_LEVEL",
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(key, known[i]))
			return true;
	/* Programs with settings of their own use these prefixes. */
	return !strncmp(key, "SOCKERLESS_LOCAL_", 17) || strncmp(key, "SOCKERLESS_", 11);
}

static int load_line(char *line, const char *path, int number, struct err *e)
{
	char *value;

	line[strcspn(line, "\r\n")] = '\0';
	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return 0;
	value = strchr(line, '=');
	if (!value || value == line)
		return err_set(e, ERR_INVALID, "%s:%d: expected KEY=VALUE", path, number);
	*value++ = '\0';
	if (!is_known(line))
		return err_set(e, ERR_INVALID, "%s:%d: unknown setting %s", path, number, line);
	if (setenv(line, value, 0) != 0)
		return err_errno(e, errno, "%s:%d", path, number);
	return 0;
}

static int load_file(struct err *e)
{
	const char *named = getenv("SOCKERLESS_SETTINGS");
	const char *path = named ? named : SETTINGS_FILE;
	CLEANUP_FCLOSE FILE *f = fopen(path, "re");
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0;

	if (!f)
		return named || errno != ENOENT ? err_errno(e, errno, "%s", path) : 0;
	for (int number = 1; getline(&line, &cap, f) >= 0; number++)
		if (load_line(line, path, number, e) < 0)
			return -1;
	return 0;
}

#define LOAD_TEXT setting_text
#define LOAD_NUMBER(ret, variable, def, e) setting_number(ret, variable, def, INT64_MAX, e)

int settings_load(struct settings *ret, struct err *e)
{
	struct settings s = { 0 };

	if (load_file(e) < 0)
		return -1;
#define SETTING(field, variable, type, default_value, help) \
	if (LOAD_##type(&s.field, variable, default_value, e) < 0) { \
		settings_free(&s); \
		return -1; \
	}
#include "lib/settings.def"
#undef SETTING
	*ret = s;
	return 0;
}

void settings_free(struct settings *s)
{
#define SETTING(field, variable, type, default_value, help) SETTING_FREE_##type(&s->field);
#include "lib/settings.def"
#undef SETTING
}

void settings_help(FILE *out)
{
#define SETTING(field, variable, type, default_value, help) setting_help(out, variable, help, default_value);
#include "lib/settings.def"
#undef SETTING
}
