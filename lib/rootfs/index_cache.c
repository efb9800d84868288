#include "lib/rootfs/index_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/log.h"

static int name(const char *state_dir, const char *digest, struct buf *ret, struct err *e)
{
	if (!digest_valid(digest))
		return err_set(e, ERR_INVALID, "invalid digest");
	buf_printf(ret, "%s/index/%s", state_dir, digest + strlen("sha256:"));
	return ret->failed ? err_nomem(e) : 0;
}

int index_cache_put(const char *state_dir, const char *digest, const struct layer_index *i, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	BUF_CLEANUP struct buf dir = BUF_INIT;

	buf_printf(&dir, "%s/index", state_dir);
	if (dir.failed)
		return err_nomem(e);
	if (name(state_dir, digest, &path, e) < 0)
		return -1;
	if (mkdir(dir.data, 0700) < 0 && errno != EEXIST)
		return err_errno(e, errno, "%s", dir.data);
	return layer_index_save(i, path.data, e);
}

static int take(void *arg, const void *data, size_t len, struct err *e)
{
	return layer_indexer_write(arg, data, len, e);
}

static int make(struct registry *registry, const struct image_layer *layer, struct layer_index **ret, struct err *e)
{
	struct layer_indexer *b = NULL;

	if (layer_indexer_begin(&b, e) < 0)
		return -1;
	if (registry_get_blob(registry, layer->digest, layer->size, take, b, NULL, e) < 0) {
		layer_indexer_abort(b);
		return -1;
	}
	return layer_indexer_end(b, ret, e);
}

int index_cache_get(const char *state_dir, struct registry *registry, const struct image_layer *layer, struct layer_index **ret, struct err *e)
{
	BUF_CLEANUP struct buf path = BUF_INIT;
	struct err why;

	if (name(state_dir, layer->digest, &path, e) < 0)
		return -1;
	if (layer_index_load(path.data, ret, &why) == 0) {
		/* The reconciler deletes what isn't used: this one is. */
		if (utimensat(AT_FDCWD, path.data, NULL, 0) < 0)
			log_debug("%s keeps its time", path.data);
		return 0;
	}
	if (why.kind != ERR_NOT_FOUND)
		log_warn("%s; it is made again", why.text);
	if (make(registry, layer, ret, e) < 0)
		return err_prefix(e, "layer %.19s", layer->digest);
	if (index_cache_put(state_dir, layer->digest, *ret, &why) < 0)
		log_warn("the index of a layer isn't kept: %s", why.text);
	return 0;
}
