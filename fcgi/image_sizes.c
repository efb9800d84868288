#include "fcgi/image_sizes.h"

#include "lib/json.h"

void image_sizes_free(struct image_sizes *s)
{
	json_object_put(s->images);
	json_object_put(s->users);
	*s = (struct image_sizes){ 0 };
}

/* A layer that stands twice in an image counts once. */
static bool add(struct image_sizes *s, const char *image, const char *digest, int64_t size)
{
	struct json_object *layers = json_obj(s->images, image);
	int64_t users = json_int(s->users, digest, 0);

	if (!layers && (!(layers = json_object_new_object()) || !json_add(s->images, image, layers)))
		return false;
	if (json_object_object_get_ex(layers, digest, NULL))
		return true;
	if (users == 0)
		s->layers += size;
	return json_add_int(layers, digest, size) && json_add_int(s->users, digest, users + 1);
}

int image_sizes_read(struct request *req, struct image_sizes *ret, struct err *e)
{
	IMAGE_SIZES_CLEANUP struct image_sizes s = { json_object_new_object(), json_object_new_object(), 0 };
	enum query q = QUERY_IMAGE_LAYERS_ALL;
	int rc;

	if (!s.images || !s.users)
		return err_nomem(e);
	if (store_query(req->store, q, e, "t", req->tenant) < 0)
		return -1;
	while ((rc = store_step(req->store, q, e)) > 0) {
		if (!add(&s, store_text(req->store, q, 0), store_text(req->store, q, 1), store_int(req->store, q, 2))) {
			store_reset(req->store, q);
			return err_nomem(e);
		}
	}
	if (rc < 0)
		return -1;
	*ret = s;
	s = (struct image_sizes){ 0 };
	return 0;
}

int64_t image_sizes_shared(const struct image_sizes *s, const char *id)
{
	struct json_object *layers = json_obj(s->images, id);
	int64_t sum = 0;

	if (!layers)
		return 0;
	json_object_object_foreach(layers, digest, size)
		if (json_int(s->users, digest, 0) > 1)
			sum += json_object_get_int64(size);
	return sum;
}
