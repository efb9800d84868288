/*
 * Settings come from the environment, and from a file of KEY=VALUE lines
 * named by SOCKERLESS_SETTINGS (default SYSCONFDIR/sockerless/settings); the
 * environment wins. AWS_* lines of the file are put into the environment, so
 * that credentials and AWS_ENDPOINT_URL can stand there too. The table is
 * settings.def.
 */
#ifndef SOCKERLESS_SETTINGS_H
#define SOCKERLESS_SETTINGS_H

#include "lib/setting.h"

struct settings {
#define SETTING(field, variable, type, default_value, help) SETTING_TYPE_##type field;
#include "lib/settings.def"
#undef SETTING
};

/* Reads file and environment. A file that was named but can't be read, an unknown SOCKERLESS_ key in it and a number that is none are ERR_INVALID. */
int settings_load(struct settings *ret, struct err *e);
void settings_free(struct settings *s);
/* The table as --help shows it. */
void settings_help(FILE *out);

#endif
