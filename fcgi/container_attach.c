/*
 * POST /containers/{id}/attach: hands the connection to the gateway's tunnel.
 * dockerd takes the connection over before it looks for the container, so its
 * errors are raw text and no JSON; clients show either.
 *
 * GET /containers/{id}/attach/ws: the same for a WebSocket; errors are JSON.
 */
#include <stdio.h>

#include "fcgi/container.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/detach_keys.h"
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

struct attach {
	struct container container;
	char keys[DETACH_KEYS_HEX_MAX];
};

/* What both ask before the connection is taken over. */
static int prepare(struct request *req, struct attach *ret, struct err *e)
{
	if (container_find(req, req->name, &ret->container, e) < 0)
		return -1;
	if (ret->container.state == STATE_PAUSED)
		return err_set(e, ERR_CONFLICT, "container %s is paused, unpause the container before attach", req->name);
	if (container_restarting(&ret->container))
		return err_set(e, ERR_CONFLICT, "container %s is restarting, wait until the container is running", req->name);
	return detach_keys_hex(request_query(req, "detachKeys", ""), ret->keys, e);
}

static int hand_over(struct request *req, const char *place, const struct attach *a)
{
	const struct container *c = &a->container;

	return container_handover(req, place, c->id, "stream", flag(request_flag(req, "stream", false)),
				  "logs", flag(request_flag(req, "logs", false)),
				  "stdin", flag(request_flag(req, "stdin", false) && c->open_stdin),
				  "stdout", flag(request_flag(req, "stdout", false)), "stderr", flag(request_flag(req, "stderr", false)),
				  "tty", flag(c->tty), "detach_keys", a->keys);
}

int route_container_attach(struct request *req, struct err *e)
{
	struct attach a = { .keys = "" };
	int rc = prepare(req, &a, e);

	rc = rc < 0 ? reply_raw_error(req, e) : hand_over(req, "/.gateway/tunnel/attach/", &a);
	container_free(&a.container);
	return rc;
}

int route_container_attach_ws(struct request *req, struct err *e)
{
	struct attach a = { .keys = "" };
	int rc = prepare(req, &a, e);

	if (rc == 0)
		rc = hand_over(req, "/.gateway/tunnel/attach-ws/", &a);
	container_free(&a.container);
	return rc;
}
