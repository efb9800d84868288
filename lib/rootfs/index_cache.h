/*
 * Indexes of layers on disk: <state directory>/index/<64 hex>. What is missing
 * or damaged is made again from the registry. The name is the digest of the
 * blob in our registry, which is verified as it passes: a diff id is only what
 * a config says, and one tenant's config could spoil another's layer by it.
 */
#ifndef SOCKERLESS_ROOTFS_INDEX_CACHE_H
#define SOCKERLESS_ROOTFS_INDEX_CACHE_H

#include "lib/err.h"
#include "lib/registry/client.h"
#include "lib/registry/image.h"
#include "lib/rootfs/layer_index.h"

/* Blocks for as long as the blob takes when there is none. A disk that can't keep it is no error. */
int index_cache_get(const char *state_dir, struct registry *registry, const struct image_layer *layer, struct layer_index **ret, struct err *e);
/* Keeps one that was made while the layer with that (verified) digest passed. */
int index_cache_put(const char *state_dir, const char *digest, const struct layer_index *i, struct err *e);

#endif
