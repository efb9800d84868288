/*
 * POST /containers/{id}/start: 304 at once for a container that runs; else
 * the intent is committed and the client waits at the gateway for 204, or for
 * what execve or Lambda said.
 */
#include "fcgi/container.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"

int route_container_start(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };

	if (request_body(req, e) < 0)
		return -1;
	/* An empty object passes, a HostConfig is of a time before this API's minimum. */
	if (req->body.len > 2)
		return err_set(e, ERR_INVALID, "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24");
	if (container_find(req, req->name, &c, e) < 0)
		return -1;
	if (c.state == STATE_PAUSED)
		return err_set(e, ERR_CONFLICT, "cannot start a paused container, try unpause instead");
	if (c.state == STATE_RUNNING)
		return reply_empty(req, 304);
	return container_intent(req, &c, "start", json_object_new_object(), e);
}
