/*
 * POST /containers/{id}/stop: 304 at once for a container that neither runs
 * nor starts; else the intent is committed and the client waits at the gateway
 * until the run ended. Without `t` the container's StopTimeout counts, else 10 s.
 */
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "fcgi/stop_args.h"

int route_container_stop(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	struct json_object *args;

	if (container_find(req, req->name, &c, e) < 0)
		return -1;
	if (c.state == STATE_CREATED || c.state == STATE_EXITED)
		return reply_empty(req, 304);
	if (stop_args(req, &c, "cannot stop container:", &args, e) < 0)
		return -1;
	return container_intent(req, &c, "stop", args, e);
}
