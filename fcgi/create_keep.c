/* Volumes of a container that is being created, in the store. */
#include "fcgi/create_keep.h"

#include "fcgi/volume.h"
#include "lib/json.h"

int create_keep_volumes(struct request *req, const struct create *c, const char *id, struct err *e)
{
	for (size_t i = 0; i < json_object_array_length(c->volumes); i++) {
		struct json_object *v = json_object_array_get_idx(c->volumes, i);
		const char *name = json_str(v, "Name", "");

		if (volume_make(req, name, json_obj(v, "Labels"), json_obj(v, "Options"), e) < 0 ||
		    store_run(req->store, QUERY_CONTAINER_VOLUME_ADD, e, "tttti", id, req->tenant, name, json_str(v, "Destination", ""),
			      (int64_t)json_flag(v, "Anonymous", false)) < 0)
			return -1;
	}
	return 0;
}
