/* DELETE /networks/{id}: 204; 403 for a predefined network and for one with running containers. */
#include "fcgi/network.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"

static int remove_it(struct request *req, const struct network *n, struct err *e)
{
	int members;

	if (n->predefined)
		return err_set(e, ERR_FORBIDDEN, "%s is a pre-defined network and cannot be removed", n->name);
	members = network_count(req, n, true, e);
	if (members < 0)
		return -1;
	if (members > 0)
		return err_set(e, ERR_FORBIDDEN, "error while removing network: network %s id %s has active endpoints", n->name, n->id);
	if (store_run(req->store, QUERY_NETWORK_DELETE, e, "tt", req->tenant, n->id) < 0)
		return -1;
	return network_event(req, n, "destroy", NULL, e);
}

int route_network_remove(struct request *req, struct err *e)
{
	NETWORK_CLEANUP struct network n = { .name = NULL };

	if (store_begin(req->store, e) < 0)
		return -1;
	if (network_find(req, req->name, &n, e) < 0 || remove_it(req, &n, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	return store_commit(req->store, e) < 0 ? -1 : reply_empty(req, 204);
}
