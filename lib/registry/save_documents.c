#include "lib/registry/save_documents.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/docker/reference.h"
#include "lib/json.h"

#define MEDIA_CONFIG_OCI "application/vnd.oci.image.config.v1+json"
#define MEDIA_LAYER_OCI_TAR "application/vnd.oci.image.layer.v1.tar"

void save_blob_name(const char *digest, char ret[SAVE_NAME_SIZE])
{
	snprintf(ret, SAVE_NAME_SIZE, "blobs/sha256/%.64s", digest + strlen("sha256:"));
}

static bool fill_descriptor(struct json_object *o, const char *type, const char *digest, int64_t size)
{
	return o && json_add_str(o, "mediaType", type) && json_add_str(o, "digest", digest) && json_add_int(o, "size", size);
}

/* Adds `v` to a list; it is freed if that fails. */
static bool list_add(struct json_object *list, struct json_object *v)
{
	if (v && json_object_array_add(list, v) == 0)
		return true;
	json_object_put(v);
	return false;
}

struct json_object *save_manifest(const struct image *i)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *config = json_object_new_object(), *layers = json_object_new_array();

	if (!o || !json_add_int(o, "schemaVersion", 2) || !json_add_str(o, "mediaType", MEDIA_MANIFEST_OCI) || !json_add(o, "config", config) ||
	    !json_add(o, "layers", layers) || !config || !layers || !fill_descriptor(config, MEDIA_CONFIG_OCI, i->id, (int64_t)i->config_len))
		return NULL;
	for (size_t n = 0; n < i->n_layers; n++) {
		struct json_object *layer = json_object_new_object();

		if (!list_add(layers, layer) || !fill_descriptor(layer, MEDIA_LAYER_OCI_TAR, i->layers[n].diff_id, i->layers[n].unpacked))
			return NULL;
	}
	return STEAL(o);
}

struct json_object *save_index(void)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();

	if (!o || !list || !json_add_int(o, "schemaVersion", 2) || !json_add_str(o, "mediaType", MEDIA_INDEX_OCI) || !json_add(o, "manifests", list))
		return NULL;
	return STEAL(o);
}

static bool annotate(struct json_object *descriptor, const char *name)
{
	struct json_object *annotations = json_object_new_object();
	const char *colon = strrchr(name, ':');

	return json_add(descriptor, "annotations", annotations) && annotations && json_add_str(annotations, "io.containerd.image.name", name) &&
	       json_add_str(annotations, "org.opencontainers.image.ref.name", colon ? colon + 1 : name);
}

static bool index_add_one(struct json_object *list, const char *digest, size_t size, const char *name)
{
	struct json_object *o = json_object_new_object();

	return list_add(list, o) && fill_descriptor(o, MEDIA_MANIFEST_OCI, digest, (int64_t)size) && (!name || annotate(o, name));
}

bool save_index_add(struct json_object *index, const struct save_image *i, const char *digest, size_t size)
{
	struct json_object *list = json_array(index, "manifests");
	size_t n = json_object_array_length(i->names);

	for (size_t k = 0; k < n; k++)
		if (!index_add_one(list, digest, size, json_object_get_string(json_object_array_get_idx(i->names, k))))
			return false;
	return n > 0 || index_add_one(list, digest, size, NULL);
}

/* "busybox:latest", as RepoTags has it. */
static struct json_object *familiar_names(struct json_object *names)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();

	for (size_t k = 0; list && k < json_object_array_length(names); k++) {
		REFERENCE_CLEANUP struct reference r = { 0 };
		CLEANUP_FREE char *text = NULL;

		if (reference_parse(json_object_get_string(json_object_array_get_idx(names, k)), &r, NULL) < 0 || !(text = reference_familiar(&r)) ||
		    !list_add(list, json_object_new_string(text)))
			return NULL;
	}
	return STEAL(list);
}

static bool fill_entry(struct json_object *entry, const struct save_image *i)
{
	struct json_object *layers = json_object_new_array(), *names = familiar_names(i->names);
	char name[SAVE_NAME_SIZE];

	save_blob_name(i->image.id, name);
	if (!json_add_str(entry, "Config", name) || !json_add(entry, "RepoTags", names) || !json_add(entry, "Layers", layers) || !names || !layers)
		return false;
	for (size_t n = 0; n < i->image.n_layers; n++) {
		save_blob_name(i->image.layers[n].diff_id, name);
		if (!list_add(layers, json_object_new_string(name)))
			return false;
	}
	return true;
}

struct json_object *save_docker_manifest(const struct save_image *images, size_t n)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < n; i++) {
		struct json_object *entry = json_object_new_object();

		if (!list_add(list, entry) || !fill_entry(entry, &images[i]))
			return NULL;
	}
	return STEAL(list);
}

static bool add_repository(struct json_object *o, const char *full, const struct image *image)
{
	REFERENCE_CLEANUP struct reference r = { 0 };
	CLEANUP_FREE char *name = NULL;
	struct json_object *tags;

	if (reference_parse(full, &r, NULL) < 0 || !r.tag || !(name = reference_familiar_name(&r)))
		return false;
	tags = json_obj(o, name);
	if (!tags && (!(tags = json_object_new_object()) || !json_add(o, name, tags)))
		return false;
	return image->n_layers == 0 || json_add_str(tags, r.tag, image->layers[image->n_layers - 1].diff_id + strlen("sha256:"));
}

struct json_object *save_repositories(const struct save_image *images, size_t n)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	for (size_t i = 0; o && i < n; i++)
		for (size_t k = 0; k < json_object_array_length(images[i].names); k++)
			if (!add_repository(o, json_object_get_string(json_object_array_get_idx(images[i].names, k)), &images[i].image))
				return NULL;
	return STEAL(o);
}
