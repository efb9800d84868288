/* What the stand-in is told by its environment: the SOCKERLESS_LOCAL_* variables. */
#ifndef SOCKERLESS_LOCAL_CONFIG_H
#define SOCKERLESS_LOCAL_CONFIG_H

#include "lib/setting.h"

#define LOCAL_ACCOUNT_ID "000000000000"

struct local_config {
#define LOCAL_SETTING(field, variable, type, default_value, help) SETTING_TYPE_##type field;
#include "local-lambda/config.def"
#undef LOCAL_SETTING
};

/*
 * Reads the environment. Call settings_load() before, so that the lines of the
 * settings file stand there too. A number that is none, an empty mandatory
 * value and a listen address that isn't ADDRESS:PORT are ERR_INVALID.
 */
int local_config_load(struct local_config *ret, struct err *e);
void local_config_free(struct local_config *c);
/* The table as --help shows it. */
void local_config_help(FILE *out);

#endif
