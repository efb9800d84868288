/* Makes an image of one layer from a tar stream, as `docker import` does. Blocking; bounded memory. */
#ifndef SOCKERLESS_REGISTRY_IMPORT_H
#define SOCKERLESS_REGISTRY_IMPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "lib/err.h"
#include "lib/registry/client.h"
#include "lib/registry/image.h"

struct image_import {
	/* The tar, plain or packed by gzip, bzip2, xz or zstd: bytes read, 0 at the end, -1 with e set. */
	ssize_t (*read)(void *arg, void *data, size_t cap, struct err *e);
	void *arg;
	const char *const *changes; /* Dockerfile instructions of ?changes=; NULL-terminated; NULL: none */
	const char *message;        /* history comment; NULL or "": "Imported from -" */
	const char *architecture;   /* amd64, arm64 */
	time_t created;
	int64_t limit;              /* most bytes of unpacked tar; 0: REGISTRY_BLOB_MAX */
};

/* Pushes layer, config and manifest to `to` (and `tag` unless NULL) and fills *ret (image_free). ERR_INVALID: a bad instruction, or no tar. */
int image_import(struct registry *to, const struct image_import *in, const char *tag, struct image *ret, struct err *e);

/* Only the layer: checks and uploads the tar of in->read. Of *in, read, arg and limit count. */
int image_import_layer(struct registry *to, const struct image_import *in, struct image_layer *ret, struct err *e);

/*
 * Applies one instruction (CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME,
 * WORKDIR, HEALTHCHECK NONE) to a config's "config" object, as import and commit take them.
 */
int image_change(struct json_object *container_config, const char *instruction, struct err *e);

#endif
