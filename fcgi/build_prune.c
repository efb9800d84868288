/* POST /build/prune: there is no build cache, so that nothing is removed. */
#include "fcgi/reply.h"
#include "fcgi/route.h"

int route_build_prune(struct request *req, struct err *e)
{
	(void)e;
	return reply_raw(req, 200, "application/json", "{\"CachesDeleted\":null,\"SpaceReclaimed\":0}\n");
}
