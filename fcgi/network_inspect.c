/* GET /networks/{id}: a network by name, id or the beginning of its id, with its running containers. 404 "network x not found". */
#include <string.h>

#include "fcgi/network.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/json.h"

int route_network_inspect(struct request *req, struct err *e)
{
	NETWORK_CLEANUP struct network n = { .name = NULL };
	CLEANUP_JSON struct json_object *o = NULL;
	const char *scope = request_query(req, "scope", "");

	/* All are local; ?verbose tells more of swarm's alone. */
	if (*scope && strcmp(scope, "local") != 0)
		return err_set(e, ERR_NOT_FOUND, "network %s not found", req->name);
	if (network_find(req, req->name, &n, e) < 0 || network_render(req, &n, true, &o, e) < 0)
		return -1;
	return reply_json(req, 200, o);
}
