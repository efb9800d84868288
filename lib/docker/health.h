/* Health checks as dockerd has them: the settings, what a probe's result means, when the next one is due; pure. */
#ifndef SOCKERLESS_DOCKER_HEALTH_H
#define SOCKERLESS_DOCKER_HEALTH_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#define HEALTH_LOG_MAX 5       /* entries of State.Health.Log */
#define HEALTH_OUTPUT_MAX 4096 /* bytes of a probe's output; "..." follows what was cut */

enum health_status { HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

/* Times in nanoseconds, all set. */
struct health_check {
	int64_t interval, timeout, start_period, start_interval, retries;
};

struct health {
	enum health_status status;
	int64_t streak; /* FailingStreak */
};

/* What is executed, of a container's Config; owned by the caller. NULL: there is no check (or no memory). */
struct json_object *health_args(struct json_object *config);

/* From an object with the names of Config.Healthcheck; NULL: all defaults. */
void health_check_read(struct json_object *healthcheck, struct health_check *ret);

/* A probe that began `since` nanoseconds after the start ended with this code. */
void health_probed(const struct health_check *c, struct health *h, int code, int64_t since);

/* Nanoseconds until the next probe, `since` after the start. */
int64_t health_wait(const struct health_check *c, const struct health *h, int64_t since);

const char *health_status_name(enum health_status status);

#endif
