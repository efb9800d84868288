/* AWS's error replies as our errors. */
#ifndef SOCKERLESS_AWS_FAILURE_H
#define SOCKERLESS_AWS_FAILURE_H

#include <stdbool.h>

#include "lib/aws/http.h"
#include "lib/err.h"

/* Kind by type and status; the type stays in r->error_type (taken from the body if no header gave it). Returns -1. */
int aws_failure(enum aws_service service, struct aws_response *r, struct err *e);

/* curl's own failures. Returns -1. */
int aws_failure_curl(enum aws_service service, CURLcode code, const char *detail, struct err *e);

/* The reply says that the request's date was wrong. */
bool aws_failure_is_clock(const struct aws_response *r);

/* "com.amazonaws.x#ResourceNotFoundException:http://..." -> "ResourceNotFoundException". */
void aws_failure_type(const char *raw, char ret[64]);

#endif
