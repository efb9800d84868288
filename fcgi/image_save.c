/*
 * GET /images/{ref}/get and GET /images/get?names=..: images as one tar, docker's
 * and OCI's at once. A name without a tag means all tags of the repository, an
 * id the image without a name. 404 "No such image: x", and for an image
 * of another platform than ?platform= asks for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_platform.h"
#include "fcgi/image_registry.h"
#include "fcgi/image_store.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/save.h"

#define IMAGES_MAX 200

struct save {
	struct request *req;
	struct registry *from;
	struct save_image images[IMAGES_MAX];
	size_t n;
	char platform[PLATFORM_TEXT_MAX]; /* the only one that will do; "": any */
};

static void save_free(struct save *s)
{
	for (size_t i = 0; i < s->n; i++) {
		image_free(&s->images[i].image);
		json_object_put(s->images[i].names);
	}
	registry_close(s->from);
}

static struct save_image *find_added(struct save *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->images[i].image.id, id) == 0)
			return &s->images[i];
	return NULL;
}

/* Once for all names that it is asked by. */
static int add_image(struct save *s, const char *text, struct save_image **ret, struct err *e)
{
	IMAGE_ROW_CLEANUP struct image_row row = { 0 };
	struct save_image i = { 0 };

	if (image_find(s->req->store, s->req->tenant, text, &row, e) < 0)
		return -1;
	*ret = find_added(s, row.id);
	if (*ret)
		return 0;
	if (s->n == IMAGES_MAX)
		return err_set(e, ERR_INVALID, "more than %d images", IMAGES_MAX);
	i.names = json_object_new_array();
	if (!i.names)
		return err_nomem(e);
	if (image_fetch(s->from, row.manifest_digest, image_config_architecture(row.config), &i.image, e) < 0) {
		json_object_put(i.names);
		e->kind = ERR_UPSTREAM;
		return err_prefix(e, "the image in our own registry");
	}
	s->images[s->n] = i;
	*ret = &s->images[s->n++];
	return 0;
}

static int add_name(struct save *s, const char *full, struct err *e)
{
	struct save_image *image = NULL;

	if (add_image(s, full, &image, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(image->names); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(image->names, i)), full) == 0)
			return 0;
	return json_object_array_add(image->names, json_object_new_string(full)) < 0 ? err_nomem(e) : 0;
}

/* How many tags the repository has. */
static int add_repository(struct save *s, const char *name, struct err *e)
{
	CLEANUP_JSON struct json_object *tags = NULL;

	if (image_tags(s->req->store, s->req->tenant, name, NULL, &tags, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(tags); i++)
		if (add_name(s, json_object_get_string(json_object_array_get_idx(tags, i)), e) < 0)
			return -1;
	return (int)json_object_array_length(tags);
}

static int not_found(const char *text, struct err *e)
{
	return e->kind == ERR_NOT_FOUND ? err_set(e, ERR_NOT_FOUND, "No such image: %.300s", text) : -1;
}

static int add_asked(struct save *s, const char *text, struct err *e)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	CLEANUP_FREE char *name = NULL;
	struct save_image *ignored;
	int rc = 0;

	/* "sha256:<hex>" would parse as a name and a tag. */
	if (strncmp(text, "sha256:", 7) != 0 && reference_parse(text, &r, e) == 0 && !r.digest) {
		name = r.tag ? reference_full(&r) : reference_name(&r);
		if (!name)
			return err_nomem(e);
		if (r.tag)
			return add_name(s, name, e) < 0 ? not_found(text, e) : 0;
		rc = add_repository(s, name, e);
	}
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return add_image(s, text, &ignored, e) < 0 ? not_found(text, e) : 0;
}

static int check_platforms(struct save *s, struct err *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (image_platform_match(s->images[i].image.config, s->images[i].image.id, s->platform, e) < 0)
			return -1;
	return 0;
}

/* Sizes that nobody knows yet are counted now, before the head of the reply, and kept. */
static int measure(struct save *s, struct image *image, struct err *e)
{
	struct store *store = s->req->store;

	if (image_layers_known(store, s->req->tenant, image, e) < 0)
		return -1;
	for (size_t n = 0; n < image->n_layers; n++) {
		struct image_layer *l = &image->layers[n];

		if (l->unpacked > 0)
			continue;
		if (save_measure(s->from, l, &l->unpacked, e) < 0)
			return -1;
		if (store_run(store, QUERY_IMAGE_LAYER_MEASURED, e, "itt", l->unpacked, s->req->tenant, l->digest) < 0)
			return -1;
	}
	return 0;
}

static int write_reply(void *arg, const void *data, size_t len, struct err *e)
{
	return reply_stream_write(arg, data, len) ? 0 : err_set(e, ERR_INVALID, "the client left");
}

static int add_events(struct save *s, struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct image *image = &s->images[i].image;

		if (image_event(s->req->store, s->req->tenant, "save", image->id, image->id, image->config, e) < 0)
			return -1;
	}
	return 0;
}

static int write_all(struct save *s, struct err *e)
{
	struct save_target to = { write_reply, s->req };

	for (size_t i = 0; i < s->n; i++)
		if (measure(s, &s->images[i].image, e) < 0)
			return -1;
	if (reply_stream_begin(s->req, 200, "application/x-tar") < 0 || save_images(s->from, s->images, s->n, &to, e) < 0)
		return -1;
	return add_events(s, e);
}

static int save(struct request *req, bool by_path, struct err *e)
{
	__attribute__((cleanup(save_free))) struct save s = { .req = req };
	const char *text;
	size_t position = 0;

	if (image_platform_asked(req, s.platform, e) < 0 || image_registry_open(req, false, &s.from, e) < 0)
		return -1;
	if (by_path && add_asked(&s, req->name, e) < 0)
		return -1;
	while (!by_path && (text = request_query_next(req, "names", &position)))
		if (add_asked(&s, text, e) < 0)
			return -1;
	if (s.n == 0)
		return err_set(e, ERR_INVALID, "no images to save: name at least one (names=)");
	return check_platforms(&s, e) < 0 ? -1 : write_all(&s, e);
}

int route_image_save(struct request *req, struct err *e)
{
	return save(req, true, e);
}

int route_image_save_several(struct request *req, struct err *e)
{
	return save(req, false, e);
}
