#include "lib/registry/copy.h"

#include <string.h>
#include <time.h>

#define REPORT_INTERVAL 100 /* ms between two reports of the same layer */

struct layer_copy {
	const struct copy_listener *listener;
	struct registry_upload *upload;
	char id[13];
	int64_t last; /* ms */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int report(const struct layer_copy *c, const char *status, int64_t current, int64_t total, struct err *e)
{
	struct copy_progress p = { c->id, status, current, total };

	if (!c->listener || !c->listener->report)
		return 0;
	return c->listener->report(c->listener->arg, &p, e);
}

static int take(void *arg, const void *data, size_t len, struct err *e)
{
	struct layer_copy *c = arg;

	return registry_upload_write(c->upload, data, len, e);
}

static int progressed(void *arg, int64_t done, int64_t total, struct err *e)
{
	struct layer_copy *c = arg;
	int64_t now = now_ms();

	if (done != total && now - c->last < REPORT_INTERVAL)
		return 0;
	c->last = now;
	return report(c, "Downloading", done, total, e);
}

static void set_id(struct layer_copy *c, const struct image_layer *layer)
{
	snprintf(c->id, sizeof c->id, "%.12s", layer->digest + strlen("sha256:"));
}

static int stream_layer(struct registry *from, const struct image_layer *layer, struct registry *to, struct layer_copy *c, struct err *e)
{
	struct registry_progress p = { progressed, c };

	if (registry_upload_begin(to, &c->upload, e) < 0)
		return -1;
	if (registry_get_blob(from, layer->digest, layer->size, take, c, &p, e) < 0) {
		registry_upload_abort(c->upload);
		return -1;
	}
	return registry_upload_commit(c->upload, layer->digest, NULL, NULL, e);
}

/* A layer that stands twice in an image moves once. */
static bool is_repeated(const struct image *i, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (!strcmp(i->layers[k].digest, i->layers[n].digest))
			return true;
	return false;
}

static int copy_layer(struct registry *from, const struct image_layer *layer, struct registry *to, struct layer_copy *c, struct err *e)
{
	bool mounted = !strcmp(registry_host(from), registry_host(to)) &&
		       registry_mount_blob(to, layer->digest, registry_repository(from), NULL) == 1;

	if (!mounted && (stream_layer(from, layer, to, c, e) < 0 || report(c, "Download complete", 0, 0, e) < 0))
		return -1;
	return report(c, "Pull complete", 0, 0, e);
}

int image_copy(struct registry *from, const struct image *i, struct registry *to, const char *tag, const struct copy_listener *l, struct err *e)
{
	bool wanted[IMAGE_LAYERS_MAX] = { false };

	/* First what there is to do, so that the user sees all of it. */
	for (size_t n = 0; n < i->n_layers; n++) {
		struct layer_copy c = { .listener = l };
		int there = is_repeated(i, n) ? 1 : registry_blob_exists(to, i->layers[n].digest, NULL, e);

		set_id(&c, &i->layers[n]);
		if (there < 0 || report(&c, there ? "Already exists" : "Pulling fs layer", 0, 0, e) < 0)
			return -1;
		wanted[n] = !there;
	}
	for (size_t n = 0; n < i->n_layers; n++) {
		struct layer_copy c = { .listener = l };

		set_id(&c, &i->layers[n]);
		if (wanted[n] && copy_layer(from, &i->layers[n], to, &c, e) < 0)
			return -1;
	}
	return image_push(to, i, tag, e);
}
