#include "lib/registry/image.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#define INDEX_ENTRIES_MAX 1000
#define LAYER_SIZE_MAX REGISTRY_BLOB_MAX

void image_free(struct image *i)
{
	free(i->manifest);
	free(i->config_text);
	json_object_put(i->config);
	free(i->layers);
	*i = (struct image){ 0 };
}

const char *image_architecture(const char *lambda_architecture)
{
	return !strcmp(lambda_architecture, "x86_64") ? "amd64" : lambda_architecture;
}

const char *image_lambda_architecture(const char *architecture)
{
	return !strcmp(architecture, "amd64") ? "x86_64" : architecture;
}

const char *image_config_architecture(struct json_object *config)
{
	return json_str(config, "architecture", "amd64");
}

int image_choose_platform(struct json_object *index, const char *architecture, char ret[DIGEST_SIZE], struct err *e)
{
	struct json_object *list = json_array(index, "manifests");
	size_t n = list ? json_object_array_length(list) : 0;
	const char *found = NULL;

	for (size_t i = 0; i < n && i < INDEX_ENTRIES_MAX; i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		struct json_object *platform = json_obj(entry, "platform");
		const char *digest = json_str(entry, "digest", NULL);
		bool plain = !*json_str(platform, "variant", "");

		if (strcmp(json_str(platform, "os", ""), "linux") != 0 || strcmp(json_str(platform, "architecture", ""), architecture) != 0 ||
		    !digest_valid(digest))
			continue;
		/* A variant (amd64/v3, arm64/v8) only where there is none without. */
		if (!found || plain)
			found = digest;
		if (plain)
			break;
	}
	if (!found)
		return err_set(e, ERR_NOT_FOUND, "no matching manifest for linux/%s in the manifest list entries", architecture);
	memcpy(ret, found, DIGEST_SIZE);
	return 0;
}

static int check_layer_type(const char *type, struct json_object *layer, struct err *e)
{
	static const char *const known[] = {
		MEDIA_LAYER_DOCKER, "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.diff.tar.zstd",
		MEDIA_LAYER_OCI, "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+zstd",
	};
	struct json_object *urls = json_array(layer, "urls");

	if (strstr(type, "foreign") || strstr(type, "nondistributable") || (urls && json_object_array_length(urls)))
		return err_set(e, ERR_NOT_SUPPORTED, "layers that are not in the registry (%s) are not supported", type);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(type, known[i]))
			return 0;
	return err_set(e, ERR_NOT_SUPPORTED, "a layer of media type \"%.128s\" is not supported", type);
}

static int parse_layer(struct json_object *o, struct image_layer *ret, struct err *e)
{
	const char *digest = json_str(o, "digest", NULL);
	const char *type = json_str(o, "mediaType", "");

	if (check_layer_type(type, o, e) < 0)
		return -1;
	ret->size = json_int(o, "size", -1);
	if (!digest_valid(digest) || ret->size < 0 || ret->size > LAYER_SIZE_MAX)
		return err_set(e, ERR_UPSTREAM, "the manifest's layers are malformed");
	memcpy(ret->digest, digest, DIGEST_SIZE);
	snprintf(ret->media_type, sizeof ret->media_type, "%s", type);
	return 0;
}

static int parse_layers(struct json_object *o, struct image *i, struct err *e)
{
	struct json_object *list = json_array(o, "layers");
	size_t n = list ? json_object_array_length(list) : 0;

	if (!list || n > IMAGE_LAYERS_MAX)
		return err_set(e, n ? ERR_NOT_SUPPORTED : ERR_UPSTREAM,
			       n ? "images of more than 127 layers are not supported" : "the manifest has no layers");
	i->layers = calloc(n ? n : 1, sizeof *i->layers);
	if (!i->layers)
		return err_nomem(e);
	for (; i->n_layers < n; i->n_layers++) {
		if (parse_layer(json_object_array_get_idx(list, i->n_layers), &i->layers[i->n_layers], e) < 0)
			return -1;
		i->size += i->layers[i->n_layers].size;
	}
	return 0;
}

