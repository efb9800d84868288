#include "fcgi/image_transfer.h"

#include <stdio.h>
#include <string.h>

#include "fcgi/progress.h"
#include "lib/buf.h"
#include "lib/registry/copy.h"
#include "lib/rootfs/index_cache.h"

static int report(void *arg, const struct copy_progress *p, struct err *e)
{
	return progress_line(arg, p->status, p->current, p->total, p->id, e);
}

static int known(void *arg, struct copy_known *k, struct err *e)
{
	struct request *req = arg;
	int rc = store_row(req->store, QUERY_PULLED_LAYER_GET, e, "tt", req->tenant, k->digest);

	if (rc > 0) {
		snprintf(k->stored, sizeof k->stored, "%s", store_text(req->store, QUERY_PULLED_LAYER_GET, 0));
		k->size = store_int(req->store, QUERY_PULLED_LAYER_GET, 1);
	}
	store_reset(req->store, QUERY_PULLED_LAYER_GET);
	return rc;
}

static int elsewhere(void *arg, const char *digest, char **ret_repository, struct err *e)
{
	struct request *req = arg;
	struct store *s = req->store;
	BUF_CLEANUP struct buf repository = BUF_INIT;
	int rc = store_row(s, QUERY_PULLED_LAYER_ELSEWHERE, e, "tt", req->tenant, digest);

	if (rc > 0)
		buf_printf(&repository, "%s/%s", req->settings->repository, store_text(s, QUERY_PULLED_LAYER_ELSEWHERE, 0));
	store_reset(s, QUERY_PULLED_LAYER_ELSEWHERE);
	if (rc > 0 && !(*ret_repository = buf_steal(&repository)))
		return err_nomem(e);
	return rc;
}

static int keep(void *arg, const struct copy_known *k, struct err *e)
{
	struct request *req = arg;

	return store_run(req->store, QUERY_PULLED_LAYER_ADD, e, "ttti", req->tenant, k->digest, k->stored, k->size) < 0 ? -1 : 0;
}

static int index_begin(void *arg, void **ret_layer, struct err *e)
{
	struct layer_indexer *b = NULL;

	(void)arg;
	if (layer_indexer_begin(&b, e) < 0)
		return -1;
	*ret_layer = b;
	return 0;
}

/* What can't be read isn't told here but at the end, when it is certain that its bytes are those that were meant. */
static int index_write(void *layer, const void *data, size_t len, struct err *e)
{
	struct err why;

	(void)e;
	layer_indexer_write(layer, data, len, &why);
	return 0;
}

/* An index that can't be kept is made again when it is needed; a layer that is no tar is refused as dockerd refuses it. */
static int index_end(void *arg, void *layer, const char *digest, struct err *e)
{
	struct request *req = arg;
	LAYER_INDEX_CLEANUP struct layer_index *i = NULL;
	struct err why = { 0 };

	if (!digest) {
		layer_indexer_abort(layer);
		return 0;
	}
	if (layer_indexer_end(layer, &i, e) < 0)
		return err_prefix(e, "failed to register layer");
	index_cache_put(req->settings->state_dir, digest, i, &why);
	return 0;
}

int image_transfer(struct request *req, struct registry *from, struct image *i, struct registry *to, struct err *e)
{
	BUF_CLEANUP struct buf turns = BUF_INIT;
	BUF_CLEANUP struct buf partials = BUF_INIT;
	struct copy_sink sink = { req, index_begin, index_write, index_end };
	struct copy_listener listener = {
		.arg = req, .report = report, .known = known, .elsewhere = elsewhere, .keep = keep, .owner = req->tenant,
	};

	buf_printf(&turns, "%s/pull.turns", req->settings->state_dir);
	buf_printf(&partials, "%s/partial", req->settings->state_dir);
	if (turns.failed || partials.failed)
		return err_nomem(e);
	listener.turns = turns.data;
	listener.partials = partials.data;
	listener.partials_max = (int64_t)req->settings->pull_keep << 20;
	return image_copy(from, i, to, NULL, &listener, &sink, e);
}
