#include "lib/registry/layer.h"

#include <inttypes.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

/*
 * The same tar is to give the same blob. ISA-L's output changes with the pieces that it is given and asked for: they
 * are of these sizes. It changes with the instructions that a processor has, too: on another kind of processor the
 * blob is another one of the same content.
 */
#define IN_SIZE (256 << 10)
#define OUT_SIZE 65536
#define LEVEL 3 /* as small as zlib's 1, in a quarter of the time */

struct layer_writer {
	struct registry_upload *upload;
	EVP_MD_CTX *diff_hash;
	struct isal_zstream z;
	int64_t taken;
	int64_t limit;
	size_t in_len;
	unsigned char in[IN_SIZE];
	unsigned char out[OUT_SIZE];
	unsigned char tables[ISAL_DEF_LVL3_DEFAULT];
};

void layer_abort(struct layer_writer *w)
{
	if (!w)
		return;
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
	isal_deflate_init(&w->z);
	w->z.gzip_flag = IGZIP_GZIP; /* with a header that holds no time and no name */
	w->z.level = LEVEL;
	w->z.level_buf = w->tables;
	w->z.level_buf_size = sizeof w->tables;
	w->diff_hash = digest_begin(e);
	if (!w->diff_hash || registry_upload_begin(to, &w->upload, e) < 0)
		return -1;
	*ret = STEAL(w);
	return 0;
}

/* What was gathered; `last`: nothing follows. */
static int pump(struct layer_writer *w, bool last, struct err *e)
{
	w->z.next_in = w->in;
	w->z.avail_in = (uint32_t)w->in_len;
	w->z.end_of_stream = last;
	do {
		w->z.next_out = w->out;
		w->z.avail_out = OUT_SIZE;
		if (isal_deflate(&w->z) != COMP_OK)
			return err_set(e, ERR_INTERNAL, "packing a layer failed");
		if (registry_upload_write(w->upload, w->out, OUT_SIZE - w->z.avail_out, e) < 0)
			return -1;
	} while (w->z.avail_out == 0 || (last && w->z.internal_state.state != ZSTATE_END));
	w->in_len = 0;
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
		size_t n = len < IN_SIZE - w->in_len ? len : IN_SIZE - w->in_len;

		memcpy(w->in + w->in_len, tar, n);
		w->in_len += n;
		if (w->in_len == IN_SIZE && pump(w, false, e) < 0)
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

	if (pump(owned, true, e) < 0)
		return -1;
	layer.unpacked = owned->taken;
	hash = STEAL(owned->diff_hash);
	if (digest_end(hash, layer.diff_id, e) < 0 ||
	    registry_upload_commit(STEAL(owned->upload), NULL, layer.digest, &layer.size, e) < 0)
		return -1;
	*ret = layer;
	return 0;
}
