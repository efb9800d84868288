/* What stop and restart are asked: the signal and the time until KILL. */
#ifndef SOCKERLESS_STOP_ARGS_H
#define SOCKERLESS_STOP_ARGS_H

#include "fcgi/container.h"

/*
 * {"signal":"TERM" or null,"timeout":seconds}: from `signal` (of API 1.42 and later)
 * and `t`, else the container's StopTimeout, else 10. A wrong signal is dockerd's
 * 500, `prefix` and the container's name before it. The caller owns *ret.
 */
int stop_args(struct request *req, const struct container *c, const char *prefix, struct json_object **ret, struct err *e);

#endif
