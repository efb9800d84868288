/*
 * The container's health check: probes are started on dockerd's schedule, and
 * reported at their begin and end. A report is kept until the gateway has it,
 * as many as State.Health.Log has entries.
 */
#ifndef SOCKERLESS_AGENT_HEALTH_H
#define SOCKERLESS_AGENT_HEALTH_H

#include "agent-gateway/agent/launch.h"
#include "agent-gateway/agent/session.h"

struct health_monitor;

/* From the payload's `health`: args, and the times under Docker's names. *ret NULL: it has none. `container` outlives it. */
int health_new(struct agent *a, struct session *s, struct json_object *health, const struct launch *container, struct health_monitor **ret,
	       struct err *e);
void health_free(struct health_monitor *m);

/* All below: m may be NULL. */
/* The main process runs now. */
void health_begin(struct health_monitor *m);
/* No probe any more; what runs is killed, its result is worth nothing. */
void health_stop(struct health_monitor *m);
/* As dockerd, an unpaused container's checks begin with a whole interval. */
void health_pause(struct health_monitor *m, bool paused);
/* A child was reaped; true: it was the probe. */
bool health_reaped(struct health_monitor *m, pid_t pid, int code);
/* The gateway is there (again): what it may not have got is sent. */
void health_resume(struct health_monitor *m);

#endif
