/*
 * POST /images/prune: deletes images that no container uses: those without a
 * tag, or with filter dangling=false all of them. Filters: dangling, label,
 * until. SpaceReclaimed counts the blobs that no other image has; the
 * reconciler frees them in the registry.
 */
#include <string.h>

#include "fcgi/image_sizes.h"
#include "fcgi/image_store.h"
#include "fcgi/prune.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/filters.h"
#include "lib/json.h"

static bool has_tag(struct json_object *image)
{
	struct json_object *tags = json_array(image, "RepoTags");

	/* For old clients the list has a placeholder. */
	return tags && json_object_array_length(tags) > 0 &&
	       strcmp(json_object_get_string(json_object_array_get_idx(tags, 0)), "<none>:<none>") != 0;
}

static int prune_all(struct request *req, const struct prune *p, bool dangling, struct json_object *records, struct err *e)
{
	CLEANUP_JSON struct json_object *all = NULL;

	if (image_list_all(req, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *image = json_object_array_get_idx(all, i), *labels = json_obj(image, "Labels");

		if ((dangling && has_tag(image)) ||
		    !prune_wants(p, labels ? json_text(labels) : "", json_int(image, "Created", 0) * INT64_C(1000000000)))
			continue;
		if (image_remove_unused(req, json_str(image, "Id", ""), records, e) < 0)
			return -1;
	}
	return 0;
}

int route_image_prune(struct request *req, struct err *e)
{
	static const char *const accepted[] = { "dangling", "label", "label!", "until", NULL };
	PRUNE_CLEANUP struct prune p = { .filters = NULL };
	CLEANUP_JSON struct json_object *records = json_object_new_array();
	CLEANUP_JSON struct json_object *answer = json_object_new_object();
	IMAGE_SIZES_CLEANUP struct image_sizes before = { 0 };
	IMAGE_SIZES_CLEANUP struct image_sizes after = { 0 };
	int dangling;

	if (!records || !answer)
		return err_nomem(e);
	if (prune_read(req, accepted, &p, e) < 0)
		return -1;
	dangling = filters_boolean(p.filters, "dangling", 1, e);
	if (dangling < 0 || store_begin(req->store, e) < 0)
		return -1;
	if (image_sizes_read(req, &before, e) < 0 || prune_all(req, &p, dangling, records, e) < 0 ||
	    image_sizes_read(req, &after, e) < 0 || prune_event(req, "image", before.layers - after.layers, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	if (store_commit(req->store, e) < 0)
		return -1;
	if (!prune_add(answer, "ImagesDeleted", records) || !json_add_int(answer, "SpaceReclaimed", before.layers - after.layers))
		return err_nomem(e);
	return reply_json(req, 200, answer);
}
