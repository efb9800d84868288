/*
 * GET /containers/{id}/top: the processes of a running container, from the
 * agent, which knows the columns of ps that are asked for mostly. 409 if it
 * doesn't run; the gateway carries the answer.
 */
#include "fcgi/container.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"

int route_container_top(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };

	if (container_find(req, req->name, &c, e) < 0)
		return -1;
	if (container_check_running(&c, e) < 0)
		return -1;
	return container_handover(req, "/.gateway/http/task/", c.id, "task", "top", "ps_args", request_query(req, "ps_args", ""));
}
