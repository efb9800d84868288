#include "local-lambda/config.h"

#define LOAD_TEXT setting_text
#define LOAD_NUMBER(ret, variable, def, e) setting_number(ret, variable, def, 1000000000, e)

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

void local_config_free(struct local_config *c)
{
#define LOCAL_SETTING(field, variable, type, default_value, help) SETTING_FREE_##type(&c->field);
#include "local-lambda/config.def"
#undef LOCAL_SETTING
}

void local_config_help(FILE *out)
{
#define LOCAL_SETTING(field, variable, type, default_value, help) setting_help(out, variable, help, default_value);
#include "local-lambda/config.def"
#undef LOCAL_SETTING
}
