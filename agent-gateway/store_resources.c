#include "agent-gateway/store_resources.h"

#include "lib/json.h"

#define NETWORKS QUERY_GATEWAY_CONTAINER_NETWORKS
#define VOLUMES QUERY_GATEWAY_CONTAINER_VOLUMES

static int add(struct store *s, const char *tenant, const char *type, const char *action, const char *actor, struct json_object *attributes,
	       struct err *e)
{
	return store_run(s, QUERY_EVENT_ADD, e, "titttt", tenant, time_now(), type, action, actor, json_text(attributes)) < 0 ? -1 : 0;
}

/* Of the row that NETWORKS stands at. */
static int network_event(struct store *s, const char *container, const char *action, struct err *e)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!o || !json_add_str(o, "container", container) || !json_add_str(o, "name", store_text(s, NETWORKS, 2)) ||
	    !json_add_str(o, "type", store_text(s, NETWORKS, 3)))
		return err_nomem(e);
	return add(s, store_text(s, NETWORKS, 0), "network", action, store_text(s, NETWORKS, 1), o, e);
}

/* Of the row that VOLUMES stands at. */
static int volume_event(struct store *s, const char *container, bool mounted, struct err *e)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!o || !json_add_str(o, "container", container) || (mounted && !json_add_str(o, "destination", store_text(s, VOLUMES, 2))) ||
	    !json_add_str(o, "driver", "local") ||
	    (mounted && (!json_add_str(o, "propagation", "") || !json_add_str(o, "read/write", store_int(s, VOLUMES, 3) ? "true" : "false"))))
		return err_nomem(e);
	return add(s, store_text(s, VOLUMES, 0), "volume", mounted ? "mount" : "unmount", store_text(s, VOLUMES, 1), o, e);
}

static int networks(struct store *s, const char *container, const char *action, struct err *e)
{
	int rc = store_query(s, NETWORKS, e, "t", container);

	while (rc >= 0 && (rc = store_step(s, NETWORKS, e)) > 0)
		rc = network_event(s, container, action, e);
	store_reset(s, NETWORKS);
	return rc < 0 ? -1 : 0;
}

static int volumes(struct store *s, const char *container, bool mounted, struct err *e)
{
	int rc = store_query(s, VOLUMES, e, "t", container);

	while (rc >= 0 && (rc = store_step(s, VOLUMES, e)) > 0)
		rc = volume_event(s, container, mounted, e);
	store_reset(s, VOLUMES);
	return rc < 0 ? -1 : 0;
}

int store_resources_taken(struct store *s, const char *container, struct err *e)
{
	return networks(s, container, "connect", e) < 0 || volumes(s, container, true, e) < 0 ? -1 : 0;
}

int store_resources_given(struct store *s, const char *container, struct err *e)
{
	return networks(s, container, "disconnect", e) < 0 || volumes(s, container, false, e) < 0 ? -1 : 0;
}
