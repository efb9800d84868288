/*
 * What of our registry nobody needs any more: derived images of which no
 * container is and long none was made, then the manifests that the store's
 * garbage names. Deleting a manifest frees its tags and, by the registry's own
 * collection (ECR: at once), the blobs that no other manifest names.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/sweep.h"
#include "lib/aws/ecr.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/registry/digest.h"

#define SECOND INT64_C(1000000000)
#define BATCH 50

struct garbage {
	char tenant[65];
	char digest[DIGEST_SIZE];
};

static int64_t before(uint64_t seconds)
{
	int64_t now = time_now();

	return seconds >= (uint64_t)(now / SECOND) ? 0 : now - (int64_t)seconds * SECOND;
}

/* Derived images out of use become garbage in the same transaction that forgets them: a create that comes later makes its own. */
static int forget_derived(struct sweep *s, struct err *e)
{
	int64_t at = before(s->settings->derived_keep);
	int n;

	if (store_begin(s->store, e) < 0)
		return -1;
	if (store_run(s->store, QUERY_SWEEP_DERIVED_GARBAGE, e, "ii", time_now(), at) < 0 ||
	    (n = store_run(s->store, QUERY_SWEEP_DERIVED, e, "i", at)) < 0) {
		store_rollback(s->store);
		return -1;
	}
	return store_commit(s->store, e) < 0 ? -1 : n;
}

/* Takes the first of what is old enough and free of use out of the store. Returns how many. */
static int take_batch(struct sweep *s, struct garbage batch[BATCH], struct err *e)
{
	int n = 0, rc;

	if (store_query(s->store, QUERY_SWEEP_GARBAGE, e, "i", before(s->settings->registry_keep)) < 0)
		return -1;
	while (n < BATCH && (rc = store_step(s->store, QUERY_SWEEP_GARBAGE, e)) > 0) {
		snprintf(batch[n].tenant, sizeof batch[n].tenant, "%s", store_text(s->store, QUERY_SWEEP_GARBAGE, 0));
		snprintf(batch[n].digest, sizeof batch[n].digest, "%s", store_text(s->store, QUERY_SWEEP_GARBAGE, 1));
		n++;
	}
	store_reset(s->store, QUERY_SWEEP_GARBAGE);
	return n < BATCH && rc < 0 ? -1 : n;
}

static int delete_one(struct sweep *s, const struct garbage *g, struct err *e)
{
	BUF_CLEANUP struct buf repository = BUF_INIT;
	int used;

	/* An image that came back meanwhile is no garbage. */
	used = store_row(s->store, QUERY_SWEEP_MANIFEST_USED, e, "tt", g->tenant, g->digest);
	store_reset(s->store, QUERY_SWEEP_MANIFEST_USED);
	if (used < 0)
		return -1;
	buf_printf(&repository, "%s/%s", s->settings->repository, g->tenant);
	if (repository.failed)
		return err_nomem(e);
	if (!used && ecr_delete_image(s->aws, repository.data, g->digest, e) < 0)
		return err_prefix(e, "ECR BatchDeleteImage %s", g->digest);
	if (store_run(s->store, QUERY_SWEEP_GARBAGE_DELETE, e, "tt", g->tenant, g->digest) < 0)
		return -1;
	if (!used)
		log_info("manifest %s of %s is deleted from the registry", g->digest, repository.data);
	return 0;
}

int sweep_registry(struct sweep *s, struct err *e)
{
	struct garbage batch[BATCH];
	int deleted = 0, n;

	if (forget_derived(s, e) < 0)
		return -1;
	while ((n = take_batch(s, batch, e)) > 0) {
		for (int i = 0; i < n; i++, deleted++)
			if (delete_one(s, &batch[i], e) < 0)
				return -1;
	}
	return n < 0 ? -1 : deleted;
}
