/*
 * Makes a layer while its tar comes: gzip (deterministic), digests of both
 * forms, upload. Bounded memory.
 */
#ifndef SOCKERLESS_REGISTRY_LAYER_H
#define SOCKERLESS_REGISTRY_LAYER_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/registry/client.h"
#include "lib/registry/image.h"

struct layer_writer;

/* `limit`: most bytes of tar taken; 0: REGISTRY_BLOB_MAX. */
int layer_begin(struct registry *to, int64_t limit, struct layer_writer **ret, struct err *e);
int layer_write(struct layer_writer *w, const void *tar, size_t len, struct err *e);
/* Ends and frees it, whatever the result. */
int layer_commit(struct layer_writer *w, struct image_layer *ret, struct err *e);
void layer_abort(struct layer_writer *w); /* NULL is fine */

#endif
