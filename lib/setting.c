#include "lib/setting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *value_of(const char *variable, const char *def)
{
	const char *value = getenv(variable);

	return value && *value ? value : def;
}

int setting_text(char **ret, const char *variable, const char *def, struct err *e)
{
	const char *value = value_of(variable, def);
	char *copy;

	if (!value)
		return err_set(e, ERR_INVALID, "%s must be set", variable);
	copy = strdup(value);
	if (!copy)
		return err_nomem(e);
	*ret = copy;
	return 0;
}

int setting_number(uint64_t *ret, const char *variable, const char *def, uint64_t max, struct err *e)
{
	const char *value = value_of(variable, def);
	uint64_t number;

	if (!value)
		return err_set(e, ERR_INVALID, "%s must be set", variable);
	errno = 0;
	number = strtoull(value, NULL, 10);
	if (errno || number > max || strspn(value, "0123456789") != strlen(value))
		return err_set(e, ERR_INVALID, "%s: \"%s\" is no number up to %llu", variable, value, (unsigned long long)max);
	*ret = number;
	return 0;
}

void setting_text_free(char **text)
{
	free(*text);
	*text = NULL;
}

void setting_help(FILE *out, const char *variable, const char *help, const char *def)
{
	fprintf(out, "  %-36s %s (%s%s)\n", variable, help, def ? "default: " : "must be set", !def ? "" : *def ? def : "none");
}
