/* POST /networks/prune: removes the client's networks that no container is on, running or not. Filters: label, until. */
#include <string.h>

#include "fcgi/network.h"
#include "fcgi/prune.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/json.h"

static int judge(struct request *req, const struct network *n, const struct prune *p, struct json_object *doomed, struct err *e)
{
	struct json_object *name;
	int members;

	if (n->predefined)
		return 0;
	members = network_count(req, n, false, e);
	if (members < 0)
		return -1;
	if (members > 0 || !prune_wants(p, n->labels, n->created_at))
		return 0;
	name = json_object_new_string(n->name);
	return !name || json_object_array_add(doomed, name) < 0 ? err_nomem(e) : 0;
}

static int collect(struct request *req, const struct prune *p, struct json_object *doomed, struct err *e)
{
	int rc;

	if (store_query(req->store, QUERY_NETWORK_LIST, e, "t", req->tenant) < 0)
		return -1;
	while ((rc = store_step(req->store, QUERY_NETWORK_LIST, e)) == 1) {
		NETWORK_CLEANUP struct network n = { .name = NULL };

		if (network_take(req->store, QUERY_NETWORK_LIST, &n, e) < 0 || judge(req, &n, p, doomed, e) < 0) {
			rc = -1;
			break;
		}
	}
	store_reset(req->store, QUERY_NETWORK_LIST);
	return rc;
}

static int destroy(struct request *req, struct json_object *doomed, struct err *e)
{
	for (size_t i = 0; i < json_object_array_length(doomed); i++) {
		NETWORK_CLEANUP struct network n = { .name = NULL };

		if (network_find(req, json_object_get_string(json_object_array_get_idx(doomed, i)), &n, e) < 0 ||
		    store_run(req->store, QUERY_NETWORK_DELETE, e, "tt", req->tenant, n.id) < 0 ||
		    network_event(req, &n, "destroy", NULL, e) < 0)
			return -1;
	}
	return 0;
}

int route_network_prune(struct request *req, struct err *e)
{
	static const char *const accepted[] = { "label", "label!", "until", NULL };
	PRUNE_CLEANUP struct prune p = { .filters = NULL };
	CLEANUP_JSON struct json_object *doomed = json_object_new_array();
	CLEANUP_JSON struct json_object *answer = json_object_new_object();

	if (!doomed || !answer)
		return err_nomem(e);
	if (prune_read(req, accepted, &p, e) < 0 || store_begin(req->store, e) < 0)
		return -1;
	if (collect(req, &p, doomed, e) < 0 || destroy(req, doomed, e) < 0 || prune_event(req, "network", 0, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	if (store_commit(req->store, e) < 0)
		return -1;
	return prune_add(answer, "NetworksDeleted", doomed) ? reply_json(req, 200, answer) : err_nomem(e);
}
