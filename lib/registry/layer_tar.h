/* A layer whose members we make ourselves, one after another. Deterministic: of root, of the epoch's time. */
#ifndef SOCKERLESS_REGISTRY_LAYER_TAR_H
#define SOCKERLESS_REGISTRY_LAYER_TAR_H

#include <archive.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/registry/layer.h"

struct layer_tar {
	struct layer_writer *layer;
	struct archive *out; /* for members made elsewhere (rootfs_write) */
	struct err why;      /* what the layer failed with, which libarchive can't carry; nothing more goes into it then */
};

int layer_tar_begin(struct registry *to, struct layer_tar *ret, struct err *e);
int layer_tar_dir(struct layer_tar *t, const char *path, struct err *e);
int layer_tar_link(struct layer_tar *t, const char *path, const char *target, struct err *e);
/* A file of `size` bytes; layer_tar_data() brings them. */
int layer_tar_file(struct layer_tar *t, const char *path, int64_t size, uint16_t mode, struct err *e);
int layer_tar_data(void *layer_tar, const void *data, size_t len, struct err *e);
/* Ends it, whatever the result: `rc` negative gives the layer up and is returned. */
int layer_tar_end(struct layer_tar *t, int rc, struct image_layer *ret, struct err *e);

#endif
