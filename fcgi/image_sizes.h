/* What a tenant's images take in the registry, layers that several share counted once. Bytes are those of blobs. */
#ifndef SOCKERLESS_IMAGE_SIZES_H
#define SOCKERLESS_IMAGE_SIZES_H

#include <json-c/json.h>
#include <stdint.h>

#include "fcgi/request.h"

struct image_sizes {
	struct json_object *images; /* image id -> {digest of a layer: bytes}; owned */
	struct json_object *users;  /* digest of a layer -> images that have it; owned */
	int64_t layers;             /* of all, each once */
};

int image_sizes_read(struct request *req, struct image_sizes *ret, struct err *e);
void image_sizes_free(struct image_sizes *s);
#define IMAGE_SIZES_CLEANUP __attribute__((cleanup(image_sizes_free)))

/* Of an image's layers, those that another image has, too. */
int64_t image_sizes_shared(const struct image_sizes *s, const char *id);

#endif
