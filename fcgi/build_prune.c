/*
 * POST /build/prune: drops the tenant's layers of earlier builds, all or none
 * (keep-storage: none, unless they are more bytes than that). While a build of
 * the tenant runs nothing is dropped, nor with a filter: there is one thing only.
 */
#include <stdlib.h>
#include <string.h>

#include "fcgi/build.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/json.h"

static int reply_pruned(struct request *req, int64_t bytes, struct err *e)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!o || !json_add(o, "CachesDeleted", NULL) || !json_add_int(o, "SpaceReclaimed", bytes))
		return err_nomem(e);
	return reply_json(req, 200, o);
}

int route_build_prune(struct request *req, struct err *e)
{
	__attribute__((cleanup(build_free))) struct build b = { .req = req, .lock = -1 };
	const char *keep = request_query(req, "keep-storage", "0");
	const char *filters = request_query(req, "filters", "");
	int64_t above = strtoll(keep, NULL, 10), bytes = 0;
	struct err none;

	/* Without a builder there is no cache; none of its parts is older than another that filters could tell apart. */
	if (build_possible(req, &none) < 0 || (*filters && strcmp(filters, "{}") != 0))
		return reply_pruned(req, 0, e);
	if (build_place(&b, e) < 0 || build_drop_cache(&b, above, &bytes, e) < 0)
		return -1;
	return reply_pruned(req, bytes, e);
}
