#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/image.h"

static int set_rootfs(struct image *i, struct err *e)
{
	struct json_object *rootfs = json_object_new_object();
	struct json_object *ids = json_object_new_array();

	if (!rootfs || !ids || !json_add_str(rootfs, "type", "layers") || !json_add(rootfs, "diff_ids", ids)) {
		json_object_put(rootfs);
		return err_nomem(e);
	}
	for (size_t n = 0; n < i->n_layers; n++)
		json_object_array_add(ids, json_object_new_string(i->layers[n].diff_id));
	if (json_object_array_length(ids) != i->n_layers || !json_add(i->config, "rootfs", rootfs))
		return err_nomem(e);
	return 0;
}

static bool add_descriptor(struct json_object *o, const char *type, int64_t size, const char *digest)
{
	return json_add_str(o, "mediaType", type) && json_add_int(o, "size", size) && json_add_str(o, "digest", digest);
}

/* The manifest's own kind of name for a layer, whatever the layer's was. */
static const char *layer_type(const struct image *i, bool gzip)
{
	bool oci = !strcmp(i->manifest_type, MEDIA_MANIFEST_OCI);

	if (gzip)
		return oci ? MEDIA_LAYER_OCI : MEDIA_LAYER_DOCKER;
	return oci ? "application/vnd.oci.image.layer.v1.tar" : "application/vnd.docker.image.rootfs.diff.tar";
}

static struct json_object *make_manifest(const struct image *i)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *config = json_object_new_object();
	struct json_object *layers = json_object_new_array();

	if (!o || !json_add_int(o, "schemaVersion", 2) || !json_add_str(o, "mediaType", i->manifest_type) || !config ||
	    !json_add(o, "config", config) || !layers || !json_add(o, "layers", layers) ||
	    !add_descriptor(config, i->config_type, (int64_t)i->config_len, i->id))
		return NULL;
	for (size_t n = 0; n < i->n_layers; n++) {
		struct json_object *layer = json_object_new_object();
		const char *type = layer_type(i, strstr(i->layers[n].media_type, "gzip"));

		if (!layer || json_object_array_add(layers, layer) < 0 || !add_descriptor(layer, type, i->layers[n].size, i->layers[n].digest))
			return NULL;
	}
	return STEAL(o);
}

static int keep_text(struct json_object *o, char **ret, size_t *ret_len, char ret_digest[DIGEST_SIZE], struct err *e)
{
	const char *text = o ? json_text(o) : NULL;
	char *copy = text ? strdup(text) : NULL;

	if (!copy)
		return err_nomem(e);
	free(*ret);
	*ret = copy;
	*ret_len = strlen(copy);
	return digest_of(copy, *ret_len, ret_digest, e);
}

int image_rewrite_manifest(struct image *i, struct err *e)
{
	CLEANUP_JSON struct json_object *manifest = NULL;

	i->size = (int64_t)i->config_len;
	for (size_t n = 0; n < i->n_layers; n++)
		i->size += i->layers[n].size;
	manifest = make_manifest(i);
	return keep_text(manifest, &i->manifest, &i->manifest_len, i->digest, e);
}

int image_seal(struct image *i, struct err *e)
{
	snprintf(i->manifest_type, sizeof i->manifest_type, "%s", MEDIA_MANIFEST_DOCKER);
	snprintf(i->config_type, sizeof i->config_type, "%s", MEDIA_CONFIG_DOCKER);
	if (set_rootfs(i, e) < 0 || keep_text(i->config, &i->config_text, &i->config_len, i->id, e) < 0)
		return -1;
	if (image_rewrite_manifest(i, e) < 0)
		return -1;
	memcpy(i->index_digest, i->digest, DIGEST_SIZE);
	return 0;
}

int image_push(struct registry *to, const struct image *i, const char *tag, struct err *e)
{
	if (registry_put_blob(to, i->config_text, i->config_len, NULL, e) < 0)
		return -1;
	/* A tag names the manifest's digest too. */
	return registry_put_manifest(to, tag ? tag : i->digest, i->manifest_type, i->manifest, i->manifest_len, e);
}
