#include "lib/docker/events.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/docker/filters.h"
#include "lib/docker/reference.h"
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

/* Those of a prune are of nobody. */
static bool add_unless_empty(struct json_object *o, const char *key, const char *value)
{
	return !*value || json_add_str(o, key, value);
}

bool docker_event_append(struct buf *out, const struct docker_event *ev)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *actor = json_object_new_object();
	bool ok = o && actor;

	if (ok && (!strcmp(ev->type, "container") || !strcmp(ev->type, "image"))) {
		ok = json_add_str(o, "status", ev->action) && add_unless_empty(o, "id", ev->actor);
		if (ok && !strcmp(ev->type, "container"))
			ok = add_unless_empty(o, "from", json_str(ev->attributes, "image", ""));
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

/* The rules are those of dockerd's daemon/events/filter.go. */

/* A value is the text, or its beginning; true without the filter. */
static bool matches_prefix(struct json_object *filters, const char *key, const char *text)
{
	size_t n = filters_count(filters, key);

	for (size_t i = 0; i < n; i++) {
		const char *value = filters_value(filters, key, i);

		if (!strncmp(text, value, strlen(value)))
			return true;
	}
	return n == 0;
}

static bool has_value(struct json_object *filters, const char *key, const char *wanted)
{
	return filters_count(filters, key) && filters_exact(filters, key, wanted);
}

/* "exec_start" stands for every "exec_start: command"; where such a value is, all are beginnings. */
static bool matches_event(struct json_object *filters, const char *action)
{
	if (has_value(filters, "event", "health_status") || has_value(filters, "event", "exec_create") || has_value(filters, "event", "exec_start"))
		return matches_prefix(filters, "event", action);
	return filters_exact(filters, "event", action);
}

/* Of whatever type the event is. */
static bool matches_actor(struct json_object *filters, const char *key, const struct docker_event *ev)
{
	return matches_prefix(filters, key, ev->actor) || matches_prefix(filters, key, json_str(ev->attributes, "name", ""));
}

/* "busybox" stands for all its tags. */
static bool matches_image_name(struct json_object *filters, const char *name)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	CLEANUP_FREE char *familiar = NULL;
	struct err ignored;

	if (filters_exact(filters, "image", name))
		return true;
	if (reference_parse(name, &r, &ignored) == 0)
		familiar = reference_familiar_name(&r);
	return familiar && filters_exact(filters, "image", familiar);
}

static bool matches_image(struct json_object *filters, const struct docker_event *ev)
{
	const char *name = json_str(ev->attributes, strcmp(ev->type, "image") ? "image" : "name", "");

	return !filters_count(filters, "image") || matches_image_name(filters, ev->actor) || matches_image_name(filters, name);
}

bool docker_event_matches(const struct docker_event *ev, struct json_object *filters)
{
	static const char *const actors[] = { "daemon", "container", "plugin", "volume", "network", "node", "service", "secret", "config" };

	for (size_t i = 0; i < sizeof actors / sizeof *actors; i++)
		if (!matches_actor(filters, actors[i], ev))
			return false;
	return matches_event(filters, ev->action) && filters_exact(filters, "type", ev->type) && filters_exact(filters, "scope", "local") &&
	       matches_image(filters, ev) && filters_match_labels(filters, "label", ev->attributes);
}
