/*
 * POST /containers/{id}/start: 304 at once for a container that runs; else
 * the intent is committed and the client waits at the gateway for 204, or for
 * what execve or Lambda said.
 */
#include <string.h>

#include "fcgi/network.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/hint.h"
#include "lib/json.h"
#include "lib/log.h"

/* A container that can't be started and would be removed at its end is removed now, as dockerd does it; clients wait for that. */
static void drop(struct request *req, const struct container *c)
{
	CLEANUP_JSON struct json_object *host_config = NULL;
	struct err ignored;

	if (json_parse(c->host_config, strlen(c->host_config), &host_config, &ignored) < 0 || !json_flag(host_config, "AutoRemove", false))
		return;
	if (store_run(req->store, QUERY_INTENT_ADD, &ignored, "tttti", req->tenant, c->id, "remove", "{\"force\":false,\"volumes\":true}", time_now()) < 0)
		log_warn("container %s stays although it is to be removed: %s", c->id, ignored.text);
	else
		hint_send(req->settings->run_dir, HINT_GATEWAY);
}

int route_container_start(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };

	if (request_body(req, e) < 0)
		return -1;
	/* As dockerd: what can't be a HostConfig passes, which is of a time before this API's minimum. */
	if (req->body.len > 7)
		return err_set(e, ERR_INVALID, "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24");
	if (*request_query(req, "checkpoint", ""))
		return err_set(e, ERR_INVALID, "checkpoint is only supported in experimental mode");
	if (container_find(req, req->name, &c, e) < 0)
		return -1;
	if (c.state == STATE_PAUSED)
		return err_set(e, ERR_CONFLICT, "cannot start a paused container, try unpause instead");
	if (c.state == STATE_RUNNING || container_restarting(&c))
		return reply_empty(req, 304);
	if (network_check(req, &c, e) < 0) {
		drop(req, &c);
		return -1;
	}
	return container_intent(req, &c, "start", json_object_new_object(), e);
}
