#include "lib/docker/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Go writes the members of a map in order of their names. */
static struct json_object *sorted(struct json_object *o)
{
	size_t n = (size_t)json_object_object_length(o), i = 0;
	CLEANUP_FREE const char **names = calloc(n + 1, sizeof *names);
	struct json_object *ret = json_object_new_object();

	if (!names || !ret)
		return ret;
	json_object_object_foreach(o, key, value) {
		(void)value;
		names[i++] = key;
	}
	qsort(names, n, sizeof *names, by_name);
	for (i = 0; i < n; i++)
		json_add_str(ret, names[i], json_str(o, names[i], ""));
	return ret;
}

bool docker_event_append(struct buf *out, const struct docker_event *ev)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *actor = json_object_new_object();
	bool ok = o && actor;

	if (ok && (!strcmp(ev->type, "container") || !strcmp(ev->type, "image"))) {
		ok = json_add_str(o, "status", ev->action) && json_add_str(o, "id", ev->actor);
		if (ok && !strcmp(ev->type, "container"))
			ok = json_add_str(o, "from", json_str(ev->attributes, "image", ""));
	}
	ok = ok && json_add_str(o, "Type", ev->type) && json_add_str(o, "Action", ev->action) && json_add_str(actor, "ID", ev->actor) &&
	     json_add(actor, "Attributes", sorted(ev->attributes));
	if (!ok) {
		json_object_put(actor);
		return false;
	}
	ok = json_add(o, "Actor", actor) && json_add_str(o, "scope", "local") && json_add_int(o, "time", ev->time / 1000000000) &&
	     json_add_int(o, "timeNano", ev->time);
	if (ok) {
		buf_puts(out, json_text(o));
		buf_putc(out, '\n');
	}
	return ok && !out->failed;
}

typedef bool match_fn(const struct docker_event *ev, const char *wanted);

static bool match_type(const struct docker_event *ev, const char *wanted)
{
	return !strcmp(ev->type, wanted);
}

/* "exec_start" stands for every "exec_start: command". */
static bool match_event(const struct docker_event *ev, const char *wanted)
{
	size_t len = strlen(wanted);

	return !strncmp(ev->action, wanted, len) && (!ev->action[len] || ev->action[len] == ':');
}

static bool match_actor(const struct docker_event *ev, const char *wanted)
{
	if (*wanted == '/')
		wanted++;
	return *wanted && (!strncmp(ev->actor, wanted, strlen(wanted)) || !strcmp(json_str(ev->attributes, "name", ""), wanted));
}

static bool match_container(const struct docker_event *ev, const char *wanted)
{
	return !strcmp(ev->type, "container") && match_actor(ev, wanted);
}

static bool same_image(const char *have, const char *wanted)
{
	size_t len = strlen(wanted);

	/* A name without a tag stands for all of them. */
	return *have && !strncmp(have, wanted, len) && (!have[len] || have[len] == ':' || have[len] == '@');
}

static bool match_image(const struct docker_event *ev, const char *wanted)
{
	if (!strcmp(ev->type, "image") && (!strncmp(ev->actor, wanted, strlen(wanted)) ||
					   same_image(json_str(ev->attributes, "name", ""), wanted)))
		return true;
	return same_image(json_str(ev->attributes, "image", ""), wanted);
}

static bool match_label(const struct docker_event *ev, const char *wanted)
{
	const char *equals = strchr(wanted, '=');
	char key[512];
	const char *have;

	snprintf(key, sizeof key, "%.*s", equals ? (int)(equals - wanted) : (int)strlen(wanted), wanted);
	have = json_str(ev->attributes, key, NULL);
	return have && (!equals || !strcmp(have, equals + 1));
}

static bool match_scope(const struct docker_event *ev, const char *wanted)
{
	return !strcmp(wanted, "local");
}

/* Of another type than the filter's. */
static bool match_other(const struct docker_event *ev, const char *wanted)
{
	return false;
}

static bool match_network(const struct docker_event *ev, const char *wanted)
{
	return !strcmp(ev->type, "network") && match_actor(ev, wanted);
}

static bool match_volume(const struct docker_event *ev, const char *wanted)
{
	return !strcmp(ev->type, "volume") && match_actor(ev, wanted);
}

static const struct {
	const char *name;
	match_fn *match;
	bool all; /* every value has to match */
} table[] = {
	{ "type", match_type, false },           { "event", match_event, false },   { "container", match_container, false },
	{ "image", match_image, false },         { "label", match_label, true },    { "scope", match_scope, false },
	{ "network", match_network, false },     { "volume", match_volume, false }, { "plugin", match_other, false },
	{ "service", match_other, false },       { "node", match_other, false },    { "secret", match_other, false },
	{ "config", match_other, false },
};

static bool one_matches(const struct docker_event *ev, struct json_object *values, match_fn *match, bool all)
{
	size_t hits = 0, n = 0;

	if (json_object_is_type(values, json_type_array)) {
		n = json_object_array_length(values);
		for (size_t i = 0; i < n; i++)
			hits += match(ev, json_object_get_string(json_object_array_get_idx(values, i)));
	} else if (json_object_is_type(values, json_type_object)) {
		json_object_object_foreach(values, key, value) {
			(void)value;
			n++;
			hits += match(ev, key);
		}
	}
	return !n || (all ? hits == n : hits > 0);
}

bool docker_event_matches(const struct docker_event *ev, struct json_object *filters)
{
	for (size_t i = 0; filters && i < sizeof table / sizeof *table; i++) {
		struct json_object *values = json_get(filters, table[i].name);

		if (values && !one_matches(ev, values, table[i].match, table[i].all))
			return false;
	}
	return true;
}
