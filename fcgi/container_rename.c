/*
 * POST /containers/{id}/rename?name=: 204 with the event `rename`, in one
 * transaction. 409 names the container that has the name.
 */
#include <stdio.h>
#include <string.h>

#include "fcgi/container.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/docker/names.h"
#include "lib/json.h"

#define WRONG "Error when allocating new name: "

static int check_free(struct request *req, const char *name, struct err *e)
{
	int rc = store_row(req->store, QUERY_CONTAINER_NAME_OWNER, e, "tt", req->tenant, name);

	if (rc == 1) {
		rc = err_set(e, ERR_CONFLICT,
			     WRONG "Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to remove (or rename) that container to be able to reuse that name.",
			     name, store_text(req->store, QUERY_CONTAINER_NAME_OWNER, 0));
		store_reset(req->store, QUERY_CONTAINER_NAME_OWNER);
	}
	return rc;
}

static int rename_in_transaction(struct request *req, struct container *c, const char *name, struct err *e)
{
	struct json_object *attributes = json_object_new_object();
	char old[512];
	int changed;

	snprintf(old, sizeof old, "/%s", c->name);
	if (!attributes || !json_add_str(attributes, "oldName", old) || !json_add_str(attributes, "name", name)) {
		json_object_put(attributes);
		return err_nomem(e);
	}
	changed = check_free(req, name, e) < 0 ? -1 : store_run(req->store, QUERY_CONTAINER_RENAME, e, "ttt", name, req->tenant, c->id);
	if (changed == 0)
		err_set(e, ERR_NOT_FOUND, "No such container: %s", req->name);
	if (changed <= 0) {
		json_object_put(attributes);
		return -1;
	}
	return container_event(req, c, "rename", attributes, e);
}

int route_container_rename(struct request *req, struct err *e)
{
	CONTAINER_CLEANUP struct container c = { 0 };
	const char *name = request_query(req, "name", "");

	name += *name == '/';
	if (!*name)
		return err_set(e, ERR_INVALID, "Neither old nor new names may be empty");
	if (container_find(req, req->name, &c, e) < 0)
		return -1;
	if (strcmp(c.name, name) == 0)
		return err_set(e, ERR_INVALID, "Renaming a container with the same name as its current name");
	if (!name_valid(name))
		return err_set(e, ERR_INVALID, WRONG "Invalid container name (/%.200s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
	if (store_begin(req->store, e) < 0)
		return -1;
	if (rename_in_transaction(req, &c, name, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	if (store_commit(req->store, e) < 0)
		return -1;
	return reply_empty(req, 204);
}
