#include "local-lambda/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int load_text(char **ret, const char *variable, const char *def, struct err *e)
{
	const char *value = getenv(variable);

	if (!def && (!value || !*value))
		return err_set(e, ERR_INVALID, "%s must be set", variable);
	*ret = strdup(value && (*value || !def) ? value : def);
	return *ret ? 0 : err_nomem(e);
}

static int load_number(uint64_t *ret, const char *variable, const char *def, struct err *e)
{
	const char *value = getenv(variable);
	char *end;

	value = value && *value ? value : def;
	errno = 0;
	*ret = strtoull(value, &end, 10);
	if (errno || *end || strspn(value, "0123456789") != strlen(value) || *ret > 1000000000)
		return err_set(e, ERR_INVALID, "%s: \"%s\" is no number up to 1000000000", variable, value);
	return 0;
}

#define LOAD_TEXT load_text
#define LOAD_NUMBER load_number

int local_config_load(struct local_config *ret, struct err *e)
{
	struct local_config c = { 0 };

#define LOCAL_SETTING(field, variable, type, default_value, help) \
	if (LOAD_##type(&c.field, variable, default_value, e) < 0) { \
		local_config_free(&c); \
		return -1; \
	}
#include "local-lambda/config.def"
#undef LOCAL_SETTING
	*ret = c;
	return 0;
}

static inline void free_text(char **text)
{
	free(*text);
	*text = NULL;
}

static inline void free_number(uint64_t *number)
{
	*number = 0;
}

#define FREE_TEXT free_text
#define FREE_NUMBER free_number

void local_config_free(struct local_config *c)
{
#define LOCAL_SETTING(field, variable, type, default_value, help) FREE_##type(&c->field);
#include "local-lambda/config.def"
#undef LOCAL_SETTING
}

static void help_line(FILE *out, const char *variable, const char *help, const char *def)
{
	fprintf(out, "  %-36s %s (%s%s)\n", variable, help, def ? "default: " : "must be set", def ? (*def ? def : "none") : "");
}

void local_config_help(FILE *out)
{
#define LOCAL_SETTING(field, variable, type, default_value, help) help_line(out, variable, help, default_value);
#include "local-lambda/config.def"
#undef LOCAL_SETTING
}
