/*
 * POST /containers/{id}/attach: hands the connection to the gateway's tunnel.
 * dockerd takes the connection over before it looks for the container, so its
 * errors are raw text and no JSON; clients show either.
 */
#include <stdio.h>

#include "fcgi/container.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/reply.h"

static const char *flag(bool on)
{
	return on ? "1" : "0";
}

static int reply_raw_error(struct request *req, const struct err *e)
{
	char text[sizeof e->text + 4];

	snprintf(text, sizeof text, "%s\r\n", e->text);
	return reply_raw(req, err_status(e->kind), DOCKER_RAW_STREAM, text);
}

int route_container_attach(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };

	if (container_find(req, req->name, &c, e) < 0)
		return reply_raw_error(req, e);
	if (c.state == STATE_PAUSED) {
		err_set(e, ERR_CONFLICT, "container %s is paused, unpause the container before attach", req->name);
		return reply_raw_error(req, e);
	}
	if (container_restarting(&c)) {
		err_set(e, ERR_CONFLICT, "container %s is restarting, wait until the container is running", req->name);
		return reply_raw_error(req, e);
	}
	return container_handover(req, "/.gateway/tunnel/attach/", c.id, "stream", flag(request_flag(req, "stream", false)),
				  "logs", flag(request_flag(req, "logs", false)),
				  "stdin", flag(request_flag(req, "stdin", false) && c.open_stdin),
				  "stdout", flag(request_flag(req, "stdout", false)), "stderr", flag(request_flag(req, "stderr", false)),
				  "tty", flag(c.tty), "detach_keys", request_query(req, "detachKeys", ""));
}
