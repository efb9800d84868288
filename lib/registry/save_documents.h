/* The JSON documents of a saved archive. Internal to save.c; pure. All return new objects, NULL without memory. */
#ifndef SOCKERLESS_REGISTRY_SAVE_DOCUMENTS_H
#define SOCKERLESS_REGISTRY_SAVE_DOCUMENTS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/registry/save.h"

#define SAVE_NAME_SIZE (DIGEST_SIZE + 16)

/* "blobs/sha256/<hex>" */
void save_blob_name(const char *digest, char ret[SAVE_NAME_SIZE]);

/* OCI's manifest of the unpacked layers. */
struct json_object *save_manifest(const struct image *i);
/* index.json, and a descriptor in it for each name of an image, one without a name if it has none. */
struct json_object *save_index(void);
bool save_index_add(struct json_object *index, const struct save_image *i, const char *manifest_digest, size_t manifest_size);
/* manifest.json */
struct json_object *save_docker_manifest(const struct save_image *images, size_t n);
/* repositories: name -> tag -> the uppermost layer */
struct json_object *save_repositories(const struct save_image *images, size_t n);

#endif
