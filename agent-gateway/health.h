/* What agents report of health checks. */
#ifndef SOCKERLESS_GATEWAY_HEALTH_H
#define SOCKERLESS_GATEWAY_HEALTH_H

#include <json-c/json.h>
#include <stdbool.h>

struct run;

/* A probe's begin or end. False: the agent breaks the protocol. */
bool health_report(struct run *r, struct json_object *o);

#endif
