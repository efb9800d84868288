/*
 * POST /images/load?quiet=: takes the images of an archive in. The reply is a
 * stream: the layers, unless quiet, then "Loaded image: x:y" for each
 * name, or "Loaded image ID: .." where the archive names none. Errors are told
 * in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_create.h"
#include "fcgi/image_platform.h"
#include "fcgi/image_registry.h"
#include "fcgi/image_store.h"
#include "fcgi/progress.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/load.h"

struct loading {
	struct request *req;
	struct registry *to;
	struct load *load;
	struct buf nameless; /* what is told if no image of the archive has a name */
	size_t names;
	bool quiet;
	char platform[PLATFORM_TEXT_MAX]; /* what the images must be for; "": not asked */
};

static void loading_free(struct loading *l)
{
	registry_close(l->to);
	load_free(l->load);
	buf_free(&l->nameless);
}

static ssize_t read_body(void *arg, void *data, size_t cap, struct err *e)
{
	struct loading *l = arg;

	return request_read_some(l->req, data, cap, e);
}

/* Each layer as it is in the registry now: nginx passes no reply on while a body still comes. */
static int tell_layers(struct loading *l, const struct image *i, struct err *e)
{
	char id[13];

	for (size_t n = 0; !l->quiet && n < i->n_layers; n++) {
		snprintf(id, sizeof id, "%.12s", i->layers[n].diff_id + strlen("sha256:"));
		if (progress_line(l->req, "Loading layer", i->layers[n].unpacked, i->layers[n].unpacked, id, e) < 0)
			return -1;
	}
	return 0;
}

static int tell(struct loading *l, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int tell(struct loading *l, struct err *e, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return progress_text(l->req, text) ? 0 : err_set(e, ERR_INVALID, "the client left");
}

/* The image that has the name now loses it. */
static int tell_old(struct loading *l, const char *full, const char *shown, const char *id, struct err *e)
{
	char old[DIGEST_SIZE] = "";
	int rc = store_row(l->req->store, QUERY_IMAGE_REFERENCE_GET, e, "tt", l->req->tenant, full);

	if (rc > 0)
		snprintf(old, sizeof old, "%s", store_text(l->req->store, QUERY_IMAGE_REFERENCE_GET, 0));
	store_reset(l->req->store, QUERY_IMAGE_REFERENCE_GET);
	if (rc < 0)
		return -1;
	if (!*old || strcmp(old, id) == 0)
		return 0;
	return tell(l, e, "The image %s already exists, renaming the old one with ID %s to empty string\n", shown, old);
}

static int give_name(struct loading *l, const char *name, const char *id, struct err *e)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	CLEANUP_FREE char *full = NULL;
	CLEANUP_FREE char *shown = NULL;

	if (reference_parse(name, &r, e) < 0)
		return err_prefix(e, "invalid tag \"%.200s\"", name);
	if (r.digest || !r.tag)
		return err_set(e, ERR_INVALID, "invalid tag \"%.200s\"", name);
	full = reference_full(&r);
	shown = reference_familiar(&r);
	if (!full || !shown)
		return err_nomem(e);
	if (tell_old(l, full, shown, id, e) < 0 ||
	    store_run(l->req->store, QUERY_IMAGE_REFERENCE_SET, e, "ttt", l->req->tenant, full, id) < 0)
		return -1;
	l->names++;
	return tell(l, e, "Loaded image: %s\n", shown);
}

static int keep(struct loading *l, const struct image *i, struct err *e)
{
	struct store *s = l->req->store;

	if (store_begin(s, e) < 0)
		return -1;
	if (image_keep(s, l->req->tenant, i, NULL, NULL, e) < 0 || image_event(s, l->req->tenant, "load", i->id, i->id, i->config, e) < 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, e);
}

static int load_one(struct loading *l, size_t n, struct err *e)
{
	IMAGE_CLEANUP struct image i = { 0 };
	struct json_object *names = NULL;

	if (load_image(l->load, n, &i, &names, e) < 0)
		return -1;
	/* An image of an architecture that no function has couldn't be started. */
	if (image_platform_check(l->req->settings, image_config_architecture(i.config), e) < 0)
		return err_prefix(e, "an image in the archive");
	if (image_platform_match(i.config, i.id, l->platform, e) < 0)
		return -1;
	if (tell_layers(l, &i, e) < 0 || image_push(l->to, &i, NULL, e) < 0 || keep(l, &i, e) < 0)
		return -1;
	for (size_t k = 0; k < json_object_array_length(names); k++)
		if (give_name(l, json_object_get_string(json_object_array_get_idx(names, k)), i.id, e) < 0)
			return -1;
	buf_printf(&l->nameless, "Loaded image ID: %s\n", i.id);
	return 0;
}

static int load_all(struct loading *l, struct err *e)
{
	struct err other = { 0 };
	/* What is asked for and can't be had is told of the image that was found. */
	const char *asked = image_platform_choose(l->req->settings, l->platform, &other);
	const char *architecture = asked ? asked : image_platform_usual(l->req->settings);
	struct load_source from = {
		.read = read_body,
		.arg = l,
		.architecture = architecture,
	};
	int rc;

	rc = load_read(l->to, &from, &l->load, e);
	reply_stream_begin(l->req, 200, "application/json");
	if (rc < 0)
		return -1;
	for (size_t n = 0; n < load_count(l->load); n++)
		if (load_one(l, n, e) < 0)
			return -1;
	if (l->nameless.failed)
		return err_nomem(e);
	if (l->names == 0 && l->nameless.len)
		progress_text(l->req, l->nameless.data);
	return 0;
}

int route_image_load(struct request *req, struct err *e)
{
	__attribute__((cleanup(loading_free))) struct loading l = { .req = req, .quiet = request_flag(req, "quiet", false) };

	if (image_platform_asked(req, l.platform, e) < 0 || image_registry_open(req, true, &l.to, e) < 0)
		return -1;
	if (load_all(&l, e) < 0)
		image_line_error(req, e);
	return 0;
}
