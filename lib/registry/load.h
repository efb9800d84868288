/*
 * Takes the images out of an archive as `docker save`, skopeo (docker-archive:,
 * oci-archive:) and others write it, while it comes. Layers go into our
 * registry as they pass, whatever order the members have; only the small JSON
 * documents are kept until the end, when they tell what the layers belong to.
 * Blocking; bounded memory.
 */
#ifndef SOCKERLESS_REGISTRY_LOAD_H
#define SOCKERLESS_REGISTRY_LOAD_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/registry/client.h"
#include "lib/registry/image.h"

struct load_source {
	/* The archive, plain or packed by gzip, bzip2, xz or zstd: bytes read, 0 at the end, -1 with e set. */
	ssize_t (*read)(void *arg, void *data, size_t cap, struct err *e);
	void *arg;
	const char *architecture; /* amd64, arm64 */
};

struct load;

/* Reads it to its end. ERR_INVALID: no such archive. */
int load_read(struct registry *to, const struct load_source *from, struct load **ret, struct err *e);
void load_free(struct load *l); /* NULL is fine */

size_t load_count(const struct load *l);
/* Image n (image_free), whose layers are in the registry: config and manifest are not yet (image_push). *ret_names: its names as the archive gives them; borrowed. */
int load_image(const struct load *l, size_t n, struct image *ret, struct json_object **ret_names, struct err *e);

#endif
