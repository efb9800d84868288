/*
 * GET /system/df: images, containers and volumes with their sizes. An image's
 * size is that of its blobs, LayersSize counts shared ones once; containers and
 * volumes hold nothing on a disk. ?type= (container, image, volume,
 * build-cache, several times) leaves the others out.
 */
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/image_sizes.h"
#include "fcgi/image_store.h"
#include "fcgi/json_text.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "fcgi/volume.h"
#include "lib/json.h"

#define TYPES 4
enum { CONTAINERS, IMAGES, VOLUMES, BUILD_CACHE };
static const char *const types[TYPES] = { "container", "image", "volume", "build-cache" };

static int read_types(struct request *req, bool wanted[TYPES], struct err *e)
{
	const char *type;
	size_t position = 0;
	bool any = false;

	while ((type = request_query_next(req, "type", &position))) {
		size_t i = 0;

		while (i < TYPES && strcmp(types[i], type) != 0)
			i++;
		if (i == TYPES)
			return err_set(e, ERR_INVALID, "unknown object type: %.200s", type);
		any = wanted[i] = true;
	}
	for (size_t i = 0; !any && i < TYPES; i++)
		wanted[i] = true;
	return 0;
}

static int add_users(struct request *req, const struct image_sizes *sizes, struct json_object *image, struct err *e)
{
	enum query q = QUERY_IMAGE_USERS;
	int64_t users = 0;
	int rc = store_row(req->store, q, e, "tt", req->tenant, json_str(image, "Id", ""));

	if (rc == 1)
		users = store_int(req->store, q, 0);
	store_reset(req->store, q);
	if (rc < 0)
		return -1;
	return json_add_int(image, "Containers", users) && json_add_int(image, "SharedSize", image_sizes_shared(sizes, json_str(image, "Id", ""))) ? 0 : err_nomem(e);
}

static int put_images(struct request *req, struct buf *out, struct err *e)
{
	IMAGE_SIZES_CLEANUP struct image_sizes sizes = { 0 };
	CLEANUP_JSON struct json_object *all = NULL;

	if (image_list_all(req, &all, e) < 0 || image_sizes_read(req, &sizes, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *image = json_object_array_get_idx(all, i);

		if (!json_obj(sizes.images, json_str(image, "Id", "")))
			sizes.layers += json_int(image, "Size", 0); /* kept before its layers were */
		if (add_users(req, &sizes, image, e) < 0)
			return -1;
	}
	buf_printf(out, "\"LayersSize\":%lld", (long long)sizes.layers);
	json_put_raw(out, "Images", json_text(all));
	return 0;
}

static int put_containers(struct request *req, struct buf *out, struct err *e)
{
	buf_puts(out, ",\"Containers\":");
	return container_list_all(req, out, e);
}

static int put_volumes(struct request *req, struct buf *out, struct err *e)
{
	CLEANUP_JSON struct json_object *all = NULL;

	if (volume_all(req, &all, e) < 0)
		return -1;
	json_put_raw(out, "Volumes", json_text(all));
	return 0;
}

int route_system_df(struct request *req, struct err *e)
{
	BUF_CLEANUP struct buf out = BUF_INIT;
	bool wanted[TYPES] = { false };

	if (read_types(req, wanted, e) < 0)
		return -1;
	buf_putc(&out, '{');
	if (!wanted[IMAGES])
		buf_puts(&out, "\"LayersSize\":0,\"Images\":null");
	else if (put_images(req, &out, e) < 0)
		return -1;
	if (!wanted[CONTAINERS])
		buf_puts(&out, ",\"Containers\":null");
	else if (put_containers(req, &out, e) < 0)
		return -1;
	if (!wanted[VOLUMES])
		buf_puts(&out, ",\"Volumes\":null");
	else if (put_volumes(req, &out, e) < 0)
		return -1;
	buf_puts(&out, wanted[BUILD_CACHE] ? ",\"BuildCache\":[]}\n" : ",\"BuildCache\":null}\n");
	return out.failed ? err_nomem(e) : reply_raw(req, 200, "application/json", out.data);
}
