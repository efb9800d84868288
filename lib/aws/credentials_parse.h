/* The JSON in which credential_process, containers and instances give credentials. */
#ifndef SOCKERLESS_AWS_CREDENTIALS_PARSE_H
#define SOCKERLESS_AWS_CREDENTIALS_PARSE_H

#include <stddef.h>

#include "lib/aws/credentials.h"
#include "lib/err.h"

/* `source` names where the text came from, for the error. ERR_UNAUTHORIZED. */
int aws_credentials_parse(const char *text, size_t len, const char *source, struct aws_credentials *ret, struct err *e);

/* "2026-11-23T17:49:58Z", fractions and offsets allowed; -1: no such time. */
time_t aws_time_parse(const char *text);

/* Takes copies; token may be NULL or "". */
int aws_credentials_set(struct aws_credentials *ret, const char *id, const char *secret, const char *token, time_t expires, struct err *e);

#endif
