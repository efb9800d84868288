/*
 * GET /images/{ref}/history: the steps that made an image, newest first, from
 * its config. Sizes are those of the layers' blobs.
 */
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_registry.h"
#include "fcgi/image_store.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"
#include "lib/json.h"

static size_t count(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

/* From the store; an image of before it kept layers has its manifest read. */
static int read_layers(struct request *req, const struct image_row *image, struct json_object *sizes, struct err *e)
{
	REGISTRY_CLEANUP struct registry *registry = NULL;
	IMAGE_CLEANUP struct image fetched = { 0 };
	size_t layers;
	int rc;

	if (store_query(req->store, QUERY_IMAGE_LAYERS, e, "tt", req->tenant, image->id) < 0)
		return -1;
	while ((rc = store_step(req->store, QUERY_IMAGE_LAYERS, e)) > 0)
		json_object_array_add(sizes, json_object_new_int64(store_int(req->store, QUERY_IMAGE_LAYERS, 2)));
	layers = count(json_array(json_obj(image->config, "rootfs"), "diff_ids"));
	if (rc < 0 || count(sizes) || !layers)
		return rc;
	if (layers == 1)
		return json_object_array_add(sizes, json_object_new_int64(image->size)) < 0 ? err_nomem(e) : 0;
	if (image_registry_open(req, false, &registry, e) < 0 ||
	    image_fetch(registry, image->manifest_digest, image_config_architecture(image->config), &fetched, e) < 0) {
		e->kind = ERR_UPSTREAM;
		return err_prefix(e, "the sizes of the image's layers");
	}
	for (size_t i = 0; i < fetched.n_layers; i++)
		json_object_array_add(sizes, json_object_new_int64(fetched.layers[i].size));
	return 0;
}

static int add_tags(struct request *req, const char *id, struct json_object *step, struct err *e)
{
	CLEANUP_JSON struct json_object *names = NULL;
	struct json_object *tags = json_object_new_array();

	if (!json_add(step, "Tags", tags))
		return err_nomem(e);
	if (image_names(req->store, req->tenant, id, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < count(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		CLEANUP_FREE char *shown = image_familiar(name);

		if (!shown)
			return err_nomem(e);
		if (!image_is_digest(name) && json_object_array_add(tags, json_object_new_string(shown)) < 0)
			return err_nomem(e);
	}
	return 0;
}

static int add_step(struct json_object *list, struct json_object *from, const char *id, int64_t size, struct json_object **ret, struct err *e)
{
	struct json_object *step = json_object_new_object();

	if (!step || json_object_array_add(list, step) < 0)
		return err_nomem(e);
	if (!json_add_str(step, "Comment", json_str(from, "comment", "")) || !json_add_int(step, "Created", image_created(from)) ||
	    !json_add_str(step, "CreatedBy", json_str(from, "created_by", "")) || !json_add_str(step, "Id", id) || !json_add_int(step, "Size", size) ||
	    !json_add(step, "Tags", NULL))
		return err_nomem(e);
	*ret = step;
	return 0;
}

static int make(struct request *req, const struct image_row *image, struct json_object *sizes, struct json_object *list, struct err *e)
{
	struct json_object *history = json_array(image->config, "history"), *step = NULL;
	size_t layer = count(json_array(json_obj(image->config, "rootfs"), "diff_ids"));

	for (size_t i = count(history); i-- > 0;) {
		struct json_object *from = json_object_array_get_idx(history, i);
		int64_t size = 0;

		if (!json_flag(from, "empty_layer", false) && layer > 0) {
			layer--;
			size = json_object_get_int64(json_object_array_get_idx(sizes, layer));
		}
		if (add_step(list, from, count(list) ? "<missing>" : image->id, size, &step, e) < 0)
			return -1;
	}
	if (!count(list) && add_step(list, image->config, image->id, image->size, &step, e) < 0)
		return -1;
	return add_tags(req, image->id, json_object_array_get_idx(list, 0), e);
}

int route_image_history(struct request *req, struct err *e)
{
	IMAGE_ROW_CLEANUP struct image_row image = { .config = NULL };
	CLEANUP_JSON struct json_object *sizes = json_object_new_array();
	CLEANUP_JSON struct json_object *list = json_object_new_array();

	if (!list || !sizes)
		return err_nomem(e);
	if (image_find(req->store, req->tenant, req->name, &image, e) < 0 || read_layers(req, &image, sizes, e) < 0 ||
	    make(req, &image, sizes, list, e) < 0)
		return -1;
	return reply_json(req, 200, list);
}
