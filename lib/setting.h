/*
 * One setting from the environment, and what tables of settings
 * (lib/settings.def, local-lambda/config.def) expand to.
 */
#ifndef SOCKERLESS_SETTING_H
#define SOCKERLESS_SETTING_H

#include <stdint.h>
#include <stdio.h>

#include "lib/err.h"

/* A variable that is not set, or empty, is `def`; if that is NULL: ERR_INVALID. *ret is owned (free()). */
int setting_text(char **ret, const char *variable, const char *def, struct err *e);
/* Decimal digits alone; ERR_INVALID else, and above `max`. */
int setting_number(uint64_t *ret, const char *variable, const char *def, uint64_t max, struct err *e);
void setting_text_free(char **text);
/* A line of --help. */
void setting_help(FILE *out, const char *variable, const char *help, const char *def);

#define SETTING_TYPE_TEXT char *
#define SETTING_TYPE_NUMBER uint64_t
#define SETTING_FREE_TEXT(text) setting_text_free(text)
#define SETTING_FREE_NUMBER(number) (void)(number)

#endif
