/*
 * POST /containers/{id}/wait: handed to the gateway, which sends the head at
 * once and {"StatusCode":N} when the condition is met. docker run waits so
 * before it starts the container.
 */
#include <stdio.h>
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"

int route_container_wait(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	const char *condition = request_query(req, "condition", "");

	if (!*condition)
		condition = "not-running";
	if (strcmp(condition, "not-running") != 0 && strcmp(condition, "next-exit") != 0 && strcmp(condition, "removed") != 0)
		return err_set(e, ERR_INVALID, "invalid condition: \"%.200s\"", condition);
	if (container_find(req, req->name, &c, e) < 0)
		return -1;
	return container_handover(req, "/.gateway/http/wait/", c.id, "condition", condition);
}
