/* The keys that detach from a terminal, as clients write them: "ctrl-p,ctrl-q", "a,ctrl-]", "DEL". */
#ifndef SOCKERLESS_DOCKER_DETACH_KEYS_H
#define SOCKERLESS_DOCKER_DETACH_KEYS_H

#include "lib/err.h"

#define DETACH_KEYS_COUNT_MAX 32
#define DETACH_KEYS_HEX_MAX (2 * DETACH_KEYS_COUNT_MAX + 1)

/* Their bytes as hex digits; "" for "". ERR_INVALID "Invalid detach keys (x) provided". */
int detach_keys_hex(const char *text, char ret[DETACH_KEYS_HEX_MAX], struct err *e);

#endif
