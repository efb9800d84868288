#include "lib/docker/health.h"

#include <string.h>

#include "lib/json.h"

#define SECOND 1000000000LL

static bool add_words(struct json_object *to, struct json_object *from, size_t first)
{
	for (size_t i = first; i < json_object_array_length(from); i++)
		if (json_object_array_add(to, json_object_get(json_object_array_get_idx(from, i))) < 0)
			return false;
	return true;
}

static bool add_shell(struct json_object *to, struct json_object *config)
{
	struct json_object *shell = json_array(config, "Shell");

	if (shell && json_object_array_length(shell))
		return add_words(to, shell, 0);
	return json_object_array_add(to, json_object_new_string("/bin/sh")) == 0 && json_object_array_add(to, json_object_new_string("-c")) == 0;
}

struct json_object *health_args(struct json_object *config)
{
	struct json_object *test = json_array(json_obj(config, "Healthcheck"), "Test"), *args;
	const char *kind = test && json_object_array_length(test) ? json_object_get_string(json_object_array_get_idx(test, 0)) : NULL;
	bool shell = kind && !strcmp(kind, "CMD-SHELL");

	if (!kind || (!shell && strcmp(kind, "CMD")) || json_object_array_length(test) < 2)
		return NULL;
	args = json_object_new_array();
	if (args && (!shell || add_shell(args, config)) && add_words(args, test, 1))
		return args;
	json_object_put(args);
	return NULL;
}

static int64_t or_default(int64_t value, int64_t otherwise)
{
	return value > 0 ? value : otherwise;
}

void health_check_read(struct json_object *o, struct health_check *ret)
{
	*ret = (struct health_check){
		.interval = or_default(json_int(o, "Interval", 0), 30 * SECOND),
		.timeout = or_default(json_int(o, "Timeout", 0), 30 * SECOND),
		.start_period = or_default(json_int(o, "StartPeriod", 0), 0),
		.start_interval = or_default(json_int(o, "StartInterval", 0), 5 * SECOND),
		.retries = or_default(json_int(o, "Retries", 0), 3),
	};
}

void health_probed(const struct health_check *c, struct health *h, int code, int64_t since)
{
	if (code == 0) {
		*h = (struct health){ .status = HEALTH_HEALTHY };
		return;
	}
	if (h->status == HEALTH_STARTING && since < c->start_period)
		return;
	if (++h->streak >= c->retries)
		h->status = HEALTH_UNHEALTHY;
}

int64_t health_wait(const struct health_check *c, const struct health *h, int64_t since)
{
	return h->status == HEALTH_STARTING && since < c->start_period ? c->start_interval : c->interval;
}

const char *health_status_name(enum health_status status)
{
	static const char *const names[] = { [HEALTH_STARTING] = "starting", [HEALTH_HEALTHY] = "healthy", [HEALTH_UNHEALTHY] = "unhealthy" };

	return names[status];
}
