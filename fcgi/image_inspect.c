/*
 * GET /images/{ref}/json: an image by name, id or part of its id, as its
 * config and the store tell it. 404 "No such image: x:latest".
 */
#include <string.h>
#include <stdlib.h>

#include "fcgi/image_store.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"
#include "lib/docker/time.h"
#include "lib/docker/versions.h"
#include "lib/json.h"

#define CONFIG_EMPTY \
	"{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,\"AttachStdout\":false,\"AttachStderr\":false," \
	"\"Tty\":false,\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":null,\"Cmd\":null,\"Image\":\"\",\"Volumes\":null," \
	"\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":null}"

/* All members that dockerd shows, with the image's values. */
static struct json_object *full_config(struct json_object *from)
{
	struct json_object *config = json_tokener_parse(CONFIG_EMPTY);

	if (!config || !from)
		return config;
	json_object_object_foreach(from, key, v) {
		if (!json_add(config, key, json_object_get(v))) {
			json_object_put(config);
			return NULL;
		}
	}
	return config;
}

static int add_names(struct request *req, struct json_object *o, const char *id, struct err *e)
{
	CLEANUP_JSON struct json_object *names = NULL;
	struct json_object *tags = json_object_new_array();
	struct json_object *digests = json_object_new_array();

	if (!tags || !digests || !json_add(o, "RepoTags", tags) || !json_add(o, "RepoDigests", digests))
		return err_nomem(e);
	if (image_names(req->store, req->tenant, id, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		CLEANUP_FREE char *shown = image_familiar(name);
		struct json_object *text = shown ? json_object_new_string(shown) : NULL;

		if (!text || json_object_array_add(image_is_digest(name) ? digests : tags, text) < 0)
			return err_nomem(e);
	}
	return 0;
}

static const char *comment(struct json_object *config)
{
	struct json_object *history = json_array(config, "history");
	size_t n = history ? json_object_array_length(history) : 0;

	return *json_str(config, "comment", "") || !n ? json_str(config, "comment", "")
						      : json_str(json_object_array_get_idx(history, n - 1), "comment", "");
}

static int add_layers(struct json_object *o, struct json_object *config, struct err *e)
{
	struct json_object *layers = json_array(json_obj(config, "rootfs"), "diff_ids");
	struct json_object *rootfs = json_object_new_object();

	if (!rootfs || !json_add(o, "RootFS", rootfs) || !json_add_str(rootfs, "Type", "layers"))
		return err_nomem(e);
	if (layers && json_object_array_length(layers) && !json_add(rootfs, "Layers", json_object_get(layers)))
		return err_nomem(e);
	return 0;
}

/* Go's zero time, if no client ever named it. */
static int add_tag_time(struct request *req, struct json_object *o, const char *id, struct err *e)
{
	struct json_object *metadata = json_object_new_object();
	char text[TIME_TEXT_MAX] = "0001-01-01T00:00:00Z";
	int rc = store_row(req->store, QUERY_IMAGE_TAGGED_AT, e, "tt", req->tenant, id);
	int64_t at = rc > 0 ? store_int(req->store, QUERY_IMAGE_TAGGED_AT, 0) : 0;

	store_reset(req->store, QUERY_IMAGE_TAGGED_AT);
	if (at)
		time_format(text, at);
	if (!json_add(o, "Metadata", metadata) || !metadata || !json_add_str(metadata, "LastTagTime", text))
		return err_nomem(e);
	return rc < 0 ? -1 : 0;
}

static int add_tail(struct request *req, struct json_object *o, const struct image_row *row, struct err *e)
{
	static const char driver[] = "{\"Data\":null,\"Name\":\"lambda\"}";

	if (!json_add_int(o, "Size", row->size) || (version_shows(VERSION_IMAGE_VIRTUAL_SIZE, req->minor) && !json_add_int(o, "VirtualSize", row->size)) ||
	    !json_add(o, "GraphDriver", json_tokener_parse(driver)) || add_layers(o, row->config, e) < 0)
		return err_nomem(e);
	return add_tag_time(req, o, row->id, e);
}

static int describe(struct request *req, const struct image_row *row, struct json_object *o, struct err *e)
{
	struct json_object *c = row->config;

	if (!json_add_str(o, "Id", row->id))
		return err_nomem(e);
	if (add_names(req, o, row->id, e) < 0)
		return -1;
	if (!json_add_str(o, "Parent", "") || !json_add_str(o, "Comment", comment(c)) ||
	    !json_add_str(o, "Created", json_str(c, "created", "0001-01-01T00:00:00Z")))
		return err_nomem(e);
	if (version_shows(VERSION_IMAGE_CONTAINER, req->minor) && !json_add_str(o, "Container", json_str(c, "container", "")))
		return err_nomem(e);
	if (version_shows(VERSION_IMAGE_CONFIG_OF, req->minor) && !json_add(o, "ContainerConfig", full_config(json_obj(c, "container_config"))))
		return err_nomem(e);
	if (!json_add_str(o, "DockerVersion", json_str(c, "docker_version", "")) || !json_add_str(o, "Author", json_str(c, "author", "")) ||
	    !json_add(o, "Config", full_config(json_obj(c, "config"))) || !json_add_str(o, "Architecture", json_str(c, "architecture", "")))
		return err_nomem(e);
	if (*json_str(c, "variant", "") && !json_add_str(o, "Variant", json_str(c, "variant", "")))
		return err_nomem(e);
	if (!json_add_str(o, "Os", json_str(c, "os", "linux")))
		return err_nomem(e);
	return add_tail(req, o, row, e);
}

int route_image_inspect(struct request *req, struct err *e)
{
	IMAGE_ROW_CLEANUP struct image_row row = { 0 };
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!o)
		return err_nomem(e);
	if (image_find(req->store, req->tenant, req->name, &row, e) < 0 || describe(req, &row, o, e) < 0)
		return -1;
	return reply_json(req, 200, o);
}
