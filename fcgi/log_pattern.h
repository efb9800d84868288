/*
 * The regular expressions of the log options labels-regex and env-regex. They
 * are a client's: length, nesting, the work and memory of a match, and the time of all matches of one are limited.
 */
#ifndef SOCKERLESS_FCGI_LOG_PATTERN_H
#define SOCKERLESS_FCGI_LOG_PATTERN_H

#include "lib/err.h"

struct log_pattern;

/* `option` is for error texts. ERR_INVALID: it can't be read. Free with log_pattern_free. */
int log_pattern_new(struct log_pattern **ret, const char *option, const char *text, struct err *e);
void log_pattern_free(struct log_pattern **p); /* *p NULL is fine */
#define LOG_PATTERN_CLEANUP __attribute__((cleanup(log_pattern_free)))

/* 1: it matches somewhere in `text`; 0: it doesn't. ERR_NOT_SUPPORTED: it takes too much to tell, or this one and those before have. */
int log_pattern_matches(struct log_pattern *p, const char *text, struct err *e);

#endif
