/* GET /distribution/{ref}/json: digest and platforms of an image in its own registry, asked at once; nothing is pulled. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/image_source.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/image.h"

/* Architecture, os and variant, in the order of their names as Go writes them. */
static int add_platform(struct json_object *list, struct json_object *from, struct err *e)
{
	static const char *const parts[] = { "architecture", "os", "variant" };
	struct json_object *platform = json_object_new_object();

	if (!platform || json_object_array_add(list, platform) < 0)
		return err_nomem(e);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (*json_str(from, parts[i], "") && !json_add_str(platform, parts[i], json_str(from, parts[i], "")))
			return err_nomem(e);
	return 0;
}

static int add_from_config(struct registry *registry, struct json_object *manifest, struct json_object *list, struct err *e)
{
	const char *digest = json_str(json_obj(manifest, "config"), "digest", "");
	CLEANUP_JSON struct json_object *config = NULL;
	CLEANUP_FREE char *text = NULL;
	size_t len;

	if (registry_get_blob_data(registry, digest, IMAGE_CONFIG_MAX, &text, &len, e) < 0 || json_parse(text, len, &config, e) < 0)
		return -1;
	return add_platform(list, config, e);
}

static int add_platforms(struct registry *registry, const struct registry_manifest *m, struct json_object *list, struct err *e)
{
	CLEANUP_JSON struct json_object *doc = NULL;
	struct json_object *manifests;

	if (json_parse(m->body, m->len, &doc, e) < 0)
		return -1;
	manifests = json_array(doc, "manifests");
	if (!manifests)
		return add_from_config(registry, doc, list, e);
	for (size_t i = 0; i < json_object_array_length(manifests); i++)
		if (add_platform(list, json_obj(json_object_array_get_idx(manifests, i), "platform"), e) < 0)
			return -1;
	return 0;
}

/* Without the words that a pull puts before it. */
static int word_failure(struct err *e)
{
	const char *unknown = strstr(e->text, "manifest unknown");
	CLEANUP_FREE char *text = unknown ? strdup(unknown) : NULL;

	return e->kind == ERR_NOT_FOUND && text ? err_set(e, ERR_NOT_FOUND, "%s", text) : -1;
}

int route_distribution_inspect(struct request *req, struct err *e)
{
	REFERENCE_CLEANUP struct reference r = { .domain = NULL };
	REGISTRY_CLEANUP struct registry *registry = NULL;
	REGISTRY_MANIFEST_CLEANUP struct registry_manifest m = { .body = NULL };
	CLEANUP_JSON struct json_object *auth = image_source_auth(req);
	CLEANUP_JSON struct json_object *answer = json_object_new_object();
	struct json_object *descriptor = json_object_new_object(), *platforms = json_object_new_array();

	if (!json_add(answer, "Descriptor", descriptor)) {
		json_object_put(platforms);
		return err_nomem(e);
	}
	if (!json_add(answer, "Platforms", platforms))
		return err_nomem(e);
	if (reference_parse(req->name, &r, e) < 0 || reference_default_tag(&r, e) < 0 || image_source_open(req, &r, auth, false, &registry, e) < 0)
		return -1;
	if (registry_get_manifest(registry, reference_target(&r), &m, e) < 0)
		return word_failure(e);
	if (!json_add_str(descriptor, "mediaType", m.media_type) || !json_add_str(descriptor, "digest", m.digest) ||
	    !json_add_int(descriptor, "size", (int64_t)m.len))
		return err_nomem(e);
	if (add_platforms(registry, &m, platforms, e) < 0)
		return -1;
	return reply_json(req, 200, answer);
}
