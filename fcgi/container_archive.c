/*
 * HEAD, GET and PUT /containers/{id}/archive: `docker cp`. The agent in the
 * running function looks, packs and unpacks, and knows what can't be done; a
 * container that doesn't run has no files anywhere. PUT's body never comes
 * here: the answer says where nginx sends it, errors included.
 */
#include <stdio.h>

#include "fcgi/container.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"

static int check(struct request *req, struct container *c, struct err *e)
{
	if (!*request_query(req, "path", ""))
		return err_set(e, ERR_INVALID, "bad parameter: pathcannot be empty");
	if (container_find(req, req->name, c, e) < 0)
		return -1;
	if (container_runs(c))
		return 0;
	return err_set(e, ERR_NOT_SUPPORTED,
		       "docker cp with a container that isn't running is not supported: a Lambda function has files only while it runs");
}

static int hand_over(struct request *req, const char *task, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };

	if (check(req, &c, e) < 0)
		return -1;
	return container_handover(req, "/.gateway/http/task/", c.id, "task", task, "name", req->name, "path", request_query(req, "path", ""));
}

int route_container_archive_head(struct request *req, struct err *e)
{
	return hand_over(req, "stat", e);
}

int route_container_archive_get(struct request *req, struct err *e)
{
	return hand_over(req, "get", e);
}

int route_container_archive_put(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	char path[256], status[16];

	if (check(req, &c, e) < 0) {
		snprintf(status, sizeof status, "%d", err_status(e->kind));
		return reply_upload(req, "/.gateway/http/fail/0", "api", req->api, "status", status, "message", e->text, NULL);
	}
	snprintf(path, sizeof path, "/.gateway/http/task/%s", c.id);
	return reply_upload(req, path, "api", req->api, "task", "put", "name", req->name, "path", request_query(req, "path", ""),
			    "no_overwrite", request_flag(req, "noOverwriteDirNonDir", false) ? "1" : "0", NULL);
}
