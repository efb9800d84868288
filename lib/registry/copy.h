/* Copies an image between registries. Blocking; memory bounded by REGISTRY_CHUNK. */
#ifndef SOCKERLESS_REGISTRY_COPY_H
#define SOCKERLESS_REGISTRY_COPY_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/registry/client.h"
#include "lib/registry/image.h"

struct copy_progress {
	const char *id;     /* first 12 digits of the layer's digest */
	const char *status; /* "Pulling fs layer", "Already exists", "Downloading", "Download complete", "Pull complete" */
	int64_t current;    /* bytes; 0 with total 0: none to show */
	int64_t total;
};

/* Called as the copy goes on; a negative result, with e set, ends it. */
struct copy_listener {
	int (*report)(void *arg, const struct copy_progress *p, struct err *e);
	void *arg;
};

/*
 * Copies layers, config and manifest of what image_fetch() read. Blobs that
 * are there are left alone. The manifest is kept byte for byte, so its digest
 * is the same. At most IMAGE_LAYERS_MAX layers (image_fetch() gives no more). `tag`
 * may be NULL (the image is then named by digest alone), so may `l`.
 */
int image_copy(struct registry *from, const struct image *i, struct registry *to, const char *tag, const struct copy_listener *l, struct err *e);

#endif
