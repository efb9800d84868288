#include "lib/registry/push.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define REPORT_INTERVAL 100 /* ms between two reports of the same layer */
#define AT_ONCE 5           /* so many of dockerd's layers are under way; the others are shown as waiting */

struct layer_push {
	const struct push *push;
	const struct image_layer *layer;
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

static int report(const struct layer_push *l, const char *status, int64_t current, int64_t total, struct err *e)
{
	struct push_progress p = { l->id, status, current, total };

	return l->push->listener.report(l->push->listener.arg, &p, e);
}

static int take(void *arg, const void *data, size_t len, struct err *e)
{
	struct layer_push *l = arg;

	return registry_upload_write(l->upload, data, len, e);
}

static int progressed(void *arg, int64_t done, int64_t total, struct err *e)
{
	struct layer_push *l = arg;
	int64_t now = now_ms();

	if (done != total && now - l->last < REPORT_INTERVAL)
		return 0;
	l->last = now;
	return report(l, "Pushing", done, total, e);
}

static int stream(struct layer_push *l, struct err *e)
{
	struct registry_progress progress = { .report = progressed, .arg = l };

	if (registry_upload_begin(l->push->to, &l->upload, e) < 0)
		return -1;
	if (registry_get_blob(l->push->from, l->layer->digest, l->layer->size, take, l, &progress, e) < 0) {
		registry_upload_abort(l->upload);
		return -1;
	}
	if (registry_upload_commit(l->upload, l->layer->digest, NULL, NULL, e) < 0)
		return -1;
	return report(l, "Pushed", 0, 0, e);
}

/* 1: it came from another repository. A registry that doesn't mount is no error. */
static int mount_layer(struct layer_push *l, struct err *e)
{
	char status[300];

	for (size_t i = 0; l->push->mounts && l->push->mounts[i]; i++) {
		if (registry_mount_blob(l->push->to, l->layer->digest, l->push->mounts[i], NULL) != 1)
			continue;
		snprintf(status, sizeof status, "Mounted from %s", l->push->mounts[i]);
		return report(l, status, 0, 0, e) < 0 ? -1 : 1;
	}
	return 0;
}

static int push_layer(struct layer_push *l, struct err *e)
{
	int rc = registry_blob_exists(l->push->to, l->layer->digest, NULL, e);

	if (rc > 0)
		return report(l, "Layer already exists", 0, 0, e);
	if (rc == 0)
		rc = mount_layer(l, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return stream(l, e);
}

/* A layer that stands twice in an image moves once. */
static bool is_repeated(const struct image *i, size_t n)
{
	for (size_t k = n + 1; k < i->n_layers; k++)
		if (!strcmp(i->layers[k].digest, i->layers[n].digest))
			return true;
	return false;
}

static struct layer_push layer_at(const struct push *p, size_t n)
{
	struct layer_push l = { .push = p, .layer = &p->image->layers[n] };

	snprintf(l.id, sizeof l.id, "%.12s", l.layer->diff_id + strlen("sha256:"));
	return l;
}

int push_image(const struct push *p, struct err *e)
{
	const struct image *i = p->image;
	size_t shown = 0;

	for (size_t n = i->n_layers; n-- > 0;) {
		struct layer_push l = layer_at(p, n);

		if (report(&l, "Preparing", 0, 0, e) < 0)
			return -1;
	}
	for (size_t n = i->n_layers; n-- > 0;) {
		struct layer_push l = layer_at(p, n);

		if (shown++ >= AT_ONCE && report(&l, "Waiting", 0, 0, e) < 0)
			return -1;
	}
	for (size_t n = i->n_layers; n-- > 0;) {
		struct layer_push l = layer_at(p, n);

		if (!is_repeated(i, n) && push_layer(&l, e) < 0)
			return -1;
	}
	return image_push(p->to, i, p->tag, e);
}