static int parse_config_descriptor(struct json_object *o, struct image *i, struct err *e)
{
	struct json_object *config = json_obj(o, "config");
	const char *digest = json_str(config, "digest", NULL);
	const char *type = json_str(config, "mediaType", "");
	int64_t size = json_int(config, "size", -1);

	if (!digest_valid(digest) || size < 0)
		return err_set(e, ERR_UPSTREAM, "the manifest names no config");
	if (size > IMAGE_CONFIG_MAX)
		return err_set(e, ERR_TOO_LARGE, "the image's config is too large");
	if (strcmp(type, MEDIA_CONFIG_DOCKER) != 0 && strcmp(type, "application/vnd.oci.image.config.v1+json") != 0)
		return err_set(e, ERR_NOT_SUPPORTED, "a config of media type \"%.128s\" is not supported: this is no image", type);
	memcpy(i->id, digest, DIGEST_SIZE);
	snprintf(i->config_type, sizeof i->config_type, "%s", type);
	i->size = size;
	return 0;
}

/* The registry's word, unless it says nothing; then the document's own. */
static void manifest_type(const struct registry_manifest *m, struct json_object *o, char *ret, size_t cap)
{
	const char *own = json_str(o, "mediaType", NULL);

	if (own)
		snprintf(ret, cap, "%s", own);
	else if (strstr(m->media_type, "manifest") || strstr(m->media_type, "index"))
		snprintf(ret, cap, "%s", m->media_type);
	else
		snprintf(ret, cap, "%s", json_array(o, "manifests") ? MEDIA_INDEX_OCI : MEDIA_MANIFEST_OCI);
}

int image_parse_manifest(const struct registry_manifest *m, struct image *ret, struct err *e)
{
	IMAGE_CLEANUP struct image i = { 0 };
	CLEANUP_JSON struct json_object *o = NULL;
	struct err why = { 0 };

	if (json_parse(m->body, m->len, &o, &why) < 0)
		return err_set(e, ERR_UPSTREAM, "the manifest is malformed: %s", why.text);
	if (json_int(o, "schemaVersion", 0) == 1)
		return err_set(e, ERR_NOT_SUPPORTED, "images of manifest schema 1 are not supported");
	manifest_type(m, o, i.manifest_type, sizeof i.manifest_type);
	if (json_int(o, "schemaVersion", 0) != 2 ||
	    (strcmp(i.manifest_type, MEDIA_MANIFEST_DOCKER) != 0 && strcmp(i.manifest_type, MEDIA_MANIFEST_OCI) != 0))
		return err_set(e, ERR_NOT_SUPPORTED, "a manifest of media type \"%s\" is not supported", i.manifest_type);
	if (parse_config_descriptor(o, &i, e) < 0 || parse_layers(o, &i, e) < 0)
		return -1;
	i.manifest = malloc(m->len + 1);
	if (!i.manifest)
		return err_nomem(e);
	memcpy(i.manifest, m->body, m->len);
	i.manifest[m->len] = '\0';
	i.manifest_len = m->len;
	memcpy(i.digest, m->digest, DIGEST_SIZE);
	memcpy(i.index_digest, m->digest, DIGEST_SIZE);
	*ret = i;
	i = (struct image){ 0 };
	return 0;
}

static int take_diff_ids(struct image *i, struct json_object *config, struct err *e)
{
	struct json_object *ids = json_path(config, "rootfs", "diff_ids", NULL);

	if (!ids || !json_object_is_type(ids, json_type_array) || json_object_array_length(ids) != i->n_layers)
		return err_set(e, ERR_UPSTREAM, "the image's config and manifest name different numbers of layers");
	for (size_t n = 0; n < i->n_layers; n++) {
		struct json_object *id = json_object_array_get_idx(ids, n);
		const char *text = id && json_object_is_type(id, json_type_string) ? json_object_get_string(id) : NULL;

		if (!digest_valid(text))
			return err_set(e, ERR_UPSTREAM, "the image's config holds a malformed diff_id");
		memcpy(i->layers[n].diff_id, text, DIGEST_SIZE);
	}
	return 0;
}

