/* Import: a tar, of the request's body or of a URL, becomes the one layer of a new image, as it comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/image_create.h"
#include "fcgi/image_platform.h"
#include "fcgi/image_registry.h"
#include "fcgi/image_store.h"
#include "fcgi/reply.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "fcgi/progress.h"
#include "lib/buf.h"
#include "lib/registry/fetch_url.h"
#include "lib/registry/import.h"

#define CHANGES_MAX 256
#define TOLD_EVERY INT64_C(100000000) /* ns between two lines of progress */

struct import {
	struct request *req;
	struct reference reference;
	bool named;
	const char *changes[CHANGES_MAX + 1];
	const char *architecture;
	struct registry *to;
	struct image image;
	struct url_fetch *url; /* NULL: the body */
	int64_t done;
	int64_t told_at;       /* ns */
};

static void import_free(struct import *i)
{
	reference_free(&i->reference);
	registry_close(i->to);
	image_free(&i->image);
	url_close(i->url);
}

static int read_parameters(struct import *i, struct err *e)
{
	const char *repo = request_query(i->req, "repo", "");
	const char *change;
	size_t position = 0, n = 0;

	i->architecture = image_platform_choose(i->req->settings, request_query(i->req, "platform", ""), e);
	if (!i->architecture) {
		e->kind = ERR_INVALID;
		return err_prefix(e, "platform");
	}
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
	    (shown && image_tag_event(s, i->req->tenant, full, shown, i->image.id, i->image.config, e) < 0) ||
	    image_event(s, i->req->tenant, "import", i->image.id, i->image.id, i->image.config, e) < 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, e);
}

/* After read_parameters(). */
static struct image_import describe(struct import *i, const char *message)
{
	return (struct image_import){
		.read = read_body,
		.arg = i->req,
		.changes = i->changes,
		.message = message,
		.architecture = i->architecture,
		.created = time(NULL),
	};
}

int image_import_stream(struct request *req, struct err *e)
{
	__attribute__((cleanup(import_free))) struct import i = { .req = req };
	struct image_import in;

	if (read_parameters(&i, e) < 0 || image_registry_open(req, true, &i.to, e) < 0)
		return -1;
	in = describe(&i, request_query(req, "message", NULL));
	if (image_import(i.to, &in, NULL, &i.image, e) < 0 || keep(&i, e) < 0)
		return -1;
	if (reply_stream_begin(req, 200, "application/json") < 0)
		return -1;
	image_line(req, i.image.id, NULL);
	return 0;
}

static bool client_left(void *arg)
{
	return request_client_left(arg);
}

static ssize_t read_url(void *arg, void *data, size_t cap, struct err *e)
{
	struct import *i = arg;
	ssize_t n = url_read(i->url, data, cap, e);
	int64_t now = time_now();

	i->done += n > 0 ? n : 0;
	if (n <= 0 || now - i->told_at < TOLD_EVERY)
		return n;
	i->told_at = now;
	return progress_line(i->req, "Importing", i->done, url_length(i->url), "", e) < 0 ? -1 : n;
}

static int fetch(struct import *i, const char *url, const struct url_policy *policy, struct err *e)
{
	const char *given = request_query(i->req, "message", "");
	BUF_CLEANUP struct buf message = BUF_INIT;
	struct image_import in;

	buf_printf(&message, *given ? "%s" : "Imported from %s", *given ? given : url);
	if (message.failed)
		return err_nomem(e);
	in = describe(i, message.data);
	in.read = read_url;
	in.arg = i;
	if (url_open(url, policy, &i->url, e) < 0)
		return -1;
	return image_import(i->to, &in, NULL, &i->image, e) < 0 ? -1 : keep(i, e);
}

int image_import_url(struct request *req, const char *url, struct err *e)
{
	__attribute__((cleanup(import_free))) struct import i = { .req = req };
	struct url_policy policy = { req->settings->import_hosts, client_left, req };
	BUF_CLEANUP struct buf address = BUF_INIT, line = BUF_INIT;

	/* As dockerd: "host/path" means http. */
	buf_printf(&address, "%s%s", strstr(url, "://") ? "" : "http://", url);
	buf_printf(&line, "Downloading from %s", address.data ? address.data : "");
	if (address.failed || line.failed)
		return err_nomem(e);
	if (read_parameters(&i, e) < 0 || image_registry_open(req, true, &i.to, e) < 0 || reply_stream_begin(req, 200, "application/json") < 0)
		return -1;
	image_line(req, line.data, NULL);
	if (fetch(&i, address.data, &policy, e) < 0)
		image_line_error(req, e);
	else
		image_line(req, i.image.id, NULL);
	return 0;
}
