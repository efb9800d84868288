#include "agent-gateway/store_event.h"

#include <string.h>

#include "lib/json.h"

/* The labels of a container's Config are attributes of all its events. */
static int add_labels(struct json_object *to, const char *config, struct err *e)
{
	CLEANUP_JSON struct json_object *o = NULL;
	struct json_object *labels;

	if (json_parse(config, strlen(config), &o, e) < 0)
		return -1;
	labels = json_obj(o, "Labels");
	if (!labels)
		return 0;
	json_object_object_foreach(labels, key, value)
		if (!json_add_str(to, key, json_object_get_string(value)))
			return err_nomem(e);
	return 0;
}

static int attributes(struct store *s, const struct event_attribute *extra, struct json_object *to, struct err *e)
{
	if (add_labels(to, store_text(s, QUERY_GATEWAY_CONTAINER_ACTOR, 3), e) < 0)
		return -1;
	if (!json_add_str(to, "image", store_text(s, QUERY_GATEWAY_CONTAINER_ACTOR, 2)) ||
	    !json_add_str(to, "name", store_text(s, QUERY_GATEWAY_CONTAINER_ACTOR, 1)))
		return err_nomem(e);
	for (; extra && extra->key; extra++)
		if (!json_add_str(to, extra->key, extra->value))
			return err_nomem(e);
	return 0;
}

static int add(struct store *s, const char *container, const char *action, const struct event_attribute *extra, struct err *e)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!o)
		return err_nomem(e);
	if (attributes(s, extra, o, e) < 0)
		return -1;
	return store_run(s, QUERY_EVENT_ADD, e, "titttt", store_text(s, QUERY_GATEWAY_CONTAINER_ACTOR, 0), time_now(),
			 "container", action, container, json_text(o)) < 0 ? -1 : 0;
}

int store_container_event(struct store *s, const char *container, const char *action, const struct event_attribute *extra, struct err *e)
{
	int rc = store_row(s, QUERY_GATEWAY_CONTAINER_ACTOR, e, "t", container);

	if (rc > 0)
		rc = add(s, container, action, extra, e);
	/* An open statement would keep the whole connection at an old state of the database. */
	store_reset(s, QUERY_GATEWAY_CONTAINER_ACTOR);
	return rc;
}
