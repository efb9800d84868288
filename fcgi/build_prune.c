/*
 * POST /build/prune: drops the tenant's layers of earlier builds, all or none
 * (keep-storage: none, unless they are more bytes than that; until: none, if
 * a build used them since). While a build of the tenant runs nothing is dropped,
 * nor with a filter for parts of the cache: it has none that have names here.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fcgi/build.h"
#include "fcgi/prune.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/json.h"

static int reply_pruned(struct request *req, int64_t bytes, struct err *e)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (prune_event_commit(req, "builder", bytes, e) < 0)
		return -1;
	if (!o || !json_add(o, "CachesDeleted", NULL) || !json_add_int(o, "SpaceReclaimed", bytes))
		return err_nomem(e);
	return reply_json(req, 200, o);
}

/* 1: `until` is after the last build, or isn't asked for. */
static int is_old(const struct build *b, int64_t until, struct err *e)
{
	struct stat st;

	if (fstat(b->lock, &st) < 0)
		return err_errno(e, errno, "looking at the build cache");
	return !until || (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec < until;
}

int route_build_prune(struct request *req, struct err *e)
{
	static const char *const accepted[] = { "until", "id", "parent", "type", "description", "inuse", "shared", "private", NULL };
	__attribute__((cleanup(build_free))) struct build b = { .req = req, .lock = -1 };
	PRUNE_CLEANUP struct prune p = { .filters = NULL };
	int64_t above = strtoll(request_query(req, "keep-storage", "0"), NULL, 10), bytes = 0;
	struct err none;
	int old;

	if (prune_read(req, accepted, &p, e) < 0)
		return -1;
	/* Without a builder there is no cache. */
	if (build_possible(req, &none) < 0 || (p.filters && json_object_object_length(p.filters) > (p.until ? 1 : 0)))
		return reply_pruned(req, 0, e);
	if (build_place(&b, e) < 0 || (old = is_old(&b, p.until, e)) < 0 || (old && build_drop_cache(&b, above, &bytes, e) < 0))
		return -1;
	return reply_pruned(req, bytes, e);
}
