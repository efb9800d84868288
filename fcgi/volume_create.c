/* POST /volumes/create: 201 with the volume, also if it was there already. Without a name one of 64 hex digits is made up. */
#include <string.h>

#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "fcgi/volume.h"
#include "lib/ids.h"
#include "lib/json.h"

static int check_map(struct json_object *map, const char *key, struct err *e)
{
	if (map) {
		json_object_object_foreach(map, name, v)
			if (!json_object_is_type(v, json_type_string))
				return err_set(e, ERR_INVALID, "invalid JSON: %s.%.200s is no string", key, name);
	}
	return 0;
}

/* What dockerd's driver local knows. */
static int check_options(const char *name, struct json_object *options, struct err *e)
{
	if (options) {
		json_object_object_foreach(options, key, v) {
			(void)v;
			if (strcmp(key, "type") != 0 && strcmp(key, "o") != 0 && strcmp(key, "device") != 0 && strcmp(key, "size") != 0)
				return err_set(e, ERR_INVALID, "create %s: invalid option: \"%.200s\"", name, key);
		}
	}
	return 0;
}

static int make(struct request *req, const char *name, struct json_object *labels, struct json_object *options, struct json_object **ret, struct err *e)
{
	if (store_begin(req->store, e) < 0)
		return -1;
	if (volume_make(req, name, labels, options, e) < 0 || volume_inspect(req, name, ret, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	return store_commit(req->store, e);
}

int route_volume_create(struct request *req, struct err *e)
{
	CLEANUP_JSON struct json_object *body = NULL;
	CLEANUP_JSON struct json_object *volume = NULL;
	CLEANUP_JSON struct json_object *own = NULL;
	struct json_object *labels, *options;
	char made_up[ID_HEX_LEN + 1];
	const char *name;

	if (request_json(req, false, &body, e) < 0)
		return -1;
	name = json_str(body, "Name", "");
	labels = json_obj(body, "Labels");
	options = json_obj(body, "DriverOpts");
	if (json_obj(body, "ClusterVolumeSpec"))
		return err_set(e, ERR_UNAVAILABLE, "cluster volumes are not supported: this node is not a swarm manager");
	if (volume_check(name, json_str(body, "Driver", ""), e) < 0 || check_map(labels, "Labels", e) < 0 || check_map(options, "DriverOpts", e) < 0 ||
	    check_options(name, options, e) < 0)
		return -1;
	if (!*name) {
		id_random(made_up, ID_HEX_LEN / 2);
		name = made_up;
		if (!labels)
			labels = own = json_object_new_object();
		if (!json_add_str(labels, VOLUME_ANONYMOUS, ""))
			return err_nomem(e);
	}
	return make(req, name, labels, options, &volume, e) < 0 ? -1 : reply_json(req, 201, volume);
}
