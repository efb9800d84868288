/* What GET /containers/{id}/logs shows before each line when details are asked for. */
#ifndef SOCKERLESS_FCGI_LOG_DETAILS_H
#define SOCKERLESS_FCGI_LOG_DETAILS_H

#include <json-c/json.h>

#include "fcgi/container.h"
#include "lib/buf.h"
#include "lib/err.h"

#define LOG_DETAILS_MAX 8192

/*
 * The labels and environment variables that the options `labels`, `labels-regex`,
 * `env` and `env-regex` of the container's LogConfig name, as far as it has them,
 * and `tag`: "k=v,k=v" in the order of their names, URL-escaped, appended to ret.
 * More than LOG_DETAILS_MAX bytes: ERR_NOT_SUPPORTED.
 */
int log_details(const struct container *c, struct json_object *config, struct json_object *host_config, struct buf *ret, struct err *e);

/* Whether the expressions and the tag among LogConfig's options can be read. ERR_INVALID. */
int log_details_check(struct json_object *options, struct err *e);

#endif
