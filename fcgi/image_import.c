/* Import: the body's tar becomes the one layer of a new image, as it comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/image_create.h"
#include "fcgi/image_registry.h"
#include "fcgi/image_store.h"
#include "fcgi/reply.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/import.h"

#define CHANGES_MAX 256

struct import {
	struct request *req;
	struct reference reference;
	bool named;
	const char *changes[CHANGES_MAX + 1];
	struct registry *to;
	struct image image;
};

static void import_free(struct import *i)
{
	reference_free(&i->reference);
	registry_close(i->to);
	image_free(&i->image);
}

static int read_parameters(struct import *i, struct err *e)
{
	const char *repo = request_query(i->req, "repo", "");
	const char *change;
	size_t position = 0, n = 0;

	if (*repo) {
		if (reference_parse_with_tag(repo, request_query(i->req, "tag", NULL), &i->reference, e) < 0)
			return -1;
		if (i->reference.digest)
			return err_set(e, ERR_INVALID, "cannot import digest reference");
		if (reference_default_tag(&i->reference, e) < 0)
			return -1;
		i->named = true;
	}
	while ((change = request_query_next(i->req, "changes", &position))) {
		if (n == CHANGES_MAX)
			return err_set(e, ERR_INVALID, "more than %d changes", CHANGES_MAX);
		i->changes[n++] = change;
	}
	return 0;
}

static ssize_t read_body(void *arg, void *data, size_t cap, struct err *e)
{
	return request_read_some(arg, data, cap, e);
}

static int keep(struct import *i, struct err *e)
{
	struct store *s = i->req->store;
	CLEANUP_FREE char *full = i->named ? reference_full(&i->reference) : NULL;
	CLEANUP_FREE char *shown = i->named ? reference_familiar(&i->reference) : NULL;

	if (i->named && (!full || !shown))
		return err_nomem(e);
	if (store_begin(s, e) < 0)
		return -1;
	if (image_keep(s, i->req->tenant, &i->image, full, NULL, e) < 0 ||
	    (shown && image_event(s, i->req->tenant, "tag", i->image.id, shown, i->image.config, e) < 0) ||
	    image_event(s, i->req->tenant, "import", i->image.id, i->image.id, i->image.config, e) < 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, e);
}

int image_import_stream(struct request *req, struct err *e)
{
	__attribute__((cleanup(import_free))) struct import i = { .req = req };
	struct image_import in = {
		.read = read_body,
		.arg = req,
		.changes = i.changes,
		.message = request_query(req, "message", NULL),
		.architecture = image_architecture(req->settings->lambda_architecture),
		.created = time(NULL),
	};

	if (read_parameters(&i, e) < 0 || image_registry_open(req, true, &i.to, e) < 0)
		return -1;
	if (image_import(i.to, &in, NULL, &i.image, e) < 0 || keep(&i, e) < 0)
		return -1;
	if (reply_stream_begin(req, 200, "application/json") < 0)
		return -1;
	image_line(req, i.image.id, NULL);
	return 0;
}
