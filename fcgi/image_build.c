/*
 * POST /build: the classic builder. 400 and 500 for what is wrong with the
 * parameters, the context or the Dockerfile's syntax; from the first step on
 * the reply is a stream of JSON lines, the last of which tells an error. 501
 * with the reason where building isn't possible, and for BuildKit.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/build.h"
#include "fcgi/image_create.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"
#include "lib/docker/reference.h"
#include "lib/json.h"
#include "lib/log.h"

void build_free(struct build *b)
{
	build_clear(b);
	if (b->lock >= 0)
		close(b->lock);
	dockerfile_free(&b->file);
	json_object_put(b->args);
	json_object_put(b->labels);
	json_object_put(b->auths);
	json_object_put(b->images);
	json_object_put(b->ours);
	json_object_put(b->layers);
	free(b->text);
	free(b->dir);
	free(b->storage);
	free(b->unused_args);
	free(b->config_text);
}

bool build_say(struct build *b, const char *fmt, ...)
{
	CLEANUP_JSON struct json_object *line = json_object_new_object();
	CLEANUP_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (b->quiet || !line || !text || !json_add(line, "stream", json_string(text)))
		return !request_client_left(b->req);
	return reply_stream_json(b->req, line);
}

void build_say_step(struct build *b, size_t n, const char *text)
{
	bool labels = b->labels && json_object_object_length(b->labels) > 0;

	build_say(b, "Step %zu/%zu : %s", n, b->file.count + labels, text);
	build_say(b, "\n");
}

static void say_id(struct build *b, const char *id)
{
	CLEANUP_JSON struct json_object *line = json_object_new_object();
	struct json_object *aux = json_object_new_object();

	if (line && aux && json_add_str(aux, "ID", id) && json_add(line, "aux", aux))
		reply_stream_json(b->req, line);
}

static void say_end(struct build *b, const char *id)
{
	const char *name;
	size_t position = 0;

	if (b->quiet) {
		b->quiet = false;
		build_say(b, "%s\n", id);
		return;
	}
	say_id(b, id);
	if (b->unused_args)
		build_say(b, "[Warning] One or more build-args %s were not consumed\n", b->unused_args);
	build_say(b, "Successfully built %.12s\n", id + 7);
	while ((name = request_query_next(b->req, "t", &position))) {
		REFERENCE_CLEANUP struct reference r = { 0 };
		CLEANUP_FREE char *shown = NULL;
		struct err e;

		if (*name && reference_parse(name, &r, &e) == 0 && reference_default_tag(&r, &e) == 0 && (shown = reference_familiar(&r)))
			build_say(b, "Successfully tagged %s\n", shown);
	}
}

static int steps(struct build *b, struct err *e)
{
	build_say_ignored(b);
	if (build_bases(b, e) < 0 || build_run(b, e) < 0)
		return -1;
	/* dockerd told its error line already */
	if (!*b->image)
		return 0;
	if (build_result(b, e) < 0)
		return -1;
	say_end(b, b->result);
	return 0;
}

/* A cache that has grown too large goes as a whole; builds of this tenant that run keep it. */
static void bound_cache(struct build *b)
{
	struct err e = { 0 };
	int64_t bytes;

	if (build_drop_cache(b, (int64_t)b->req->settings->build_cache, &bytes, &e) < 0)
		log_warn("dropping a build cache: %s", e.text);
}

int route_image_build(struct request *req, struct err *e)
{
	__attribute__((cleanup(build_free))) struct build b = { .req = req, .lock = -1 };

	if (strcmp(request_query(req, "version", "1"), "2") == 0)
		return err_set(e, ERR_NOT_SUPPORTED, "BuildKit is not supported: set DOCKER_BUILDKIT=0, which makes the client use the classic builder");
	if (build_possible(req, e) < 0 || build_options(&b, e) < 0 || build_place(&b, e) < 0 || build_mark_used(&b, e) < 0 || build_context(&b, e) < 0)
		return -1;
	if (reply_stream_begin(req, 200, "application/json") < 0)
		return -1;
	if (steps(&b, e) < 0)
		image_line_error(req, e);
	bound_cache(&b);
	return 0;
}
