/* POST /volumes/prune: removes volumes that no container uses; since API 1.42 anonymous ones alone, unless filter `all` is true. */
#include "fcgi/prune.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "fcgi/volume.h"
#include "lib/docker/filters.h"
#include "lib/json.h"

static const char *const accepted[] = { "all", "label", "label!", NULL };
#define ANONYMOUS_ONLY_SINCE 42

static bool wanted(struct json_object *v, const struct prune *p, bool all)
{
	struct json_object *labels = json_obj(v, "Labels");

	if (json_int(json_obj(v, "UsageData"), "RefCount", 0) > 0 || (!all && !json_object_object_get_ex(labels, VOLUME_ANONYMOUS, NULL)))
		return false;
	return prune_wants(p, labels ? json_text(labels) : "", 0);
}

static int prune_all(struct request *req, const struct prune *p, bool every, struct json_object *deleted, struct err *e)
{
	CLEANUP_JSON struct json_object *all = NULL;

	if (volume_all(req, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *v = json_object_array_get_idx(all, i);

		if (!wanted(v, p, every))
			continue;
		if (volume_destroy(req, json_str(v, "Name", ""), e) < 0)
			return -1;
		if (json_object_array_add(deleted, json_object_get(json_get(v, "Name"))) < 0)
			return err_nomem(e);
	}
	return 0;
}

int route_volume_prune(struct request *req, struct err *e)
{
	PRUNE_CLEANUP struct prune p = { .filters = NULL };
	CLEANUP_JSON struct json_object *deleted = json_object_new_array();
	CLEANUP_JSON struct json_object *answer = json_object_new_object();
	int all;

	if (!deleted || !answer)
		return err_nomem(e);
	if (prune_read(req, accepted, &p, e) < 0)
		return -1;
	all = filters_boolean(p.filters, "all", req->minor < ANONYMOUS_ONLY_SINCE, e);
	if (all < 0 || store_begin(req->store, e) < 0)
		return -1;
	if (prune_all(req, &p, all, deleted, e) < 0 || prune_event(req, "volume", 0, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	if (store_commit(req->store, e) < 0)
		return -1;
	if (!prune_add(answer, "VolumesDeleted", deleted) || !json_add_int(answer, "SpaceReclaimed", 0))
		return err_nomem(e);
	return reply_json(req, 200, answer);
}
