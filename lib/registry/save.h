/*
 * Writes images of our registry as one archive that is docker's and OCI's at
 * once, as Docker writes it since 25: blobs/sha256/, index.json, manifest.json,
 * oci-layout, repositories. Layers are unpacked and named by their diff ids.
 * Blocking; bounded memory.
 *
 * A tar tells each member's size before its bytes. The size of an unpacked
 * layer is known from the store for what passed unpacked when it came; any
 * other layer is read twice, once to count. That costs time once, where a
 * temporary file would cost the disk the size of the layer.
 */
#ifndef SOCKERLESS_REGISTRY_SAVE_H
#define SOCKERLESS_REGISTRY_SAVE_H

#include <json-c/json.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/registry/client.h"
#include "lib/registry/image.h"

struct save_image {
	struct image image;        /* as image_fetch() gives it, every layer's `unpacked` known (save_measure); owned */
	struct json_object *names; /* normalised references, "docker.io/library/busybox:latest"; owned */
};

struct save_target {
	int (*write)(void *arg, const void *data, size_t len, struct err *e);
	void *arg;
};

/* Bytes of a layer's tar: reads the blob. */
int save_measure(struct registry *from, const struct image_layer *layer, int64_t *ret, struct err *e);
/* The whole archive. What says what is in it comes last, so that one that breaks off is none. */
int save_images(struct registry *from, const struct save_image *images, size_t n, const struct save_target *to, struct err *e);

#endif
