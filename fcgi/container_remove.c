/*
 * DELETE /containers/{id}: 409 at once for a running container without
 * `force`; else the intent is committed and the client waits at the gateway
 * until the container is gone for clients. The function is deleted after that.
 * With ?v=1 its anonymous volumes go with it.
 */
#include "fcgi/container.h"
#include "fcgi/route.h"
#include "lib/json.h"

int route_container_remove(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	bool force = request_flag(req, "force", false), volumes = request_flag(req, "v", false);
	struct json_object *args;

	if (container_find(req, req->name, &c, e) < 0)
		return -1;
	if (request_flag(req, "link", false))
		return err_set(e, ERR_NOT_SUPPORTED, "links are not supported: functions reach each other by no container network");
	if (c.state == STATE_PAUSED && !force)
		return err_set(e, ERR_CONFLICT,
			       "You cannot remove a paused container %s. Unpause and then stop the container before attempting removal or force remove",
			       c.id);
	if (c.state == STATE_RUNNING && !force)
		return err_set(e, ERR_CONFLICT,
			       "You cannot remove a running container %s. Stop the container before attempting removal or force remove", c.id);
	if (container_restarting(&c) && !force)
		return err_set(e, ERR_CONFLICT,
			       "You cannot remove a restarting container %s. Stop the container before attempting removal or force remove", c.id);
	args = json_object_new_object();
	if (args && (!json_add_bool(args, "force", force) || !json_add_bool(args, "volumes", volumes))) {
		json_object_put(args);
		args = NULL;
	}
	if (volumes && store_run(req->store, QUERY_CONTAINER_REMOVE_VOLUMES, e, "tt", req->tenant, c.id) < 0) {
		json_object_put(args);
		return -1;
	}
	return container_intent(req, &c, "remove", args, e);
}
