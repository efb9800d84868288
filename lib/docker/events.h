/* Docker's events: the JSON of one, and the filters of GET /events. */
#ifndef SOCKERLESS_DOCKER_EVENTS_H
#define SOCKERLESS_DOCKER_EVENTS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

struct docker_event {
	int64_t time;            /* ns */
	const char *type;        /* container, image, ... */
	const char *action;
	const char *actor;       /* "": of a prune */
	struct json_object *attributes;
};

/* Appends one line. False when memory is out. */
bool docker_event_append(struct buf *out, const struct docker_event *ev);

/* filters: as filters_parse() gives them; NULL: none. */
bool docker_event_matches(const struct docker_event *ev, struct json_object *filters);

#endif
