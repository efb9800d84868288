/*
 * Pull: manifest and config are read from the image's registry, and its blobs
 * are copied into ours (<prefix>/<tenant>) unless they are there. Image and
 * names are kept once everything is there; until then nothing is seen of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_create.h"
#include "fcgi/image_registry.h"
#include "fcgi/image_source.h"
#include "fcgi/image_store.h"
#include "fcgi/reply.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/copy.h"

struct pull {
	struct request *req;
	struct reference reference;
	struct registry *from;
	struct registry *to;
	struct image image;
	struct json_object *auth; /* of X-Registry-Auth; NULL: none */
	const char *architecture;
	char *shown;              /* "busybox:latest" */
	char *tag_name;           /* what the store calls it; NULL for a pull by digest */
	char *digest_name;
	bool fresh;               /* the store didn't have it under this name */
};

static void pull_free(struct pull *p)
{
	reference_free(&p->reference);
	registry_close(p->from);
	registry_close(p->to);
	image_free(&p->image);
	json_object_put(p->auth);
	free(p->shown);
	free(p->tag_name);
	free(p->digest_name);
}

/* Functions have one architecture; an image of another one couldn't be started. */
static int check_platform(struct pull *p, struct err *e)
{
	const char *platform = request_query(p->req, "platform", "");
	const char *slash = strchr(platform, '/');
	const char *given = slash ? slash + 1 : platform;
	size_t n = strcspn(given, "/");

	p->architecture = image_architecture(p->req->settings->lambda_architecture);
	if (!*platform || strcmp(platform, "linux") == 0)
		return 0;
	if (slash && strncmp(platform, "linux/", 6) != 0)
		return err_set(e, ERR_INVALID, "platform %s is not supported: Lambda functions are linux", platform);
	if (n == strlen(p->architecture) && memcmp(given, p->architecture, n) == 0)
		return 0;
	if ((strncmp(given, "x86_64", n) == 0 && n == 6 && strcmp(p->architecture, "amd64") == 0) ||
	    (strncmp(given, "aarch64", n) == 0 && n == 7 && strcmp(p->architecture, "arm64") == 0))
		return 0;
	return err_set(e, ERR_NOT_FOUND, "platform %s is not supported: this deployment's functions are linux/%s (SOCKERLESS_LAMBDA_ARCHITECTURE)",
		       platform, p->architecture);
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

static int look_up(struct pull *p, struct err *e)
{
	const char *name = p->tag_name ? p->tag_name : p->digest_name;
	int rc = store_row(p->req->store, QUERY_IMAGE_REFERENCE_GET, e, "tt", p->req->tenant, name);

	if (rc >= 0)
		p->fresh = rc == 0 || strcmp(store_text(p->req->store, QUERY_IMAGE_REFERENCE_GET, 0), p->image.id) != 0;
	store_reset(p->req->store, QUERY_IMAGE_REFERENCE_GET);
	return rc < 0 ? -1 : 0;
}

/* Everything that can fail with an HTTP status. */
static int prepare(struct pull *p, const char *name, const char *tag, struct err *e)
{
	struct request *req = p->req;

	if (reference_parse_with_tag(name, tag, &p->reference, e) < 0 || reference_default_tag(&p->reference, e) < 0 || check_platform(p, e) < 0)
		return -1;
	if (image_source_open(req, &p->reference, p->auth, &p->from, e) < 0 || image_fetch(p->from, reference_target(&p->reference), p->architecture, &p->image, e) < 0)
		return -1;
	if (name_it(p, e) < 0 || look_up(p, e) < 0)
		return -1;
	return p->fresh ? image_registry_open(req, true, &p->to, e) : 0;
}

/* "[=====>     ]  1.2MB/2.4MB", as dockerd draws it for clients that don't draw themselves. */
static void draw_bar(char *ret, size_t size, int64_t current, int64_t total)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	char amounts[2][32];
	double values[2] = { (double)current, (double)total };
	int filled = total > 0 ? (int)(current * 100 / total) / 2 : 0;
	char bar[52] = "";

	for (int i = 0; i < 2; i++) {
		int u = 0;

		while (values[i] >= 1000 && u < 4) {
			values[i] /= 1000;
			u++;
		}
		snprintf(amounts[i], sizeof amounts[i], "%.4g%s", values[i], units[u]);
	}
	if (filled > 50)
		filled = 50;
	memset(bar, '=', (size_t)filled);
	snprintf(ret, size, "[%s>%*s] %8s/%s", bar, 50 - filled, "", amounts[0], amounts[1]);
}

static int report(void *arg, const struct copy_progress *c, struct err *e)
{
	struct pull *p = arg;
	CLEANUP_JSON struct json_object *line = json_object_new_object();
	struct json_object *detail = json_object_new_object();
	char bar[160];

	if (!line || !detail || !json_add_str(line, "status", c->status) || !json_add(line, "progressDetail", detail))
		return err_nomem(e);
	if (c->total > 0) {
		draw_bar(bar, sizeof bar, c->current, c->total);
		if (!json_add_int(detail, "current", c->current) || !json_add_int(detail, "total", c->total) || !json_add_str(line, "progress", bar))
			return err_nomem(e);
	}
	if (!json_add_str(line, "id", c->id))
		return err_nomem(e);
	return reply_stream_json(p->req, line) ? 0 : err_set(e, ERR_INVALID, "the client left during the pull");
}

static int keep(struct pull *p, struct err *e)
{
	struct store *s = p->req->store;
	CLEANUP_FREE char *name = reference_familiar_name(&p->reference);

	if (!name)
		return err_nomem(e);
	if (store_begin(s, e) < 0)
		return -1;
	if ((p->fresh && image_keep(s, p->req->tenant, &p->image, p->tag_name, p->digest_name, e) < 0) ||
	    image_event(s, p->req->tenant, "pull", p->shown, name, p->image.config, e) < 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, e);
}

static int transfer(struct pull *p, struct err *e)
{
	struct copy_listener listener = { report, p };
	BUF_CLEANUP struct buf text = BUF_INIT;

	buf_printf(&text, "Pulling from %s", p->reference.path);
	if (text.failed)
		return err_nomem(e);
	image_line(p->req, text.data, p->reference.digest ? p->reference.digest : p->reference.tag);
	if (p->fresh && image_copy(p->from, &p->image, p->to, NULL, &listener, e) < 0)
		return -1;
	buf_reset(&text);
	buf_printf(&text, "Digest: %s", p->image.index_digest);
	image_line(p->req, text.failed ? "" : text.data, NULL);
	if (keep(p, e) < 0)
		return -1;
	buf_reset(&text);
	buf_printf(&text, p->fresh ? "Status: Downloaded newer image for %s" : "Status: Image is up to date for %s", p->shown);
	image_line(p->req, text.failed ? "" : text.data, NULL);
	return 0;
}

int image_pull(struct request *req, struct err *e)
{
	__attribute__((cleanup(pull_free))) struct pull p = { .req = req, .auth = image_source_auth(req) };

	if (prepare(&p, request_query(req, "fromImage", ""), request_query(req, "tag", NULL), e) < 0 || reply_stream_begin(req, 200, "application/json") < 0)
		return -1;
	if (transfer(&p, e) < 0)
		image_line_error(req, e);
	return 0;
}

int image_pull_into(struct request *req, const char *name, struct json_object *auth, struct err *e)
{
	__attribute__((cleanup(pull_free))) struct pull p = { .req = req, .auth = json_object_get(auth) };

	return prepare(&p, name, NULL, e) < 0 || transfer(&p, e) < 0 ? -1 : 0;
}
