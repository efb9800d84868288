/*
 * POST /images/{ref}/push?tag=: sends an image, or without a tag all tags of
 * its repository, from our registry to the one its name tells, with the account
 * of X-Registry-Auth. Whatever fails after the parameters were read is told in
 * the stream.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_create.h"
#include "fcgi/image_platform.h"
#include "fcgi/image_registry.h"
#include "fcgi/image_source.h"
#include "fcgi/image_store.h"
#include "fcgi/progress.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/push.h"

#define MOUNTS_MAX 3

struct pushing {
	struct request *req;
	struct reference reference;
	struct registry *from;
	struct registry *to;
	struct json_object *auth; /* of X-Registry-Auth; NULL: none */
	char *name;               /* "127.0.0.1:5000/x" as the store has it */
	char *shown;              /* the same as clients know it */
	char platform[PLATFORM_TEXT_MAX]; /* what the image must be for; "": not asked */
};

static void pushing_free(struct pushing *p)
{
	reference_free(&p->reference);
	registry_close(p->from);
	registry_close(p->to);
	json_object_put(p->auth);
	free(p->name);
	free(p->shown);
}

static int prepare(struct pushing *p, struct err *e)
{
	if (image_platform_asked(p->req, p->platform, e) < 0)
		return -1;
	if (reference_parse_with_tag(p->req->name, request_query(p->req, "tag", NULL), &p->reference, e) < 0)
		return -1;
	if (p->reference.digest)
		return err_set(e, ERR_INVALID, "cannot push a digest reference");
	p->auth = image_source_auth(p->req);
	p->name = reference_name(&p->reference);
	p->shown = reference_familiar_name(&p->reference);
	return p->name && p->shown ? 0 : err_nomem(e);
}

/* Other repositories of the same registry that this image was pulled from or pushed to. The caller frees each. */
static int find_mounts(struct pushing *p, const char *id, char *mounts[MOUNTS_MAX + 1], struct err *e)
{
	CLEANUP_JSON struct json_object *names = NULL;
	size_t n = 0;

	if (image_names(p->req->store, p->req->tenant, id, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(names) && n < MOUNTS_MAX; i++) {
		REFERENCE_CLEANUP struct reference other = { 0 };
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));

		if (!image_is_digest(name) || reference_parse(name, &other, e) < 0)
			continue;
		if (strcmp(other.domain, p->reference.domain) == 0 && strcmp(other.path, p->reference.path) != 0)
			mounts[n++] = STEAL(other.path);
	}
	return 0;
}

static int report(void *arg, const struct push_progress *s, struct err *e)
{
	struct pushing *p = arg;

	return progress_line(p->req, s->status, s->current, s->total, s->id, e);
}

static int tell_end(struct pushing *p, const char *tag, const struct image *image, struct err *e)
{
	CLEANUP_JSON struct json_object *line = json_object_new_object();
	struct json_object *aux = json_object_new_object();
	BUF_CLEANUP struct buf text = BUF_INIT;

	buf_printf(&text, "%s: digest: %s size: %zu", tag, image->digest, image->manifest_len);
	if (text.failed || !line || !aux || !json_add(line, "progressDetail", json_object_new_object()) || !json_add(line, "aux", aux) ||
	    !json_add_str(aux, "Tag", tag) || !json_add_str(aux, "Digest", image->digest) || !json_add_int(aux, "Size", (int64_t)image->manifest_len))
		return err_nomem(e);
	image_line(p->req, text.data, NULL);
	reply_stream_json(p->req, line);
	return 0;
}

/* From now on the image is known by this digest there. */
static int keep(struct pushing *p, const struct image_row *row, const struct image *image, const char *full, struct err *e)
{
	struct store *s = p->req->store;
	CLEANUP_FREE char *digest_name = NULL;
	CLEANUP_FREE char *familiar = image_familiar(full);

	if (!familiar || asprintf(&digest_name, "%s@%s", p->name, image->digest) < 0)
		return err_nomem(e);
	if (store_begin(s, e) < 0)
		return -1;
	if (store_run(s, QUERY_IMAGE_REFERENCE_KEEP, e, "ttt", p->req->tenant, digest_name, row->id) < 0 ||
	    image_event(s, p->req->tenant, "push", familiar, p->shown, row->config, e) < 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, e);
}

static void free_all(char *(*mounts)[MOUNTS_MAX + 1])
{
	for (size_t i = 0; i < MOUNTS_MAX; i++)
		free((*mounts)[i]);
}

static int push_one(struct pushing *p, const char *full, struct err *e)
{
	__attribute__((cleanup(free_all))) char *mounts[MOUNTS_MAX + 1] = { NULL };
	IMAGE_ROW_CLEANUP struct image_row row = { 0 };
	IMAGE_CLEANUP struct image image = { 0 };
	CLEANUP_FREE char *shown = image_familiar(full);
	struct push push = { .from = p->from, .to = p->to, .image = &image, .mounts = (const char *const *)mounts, .listener = { report, p } };

	if (!shown)
		return err_nomem(e);
	push.tag = full + strlen(p->name) + 1;
	if (image_find(p->req->store, p->req->tenant, full, &row, e) < 0 ||
	    image_platform_match(row.config, shown, p->platform, e) < 0 || find_mounts(p, row.id, mounts, e) < 0)
		return -1;
	if (image_fetch(p->from, row.manifest_digest, image_config_architecture(row.config), &image, e) < 0)
		return err_prefix(e, "the image in our own registry");
	if (push_image(&push, e) < 0 || keep(p, &row, &image, full, e) < 0)
		return -1;
	return tell_end(p, push.tag, &image, e);
}

static int push_all(struct pushing *p, struct err *e)
{
	CLEANUP_JSON struct json_object *tags = NULL;

	if (image_tags(p->req->store, p->req->tenant, p->name, p->reference.tag, &tags, e) < 0)
		return -1;
	if (json_object_array_length(tags) == 0)
		return err_set(e, ERR_NOT_FOUND, "An image does not exist locally with the tag: %s", p->shown);
	if (image_source_open(p->req, &p->reference, p->auth, true, &p->to, e) < 0 || registry_ping(p->to, e) < 0 ||
	    image_registry_open(p->req, false, &p->from, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(tags); i++)
		if (push_one(p, json_object_get_string(json_object_array_get_idx(tags, i)), e) < 0)
			return -1;
	return 0;
}

int route_image_push(struct request *req, struct err *e)
{
	__attribute__((cleanup(pushing_free))) struct pushing p = { .req = req };
	BUF_CLEANUP struct buf head = BUF_INIT;

	if (prepare(&p, e) < 0)
		return -1;
	buf_printf(&head, "The push refers to repository [%s]", p.name);
	if (head.failed)
		return err_nomem(e);
	if (reply_stream_begin(req, 200, "application/json") < 0)
		return -1;
	image_line(req, head.data, NULL);
	if (push_all(&p, e) < 0)
		image_line_error(req, e);
	return 0;
}
