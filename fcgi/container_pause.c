/*
 * POST /containers/{id}/pause and unpause: stop all processes of a container,
 * and let them go on. What can be refused from the row is refused at once, as
 * dockerd does (409; 500 for an unpause of what isn't paused); else the intent
 * is committed and the client waits at the gateway until the agent has done it.
 */
#include "fcgi/container.h"
#include "fcgi/route.h"

int route_container_pause(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };

	if (container_find(req, req->name, &c, e) < 0)
		return -1;
	if (c.state == STATE_PAUSED)
		return err_set(e, ERR_CONFLICT, "Container %s is already paused", c.id);
	/* One that starts is waited for: the gateway does intents in their order. */
	if ((c.state != STATE_STARTING || container_restarting(&c)) && container_check_running(&c, e) < 0)
		return -1;
	return container_intent(req, &c, "pause", json_object_new_object(), e);
}

int route_container_unpause(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };

	if (container_find(req, req->name, &c, e) < 0)
		return -1;
	if (c.state != STATE_PAUSED)
		return err_set(e, ERR_INTERNAL, "Container %s is not paused", c.id);
	return container_intent(req, &c, "unpause", json_object_new_object(), e);
}
