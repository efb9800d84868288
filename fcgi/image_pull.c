/*
 * Pull: manifest and config are read from the image's registry, and its layers
 * are copied into ours (<prefix>/<tenant>) unless they are there. Image and
 * names are kept once everything is there; until then nothing is seen of it.
 * Without a tag all tags are pulled, as dockerd does (`docker pull -a`).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_create.h"
#include "fcgi/image_platform.h"
#include "fcgi/image_registry.h"
#include "fcgi/image_source.h"
#include "fcgi/image_store.h"
#include "fcgi/image_transfer.h"
#include "fcgi/reply.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"

/* One tag or digest. */
struct pull {
	struct request *req;
	struct reference reference;
	struct registry *from;
	struct registry *to;
	struct image image;
	char *shown;              /* "busybox:latest" */
	char *tag_name;           /* what the store calls it; NULL for a pull by digest */
	char *digest_name;
	bool fresh;               /* the store didn't have the image */
	bool of_all;              /* one of many tags: it has no event of its own */
};

static void pull_free(struct pull *p)
{
	reference_free(&p->reference);
	registry_close(p->from);
	registry_close(p->to);
	image_free(&p->image);
	free(p->shown);
	free(p->tag_name);
	free(p->digest_name);
}
#define PULL_CLEANUP __attribute__((cleanup(pull_free)))

/* An image of an architecture that no function has couldn't be started. */
static int check_platform(struct request *req, const char **ret_architecture, struct err *e)
{
	const char *platform = request_query(req, "platform", "");

	*ret_architecture = image_platform_choose(req->settings, platform, e);
	if (*ret_architecture)
		return 0;
	e->kind = ERR_NOT_FOUND;
	return err_prefix(e, "no matching manifest for %.100s in the manifest list entries", platform);
}

static int name_it(struct pull *p, struct err *e)
{
	CLEANUP_FREE char *name = reference_name(&p->reference);

	p->shown = reference_familiar(&p->reference);
	if (!p->reference.digest && !(p->tag_name = reference_full(&p->reference)))
		return err_nomem(e);
	if (!p->shown || !name || asprintf(&p->digest_name, "%s@%s", name, p->image.index_digest) < 0)
		return err_nomem(e);
	return 0;
}

/* Under whatever name the image is there, its layers needn't come again. */
static int look_up(struct pull *p, struct err *e)
{
	IMAGE_ROW_CLEANUP struct image_row known = { 0 };
	int rc = image_load(p->req->store, p->req->tenant, p->image.id, &known, e);

	p->fresh = rc == 0;
	return rc < 0 ? -1 : 0;
}

/* Everything that can fail with an HTTP status. p->reference is set. */
static int prepare(struct pull *p, struct json_object *auth, const char *architecture, struct err *e)
{
	if (image_source_fetch(p->req, &p->reference, auth, architecture, &p->from, &p->image, e) < 0 || name_it(p, e) < 0 || look_up(p, e) < 0)
		return -1;
	return p->fresh ? image_registry_open(p->req, true, &p->to, e) : 0;
}

/* An image that is there may have got another name, or another digest by another index around it. */
static int keep_names(struct pull *p, struct err *e)
{
	struct store *s = p->req->store;

	if (p->fresh)
		return image_keep(s, p->req->tenant, &p->image, p->tag_name, p->digest_name, e);
	if (p->tag_name && store_run(s, QUERY_IMAGE_REFERENCE_SET, e, "ttt", p->req->tenant, p->tag_name, p->image.id) < 0)
		return -1;
	return store_run(s, QUERY_IMAGE_REFERENCE_SET, e, "ttt", p->req->tenant, p->digest_name, p->image.id) < 0 ? -1 : 0;
}

static int keep(struct pull *p, struct err *e)
{
	struct store *s = p->req->store;
	CLEANUP_FREE char *name = reference_familiar_name(&p->reference);

	if (!name)
		return err_nomem(e);
	if (store_begin(s, e) < 0)
		return -1;
	if (keep_names(p, e) < 0 ||
	    (!p->of_all && image_event(s, p->req->tenant, "pull", p->shown, name, p->image.config, e) < 0)) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, e);
}

static int transfer(struct pull *p, struct err *e)
{
	BUF_CLEANUP struct buf text = BUF_INIT;

	buf_printf(&text, "Pulling from %s", p->reference.path);
	if (text.failed)
		return err_nomem(e);
	image_line(p->req, text.data, p->reference.digest ? p->reference.digest : p->reference.tag);
	if (p->fresh && image_transfer(p->req, p->from, &p->image, p->to, e) < 0)
		return -1;
	buf_reset(&text);
	buf_printf(&text, "Digest: %s", p->image.index_digest);
	image_line(p->req, text.failed ? "" : text.data, NULL);
	return keep(p, e);
}

