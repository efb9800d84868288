/* DELETE /volumes/{name}: 409 while a container uses it; with ?force=1 a missing one is no error. */
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "fcgi/volume.h"
#include "lib/buf.h"
#include "lib/json.h"

static int in_use(const char *name, struct json_object *users, struct err *e)
{
	BUF_CLEANUP struct buf ids = BUF_INIT;

	for (size_t i = 0; i < json_object_array_length(users); i++)
		buf_printf(&ids, "%s%s", i ? ", " : "", json_object_get_string(json_object_array_get_idx(users, i)));
	return err_set(e, ERR_CONFLICT, "remove %s: volume is in use - [%s]", name, ids.failed ? "" : ids.data);
}

static int remove_it(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *volume = NULL;
	CLEANUP_JSON struct json_object *users = NULL;

	if (volume_inspect(req, req->name, &volume, e) < 0)
		return e->kind == ERR_NOT_FOUND && request_flag(req, "force", false) ? 0 : -1;
	if (volume_users(req, req->name, &users, e) < 0)
		return -1;
	if (json_object_array_length(users) > 0)
		return in_use(req->name, users, e);
	return volume_destroy(req, req->name, e);
}

int route_volume_remove(struct request *req, struct err *e)
{
	if (store_begin(req->store, e) < 0)
		return -1;
	if (remove_it(req, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	return store_commit(req->store, e) < 0 ? -1 : reply_empty(req, 204);
}
