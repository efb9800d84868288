/*
 * POST /containers/{id}/restart: stop as POST stop would, then start. Always
 * by intent: the client waits at the gateway for start's answer.
 */
#include "fcgi/route.h"
#include "fcgi/stop_args.h"
#include "lib/json.h"

int route_container_restart(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	struct json_object *args;

	if (container_find(req, req->name, &c, e) < 0 || stop_args(req, &c, "Cannot restart container", &args, e) < 0)
		return -1;
	if (!json_add_str(args, "name", req->name)) {
		json_object_put(args);
		args = NULL;
	}
	return container_intent(req, &c, "restart", args, e);
}
