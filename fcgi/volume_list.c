/* GET /volumes: filters dangling (no container uses it), driver, label, name. */
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "fcgi/volume.h"
#include "lib/docker/filters.h"
#include "lib/json.h"

static const char *const accepted[] = { "dangling", "driver", "label", "name", NULL };

static bool wanted(struct json_object *v, struct json_object *filters, int dangling)
{
	bool used = json_int(json_obj(v, "UsageData"), "RefCount", 0) > 0;

	return filters_match(filters, "name", json_str(v, "Name", "")) && filters_exact(filters, "driver", "local") &&
	       filters_match_labels(filters, "label", json_obj(v, "Labels")) && (dangling < 0 || dangling != used);
}

int route_volume_list(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *filters = NULL;
	CLEANUP_JSON struct json_object *all = NULL;
	CLEANUP_JSON struct json_object *answer = json_object_new_object();
	struct json_object *list = json_object_new_array();
	int dangling;

	if (!json_add(answer, "Volumes", list) || !json_add(answer, "Warnings", NULL))
		return err_nomem(e);
	if (filters_parse(request_query(req, "filters", ""), &filters, e) < 0 || filters_check(filters, accepted, e) < 0)
		return -1;
	dangling = filters_boolean(filters, "dangling", -1, e);
	if ((dangling < 0 && filters_count(filters, "dangling")) || volume_all(req, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *v = json_object_array_get_idx(all, i);

		if (!wanted(v, filters, dangling))
			continue;
		json_object_object_del(v, "UsageData");
		if (json_object_array_add(list, json_object_get(v)) < 0)
			return err_nomem(e);
	}
	return reply_json(req, 200, answer);
}
