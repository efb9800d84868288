/* GET /networks: the tenant's networks, the predefined ones too. Filters: dangling, driver, id, label, name, scope, type. */
#include <string.h>

#include "fcgi/network.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/filters.h"
#include "lib/json.h"

static const char *const accepted[] = { "dangling", "driver", "id", "label", "name", "scope", "type", NULL };

static int check_type(struct json_object *filters, struct err *e)
{
	for (size_t i = 0; i < filters_count(filters, "type"); i++) {
		const char *type = filters_value(filters, "type", i);

		if (strcmp(type, "custom") != 0 && strcmp(type, "builtin") != 0)
			return err_set(e, ERR_INVALID, "invalid filter: 'type'='%.200s'", type);
	}
	return 0;
}

/* 1: shown, 0: not. A dangling one has no container. */
static int wanted(struct request *req, const struct network *n, struct json_object *filters, int dangling, struct err *e)
{
	CLEANUP_JSON struct json_object *labels = NULL;
	int members;

	if (!filters_match(filters, "name", n->name) || !filters_match(filters, "id", n->id) || !filters_exact(filters, "driver", n->driver) ||
	    !filters_exact(filters, "scope", "local") || !filters_exact(filters, "type", n->predefined ? "builtin" : "custom"))
		return 0;
	if (json_parse(n->labels, strlen(n->labels), &labels, e) < 0)
		return -1;
	if (!filters_match_labels(filters, "label", labels))
		return 0;
	if (dangling < 0)
		return 1;
	members = network_count(req, n, true, e);
	return members < 0 ? -1 : dangling == (members == 0 && !n->predefined);
}

static int put(struct request *req, struct json_object *list, struct json_object *filters, int dangling, struct err *e)
{
	NETWORK_CLEANUP struct network n = { .name = NULL };
	struct json_object *o = NULL;
	int rc;

	if (network_take(req->store, QUERY_NETWORK_LIST, &n, e) < 0 || (rc = wanted(req, &n, filters, dangling, e)) < 0)
		return -1;
	if (rc == 0)
		return 0;
	if (network_render(req, &n, false, &o, e) < 0)
		return -1;
	return json_object_array_add(list, o) < 0 ? err_nomem(e) : 0;
}

int route_network_list(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *filters = NULL;
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	int dangling, rc;

	if (!list)
		return err_nomem(e);
	if (filters_parse(request_query(req, "filters", ""), &filters, e) < 0 || filters_check(filters, accepted, e) < 0 ||
	    check_type(filters, e) < 0)
		return -1;
	dangling = filters_boolean(filters, "dangling", -1, e);
	if (dangling < 0 && filters_count(filters, "dangling"))
		return -1;
	if (store_query(req->store, QUERY_NETWORK_LIST, e, "t", req->tenant) < 0)
		return -1;
	while ((rc = store_step(req->store, QUERY_NETWORK_LIST, e)) == 1 && (rc = put(req, list, filters, dangling, e)) == 0)
		;
	store_reset(req->store, QUERY_NETWORK_LIST);
	return rc < 0 ? -1 : reply_json(req, 200, list);
}
