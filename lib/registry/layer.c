#include "lib/registry/layer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/cleanup.h"

#define OUT_SIZE 65536
#define GZIP_WINDOW (15 + 16) /* zlib's way to ask for a gzip header; it holds no time and no name */
#define LEVEL 4               /* half the time of 6 for 3% more bytes; fixed, so that the same tar gives the same blob */

struct layer_writer {
	struct registry_upload *upload;
	EVP_MD_CTX *diff_hash;
	z_stream z;
	bool z_open;
	int64_t taken;
	int64_t limit;
	unsigned char out[OUT_SIZE];
};

void layer_abort(struct layer_writer *w)
{
	if (!w)
		return;
	if (w->z_open)
		deflateEnd(&w->z);
	registry_upload_abort(w->upload);
	digest_drop(w->diff_hash);
	free(w);
}

static inline void cleanup_writer(struct layer_writer **w)
{
	layer_abort(*w);
}
#define WRITER_CLEANUP __attribute__((cleanup(cleanup_writer)))

int layer_begin(struct registry *to, int64_t limit, struct layer_writer **ret, struct err *e)
{
	WRITER_CLEANUP struct layer_writer *w = calloc(1, sizeof *w);

	if (!w)
		return err_nomem(e);
	w->limit = limit > 0 ? limit : REGISTRY_BLOB_MAX;
	w->z_open = deflateInit2(&w->z, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK;
	if (!w->z_open)
		return err_nomem(e);
	w->diff_hash = digest_begin(e);
	if (!w->diff_hash || registry_upload_begin(to, &w->upload, e) < 0)
		return -1;
	*ret = STEAL(w);
	return 0;
}

static int pump(struct layer_writer *w, int flush, struct err *e)
{
	int rc;

	do {
		w->z.next_out = w->out;
		w->z.avail_out = OUT_SIZE;
		rc = deflate(&w->z, flush);
		if (rc == Z_STREAM_ERROR)
			return err_set(e, ERR_INTERNAL, "deflate failed");
		if (registry_upload_write(w->upload, w->out, OUT_SIZE - w->z.avail_out, e) < 0)
			return -1;
	} while (w->z.avail_out == 0 || (flush == Z_FINISH && rc != Z_STREAM_END));
	return 0;
}

int layer_write(struct layer_writer *w, const void *tar, size_t len, struct err *e)
{
	w->taken += (int64_t)len;
	if (w->taken > w->limit)
		return err_set(e, ERR_TOO_LARGE, "the layer is larger than %" PRId64 " bytes", w->limit);
	if (digest_update(w->diff_hash, tar, len, e) < 0)
		return -1;
	while (len) {
		uInt n = len > 1u << 30 ? 1u << 30 : (uInt)len;

		w->z.next_in = (unsigned char *)(uintptr_t)tar;
		w->z.avail_in = n;
		if (pump(w, Z_NO_FLUSH, e) < 0)
			return -1;
		tar = (const char *)tar + n;
		len -= n;
	}
	return 0;
}

int layer_commit(struct layer_writer *w, struct image_layer *ret, struct err *e)
{
	WRITER_CLEANUP struct layer_writer *owned = w;
	struct image_layer layer = { .media_type = MEDIA_LAYER_DOCKER };
	EVP_MD_CTX *hash;

	if (pump(owned, Z_FINISH, e) < 0)
		return -1;
	layer.unpacked = owned->taken;
	hash = STEAL(owned->diff_hash);
	if (digest_end(hash, layer.diff_id, e) < 0 ||
	    registry_upload_commit(STEAL(owned->upload), NULL, layer.digest, &layer.size, e) < 0)
		return -1;
	*ret = layer;
	return 0;
}