static void say_status(struct request *req, bool fresh, const char *name)
{
	BUF_CLEANUP struct buf text = BUF_INIT;

	buf_printf(&text, "Status: %s for %s", fresh ? "Downloaded newer image" : "Image is up to date", name);
	if (!text.failed)
		image_line(req, text.data, NULL);
}

/* What fails before the reply has begun is an answer of its own, later a line. */
static int pull_one(struct pull *p, struct json_object *auth, const char *architecture, struct err *e)
{
	if (prepare(p, auth, architecture, e) < 0)
		return -1;
	if (!p->req->replied && reply_stream_begin(p->req, 200, "application/json") < 0)
		return -1;
	return transfer(p, e);
}

/* As dockerd: one for all tags. */
static int tell_all(struct request *req, const struct reference *r, struct err *e)
{
	CLEANUP_FREE char *name = reference_familiar_name(r);

	if (!name)
		return err_nomem(e);
	if (store_begin(req->store, e) < 0)
		return -1;
	if (image_event(req->store, req->tenant, "pull", name, name, NULL, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	return store_commit(req->store, e);
}

/* *ret_kept: how many were; *ret_fresh: one of them at least was. */
static int pull_each(struct request *req, const struct reference *r, struct json_object *tags, struct json_object *auth, const char *architecture,
		     size_t *ret_kept, bool *ret_fresh, struct err *e)
{
	for (size_t i = 0; i < json_object_array_length(tags); i++) {
		PULL_CLEANUP struct pull p = { .req = req, .of_all = true };
		CLEANUP_FREE char *name = reference_name(r);

		if (!name)
			return err_nomem(e);
		if (reference_parse_with_tag(name, json_object_get_string(json_object_array_get_idx(tags, i)), &p.reference, e) < 0 ||
		    pull_one(&p, auth, architecture, e) < 0)
			return -1;
		*ret_kept += 1;
		*ret_fresh |= p.fresh;
	}
	return 0;
}

static int pull_tags(struct request *req, const struct reference *r, struct json_object *auth, const char *architecture, bool *ret_fresh, struct err *e)
{
	REGISTRY_CLEANUP struct registry *from = NULL;
	CLEANUP_JSON struct json_object *tags = NULL;
	struct err ignored;
	size_t kept = 0;

	if (image_source_open(req, r, auth, false, &from, e) < 0 || registry_list_tags(from, &tags, e) < 0)
		return -1;
	if (pull_each(req, r, tags, auth, architecture, &kept, ret_fresh, e) < 0) {
		/* What failed is the answer; those before it are there all the same. */
		if (kept)
			tell_all(req, r, &ignored);
		return -1;
	}
	if (!req->replied && reply_stream_begin(req, 200, "application/json") < 0)
		return -1;
	return tell_all(req, r, e);
}

int image_pull(struct request *req, struct err *e)
{
	PULL_CLEANUP struct pull p = { .req = req };
	CLEANUP_JSON struct json_object *auth = image_source_auth(req);
	CLEANUP_FREE char *shown = NULL;
	const char *architecture = NULL;
	bool fresh = false;
	int rc;

	if (reference_parse_with_tag(request_query(req, "fromImage", ""), request_query(req, "tag", NULL), &p.reference, e) < 0 ||
	    check_platform(req, &architecture, e) < 0)
		return -1;
	shown = reference_familiar(&p.reference);
	if (!shown)
		return err_nomem(e);
	if (p.reference.tag || p.reference.digest) {
		rc = pull_one(&p, auth, architecture, e);
		fresh = p.fresh;
	} else {
		rc = pull_tags(req, &p.reference, auth, architecture, &fresh, e);
	}
	if (rc == 0)
		say_status(req, fresh, shown);
	else if (req->replied)
		image_line_error(req, e);
	return req->replied ? 0 : rc;
}

int image_pull_into(struct request *req, const char *name, struct json_object *auth, struct err *e)
{
	PULL_CLEANUP struct pull p = { .req = req };
	const char *architecture = NULL;

	if (reference_parse(name, &p.reference, e) < 0 || reference_default_tag(&p.reference, e) < 0 || check_platform(req, &architecture, e) < 0 ||
	    pull_one(&p, auth, architecture, e) < 0)
		return -1;
	say_status(req, p.fresh, p.shown);
	return 0;
}
