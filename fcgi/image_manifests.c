#include "fcgi/image_manifests.h"

#include "lib/cleanup.h"
#include "lib/json.h"

static int add_containers(struct request *req, const char *image_id, struct json_object *data, struct err *e)
{
	struct store *s = req->store;
	struct json_object *list = json_object_new_array();
	int rc;

	if (!list || !json_add(data, "Containers", list))
		return err_nomem(e);
	if (store_query(s, QUERY_IMAGE_CONTAINERS, e, "tt", req->tenant, image_id) < 0)
		return -1;
	while ((rc = store_step(s, QUERY_IMAGE_CONTAINERS, e)) > 0) {
		struct json_object *id = json_object_new_string(store_text(s, QUERY_IMAGE_CONTAINERS, 0));

		if (!id || json_object_array_add(list, id) < 0) {
			json_object_put(id);
			store_reset(s, QUERY_IMAGE_CONTAINERS);
			return err_nomem(e);
		}
	}
	return rc;
}

static bool add_platform(struct json_object *data, struct json_object *config)
{
	static const struct {
		const char *from, *to;
		bool always;
	} parts[] = { { "architecture", "architecture", true }, { "os", "os", true }, { "variant", "variant", false } };
	struct json_object *o = json_object_new_object();

	if (!o || !json_add(data, "Platform", o))
		return false;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const char *text = json_str(config, parts[i].from, "");

		if ((parts[i].always || *text) && !json_add_str(o, parts[i].to, text))
			return false;
	}
	return true;
}

/* Layers stay packed here: nothing is unpacked. */
static int add_data(struct request *req, const struct image_manifest *m, struct json_object *o, struct err *e)
{
	struct json_object *data = json_object_new_object(), *size = json_object_new_object();

	if (!data || !json_add(o, "ImageData", data)) {
		json_object_put(size);
		return err_nomem(e);
	}
	if (!size || !json_add(data, "Size", size) || !json_add_int(size, "Unpacked", 0) || !add_platform(data, m->config))
		return err_nomem(e);
	return add_containers(req, m->image_id, data, e);
}

static bool add_head(const struct image_manifest *m, struct json_object *o)
{
	struct json_object *descriptor = json_object_new_object(), *size;
	int64_t content = m->content + m->size;

	if (!descriptor || !json_add(o, "Descriptor", descriptor) || !json_add_str(o, "ID", m->digest) || !json_add_str(descriptor, "mediaType", m->media_type) ||
	    !json_add_str(descriptor, "digest", m->digest) || !json_add_int(descriptor, "size", m->size) || !json_add(o, "Available", json_object_new_boolean(true)))
		return false;
	size = json_object_new_object();
	return size && json_add(o, "Size", size) && json_add_int(size, "Total", content) && json_add_int(size, "Content", content) && json_add_str(o, "Kind", "image");
}

int image_manifests(struct request *req, const struct image_manifest *m, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	struct json_object *o;

	if (!list)
		return err_nomem(e);
	if (m->size) {
		o = json_object_new_object();
		if (!o || json_object_array_add(list, o) < 0) {
			json_object_put(o);
			return err_nomem(e);
		}
		if (!add_head(m, o))
			return err_nomem(e);
		if (add_data(req, m, o, e) < 0)
			return -1;
	}
	*ret = STEAL(list);
	return 0;
}
