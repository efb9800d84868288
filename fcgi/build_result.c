#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/build.h"
#include "fcgi/image_registry.h"
#include "fcgi/image_store.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/image.h"

struct result {
	struct build *build;
	struct registry *to;
	struct image image;
	struct json_object *manifest; /* as buildah wrote it: its layers are those of the config, from the lowest */
};

static void result_free(struct result *r)
{
	registry_close(r->to);
	image_free(&r->image);
	json_object_put(r->manifest);
}

static int take_config(struct result *r, struct err *e)
{
	r->image.config_text = STEAL(r->build->config_text);
	r->image.config_len = strlen(r->image.config_text);
	memcpy(r->image.id, r->build->result, DIGEST_SIZE);
	return json_parse(r->image.config_text, r->image.config_len, &r->image.config, e);
}

static int read_blob_json(struct result *r, const char *name, struct json_object **ret, struct err *e)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_FREE char *text = NULL;
	size_t len;

	if (asprintf(&path, "%s/out/%s", r->build->dir, name) < 0)
		return err_nomem(e);
	return build_read_file(path, &text, &len, e) < 0 ? -1 : json_parse(text, len, ret, e);
}

static int read_manifest(struct result *r, struct err *e)
{
	CLEANUP_JSON struct json_object *index = NULL;
	struct json_object *list;
	const char *digest;
	char name[100];

	if (read_blob_json(r, "index.json", &index, e) < 0)
		return -1;
	list = json_array(index, "manifests");
	digest = list ? json_str(json_object_array_get_idx(list, 0), "digest", "") : "";
	if (!digest_valid(digest))
		return err_set(e, ERR_INTERNAL, "buildah wrote no image");
	snprintf(name, sizeof name, "blobs/sha256/%s", digest + 7);
	return read_blob_json(r, name, &r->manifest, e);
}

static int upload(struct result *r, struct json_object *from, struct image_layer *to, struct err *e)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int fd = -1;
	struct stat st;

	snprintf(to->digest, sizeof to->digest, "%s", json_str(from, "digest", ""));
	if (!digest_valid(to->digest) || !strstr(json_str(from, "mediaType", ""), "gzip"))
		return err_set(e, ERR_INTERNAL, "buildah wrote a layer of another kind than gzip");
	if (asprintf(&path, "%s/out/blobs/sha256/%s", r->build->dir, to->digest + 7) < 0)
		return err_nomem(e);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, errno, "reading a layer that buildah made");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INVALID, "a layer that buildah made is no file");
	to->size = st.st_size;
	return registry_put_blob_fd(r->to, fd, to->digest, NULL, e);
}

static int add_layer(struct result *r, size_t n, struct json_object *from, const char *diff_id, struct err *e)
{
	struct image_layer *to = &r->image.layers[n];
	struct json_object *known;

	if (!digest_valid(diff_id))
		return err_set(e, ERR_INTERNAL, "the config of the built image is damaged");
	known = json_get(r->build->layers, diff_id);
	snprintf(to->diff_id, sizeof to->diff_id, "%s", diff_id);
	snprintf(to->media_type, sizeof to->media_type, "%s", json_str(known, "type", MEDIA_LAYER_DOCKER));
	if (!known)
		return upload(r, from, to, e);
	snprintf(to->digest, sizeof to->digest, "%s", json_str(known, "digest", ""));
	to->size = json_int(known, "size", 0);
	return 0;
}