int image_parse_config(struct image *i, const char *text, size_t len, struct err *e)
{
	CLEANUP_JSON struct json_object *config = NULL;
	CLEANUP_FREE char *copy = NULL;
	char digest[DIGEST_SIZE];
	struct err why = { 0 };

	if (digest_of(text, len, digest, e) < 0)
		return -1;
	if (strcmp(digest, i->id) != 0)
		return err_set(e, ERR_UPSTREAM, "image config verification failed for digest %s", i->id);
	if (json_parse(text, len, &config, &why) < 0 || !json_object_is_type(config, json_type_object))
		return err_set(e, ERR_UPSTREAM, "the image's config is malformed: %s", why.text);
	if (image_check_config(config, e) < 0)
		return -1;
	if (strcmp(json_str(config, "os", "linux"), "linux") != 0)
		return err_set(e, ERR_NOT_SUPPORTED, "image operating system \"%.64s\" is not supported: Lambda runs linux",
			       json_str(config, "os", ""));
	if (take_diff_ids(i, config, e) < 0)
		return -1;
	copy = malloc(len + 1);
	if (!copy)
		return err_nomem(e);
	memcpy(copy, text, len);
	copy[len] = '\0';
	i->config_text = STEAL(copy);
	i->config_len = len;
	i->config = STEAL(config);
	return 0;
}

static bool is_index(const struct registry_manifest *m, struct json_object *o)
{
	char type[128];

	manifest_type(m, o, type, sizeof type);
	return !strcmp(type, MEDIA_INDEX_DOCKER) || !strcmp(type, MEDIA_INDEX_OCI);
}

/* Replaces an index by the manifest of the platform in it. */
static int follow_index(struct registry *r, const char *architecture, struct registry_manifest *m, struct err *e)
{
	CLEANUP_JSON struct json_object *o = NULL;
	struct registry_manifest chosen = { 0 };
	char digest[DIGEST_SIZE];
	struct err why = { 0 };

	if (json_parse(m->body, m->len, &o, &why) < 0)
		return err_set(e, ERR_UPSTREAM, "the manifest is malformed: %s", why.text);
	if (!is_index(m, o))
		return 0;
	if (image_choose_platform(o, architecture, digest, e) < 0 || registry_get_manifest(r, digest, &chosen, e) < 0)
		return -1;
	registry_manifest_free(m);
	*m = chosen;
	return 0;
}

int image_fetch(struct registry *r, const char *reference, const char *architecture, struct image *ret, struct err *e)
{
	REGISTRY_MANIFEST_CLEANUP struct registry_manifest m = { 0 };
	IMAGE_CLEANUP struct image i = { 0 };
	CLEANUP_FREE char *text = NULL;
	char index_digest[DIGEST_SIZE];
	const char *found;
	size_t len;

	if (registry_get_manifest(r, reference, &m, e) < 0)
		return -1;
	memcpy(index_digest, m.digest, DIGEST_SIZE);
	if (follow_index(r, architecture, &m, e) < 0 || image_parse_manifest(&m, &i, e) < 0)
		return -1;
	memcpy(i.index_digest, index_digest, DIGEST_SIZE);
	if (registry_get_blob_data(r, i.id, IMAGE_CONFIG_MAX, &text, &len, e) < 0 || image_parse_config(&i, text, len, e) < 0)
		return -1;
	found = json_str(i.config, "architecture", architecture);
	if (strcmp(found, architecture) != 0)
		return err_set(e, ERR_NOT_SUPPORTED,
			       "image was found but its platform (linux/%.64s) does not match the specified platform (linux/%s)", found,
			       architecture);
	*ret = i;
	i = (struct image){ 0 };
	return 0;
}
