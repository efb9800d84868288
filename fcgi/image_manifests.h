/* `Manifests` of an image in the list: the one that it has. */
#ifndef SOCKERLESS_IMAGE_MANIFESTS_H
#define SOCKERLESS_IMAGE_MANIFESTS_H

#include <json-c/json.h>

#include "fcgi/request.h"

struct image_manifest {
	const char *image_id, *digest, *media_type; /* borrowed */
	int64_t size;                               /* of the manifest itself; 0: it isn't known, nor the type */
	int64_t content;                            /* of the layers, as they are in the registry */
	struct json_object *config;                 /* borrowed */
};

/* An array owned by the caller. */
int image_manifests(struct request *req, const struct image_manifest *m, struct json_object **ret, struct err *e);

#endif