static int add_layers(struct result *r, struct err *e)
{
	struct json_object *layers = json_array(r->manifest, "layers");
	struct json_object *ids = json_array(json_obj(r->image.config, "rootfs"), "diff_ids");
	size_t n = ids ? json_object_array_length(ids) : 0;

	if (n == 0)
		return err_set(e, ERR_INVALID, "No image was generated. Is your Dockerfile empty?");
	if (!layers || json_object_array_length(layers) != n)
		return err_set(e, ERR_INTERNAL, "the config of the built image doesn't match its layers");
	if (n > IMAGE_LAYERS_MAX)
		return err_set(e, ERR_INVALID, "max depth exceeded");
	r->image.layers = calloc(n, sizeof *r->image.layers);
	if (!r->image.layers)
		return err_nomem(e);
	r->image.n_layers = n;
	for (size_t i = 0; i < n; i++)
		if (add_layer(r, i, json_object_array_get_idx(layers, i), json_object_get_string(json_object_array_get_idx(ids, i)), e) < 0)
			return -1;
	return 0;
}

static int keep_name(struct result *r, const char *name, struct err *e)
{
	struct request *req = r->build->req;
	REFERENCE_CLEANUP struct reference reference = { 0 };
	CLEANUP_FREE char *full = NULL;
	CLEANUP_FREE char *shown = NULL;

	if (reference_parse(name, &reference, e) < 0 || reference_default_tag(&reference, e) < 0)
		return -1;
	full = reference_full(&reference);
	shown = reference_familiar(&reference);
	if (!full || !shown)
		return err_nomem(e);
	return image_keep(req->store, req->tenant, &r->image, full, NULL, e) < 0 ||
	       image_tag_event(req->store, req->tenant, full, shown, r->image.id, r->image.config, e) < 0 ? -1 : 0;
}

/* The image that the tenant has got, as far as names and events need it. */
static int find_known(struct result *r, struct err *e)
{
	IMAGE_ROW_CLEANUP struct image_row row = { .config = NULL };
	struct request *req = r->build->req;
	int rc = image_load(req->store, req->tenant, r->build->result, &row, e);

	if (rc <= 0)
		return rc < 0 ? -1 : err_set(e, ERR_CONFLICT, "the image %s was removed while it was built", r->build->result);
	memcpy(r->image.id, row.id, DIGEST_SIZE);
	memcpy(r->image.digest, row.manifest_digest, DIGEST_SIZE);
	r->image.size = row.size;
	r->image.manifest_len = (size_t)row.manifest_size;
	snprintf(r->image.manifest_type, sizeof r->image.manifest_type, "%s", row.manifest_type);
	r->image.config_text = STEAL(row.config_text);
	r->image.config_len = strlen(r->image.config_text);
	r->image.config = STEAL(row.config);
	return 0;
}

static int keep(struct result *r, struct err *e)
{
	struct request *req = r->build->req;
	const char *name;
	size_t position = 0;
	int rc;

	if (store_begin(req->store, e) < 0)
		return -1;
	rc = r->build->known ? find_known(r, e) : image_keep(req->store, req->tenant, &r->image, NULL, NULL, e);
	while (rc == 0 && (name = request_query_next(req, "t", &position)))
		if (*name)
			rc = keep_name(r, name, e);
	if (rc < 0) {
		store_rollback(req->store);
		return -1;
	}
	return store_commit(req->store, e);
}

static int seal(struct image *i, struct err *e)
{
	snprintf(i->manifest_type, sizeof i->manifest_type, "%s", MEDIA_MANIFEST_DOCKER);
	snprintf(i->config_type, sizeof i->config_type, "%s", MEDIA_CONFIG_DOCKER);
	if (image_rewrite_manifest(i, e) < 0)
		return -1;
	memcpy(i->index_digest, i->digest, DIGEST_SIZE);
	return 0;
}

int build_result(struct build *b, struct err *e)
{
	__attribute__((cleanup(result_free))) struct result r = { .build = b };

	if (!b->known && (take_config(&r, e) < 0 || read_manifest(&r, e) < 0 || image_registry_open(b->req, true, &r.to, e) < 0 ||
			  add_layers(&r, e) < 0 || seal(&r.image, e) < 0 || image_push(r.to, &r.image, NULL, e) < 0))
		return -1;
	return keep(&r, e);
}
