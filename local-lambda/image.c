#include "local-lambda/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/ids.h"
#include "lib/json.h"
#include "local-lambda/image_fetch.h"
#include "local-lambda/image_unpack.h"
#include "local-lambda/tree_remove.h"

#define CONFIG_MAX (8u << 20)

struct image_store {
	char *dir;
	int fd, layers, images, tmp;
};

struct image {
	atomic_uint refs;
	unsigned layer_count;
	struct json_object *config; /* the whole image config */
	char *dir;
	char digest[7 + DIGEST_HEX_LEN + 1];
};

/* What one prepare works with. */
struct job {
	struct image_store *store;
	struct image_source source;
	struct json_object *manifest; /* owned */
	struct json_object *config;   /* owned */
	char hex[DIGEST_HEX_LEN + 1];
	uint64_t bytes_left;
};

static int dir_make(int at, const char *name)
{
	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -1;
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void image_store_close(struct image_store *store)
{
	if (!store)
		return;
	for (int *fd = (int[]){ store->fd, store->layers, store->images, store->tmp, -2 }; *fd != -2; fd++)
		if (*fd >= 0)
			close(*fd);
	free(store->dir);
	free(store);
}

int image_store_open(struct image_store **ret, const char *dir, struct err *e)
{
	struct image_store *store = calloc(1, sizeof *store);

	if (!store)
		return err_nomem(e);
	store->layers = store->images = store->tmp = -1;
	store->fd = dir_make(AT_FDCWD, dir);
	store->dir = realpath(dir, NULL);
	if (store->fd >= 0 && store->dir) {
		/* Half-unpacked layers of a killed predecessor. */
		tree_remove(store->fd, "tmp");
		store->layers = dir_make(store->fd, "layers");
		store->images = dir_make(store->fd, "images");
		store->tmp = dir_make(store->fd, "tmp");
	}
	if (store->tmp < 0 || store->layers < 0 || store->images < 0) {
		err_errno(e, errno, "image store %s", dir);
		image_store_close(store);
		return -1;
	}
	*ret = store;
	return 0;
}

static int file_read(int dir, const char *name, struct buf *out)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	do {
		if (!buf_reserve(out, 65536))
			return -1;
		n = read(fd, out->data + out->len, 65536);
		if (n > 0)
			out->len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0 || !buf_reserve(out, 0))
		return -1;
	out->data[out->len] = '\0';
	return 0;
}

static int file_write(int dir, const char *name, const char *data, size_t len)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	for (size_t done = 0; fd >= 0 && done < len;) {
		ssize_t n = write(fd, data + done, len - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return fd < 0 ? -1 : 0;
}

static int tmp_file(struct job *job, char name[33], struct err *e)
{
	id_random(name, 16);
	int fd = openat(job->store->tmp, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(e, errno, "image store");
	unlinkat(job->store->tmp, name, 0);
	return fd;
}

static int manifest_check(struct json_object *manifest, struct err *e)
{
	const char *type = json_str(manifest, "mediaType", "");
	struct json_object *layers = json_array(manifest, "layers");

	if (json_array(manifest, "manifests") || strstr(type, "manifest.list") || strstr(type, "image.index"))
		return err_set(e, ERR_INVALID, "The image manifest or layer media type for the source image is not supported: it is an index "
			       "of several images; give the one of a single architecture");
	if (*type && strcmp(type, "application/vnd.docker.distribution.manifest.v2+json") &&
	    strcmp(type, "application/vnd.oci.image.manifest.v1+json"))
		return err_set(e, ERR_INVALID, "The image manifest or layer media type for the source image is not supported: %s", type);
	if (!layers || !json_obj(manifest, "config") || !json_object_array_length(layers) || json_object_array_length(layers) > IMAGE_LAYERS_MAX)
		return err_set(e, ERR_INVALID, "the image manifest has no config, no layers, or more than %d of them", IMAGE_LAYERS_MAX);
	for (size_t i = 0; i < json_object_array_length(layers); i++)
		if (strstr(json_str(json_object_array_get_idx(layers, i), "mediaType", ""), "zstd"))
			return err_set(e, ERR_INVALID, "The image manifest or layer media type for the source image is not supported: layer %zu "
				       "is compressed with zstd", i);
	return 0;
}

static int config_check(struct job *job, const char *architecture, struct err *e)
{
	struct json_object *diffs = json_array(json_obj(job->config, "rootfs"), "diff_ids");
	struct json_object *history = json_array(job->config, "history");
	size_t layers = json_object_array_length(json_array(job->manifest, "layers")), filled = 0;
	const char *wanted = !strcmp(architecture, "arm64") ? "arm64" : "amd64";
	const char *has = json_str(job->config, "architecture", "");

	if (strcmp(has, wanted) || strcmp(json_str(job->config, "os", ""), "linux"))
		return err_set(e, ERR_INVALID, "the image is for %s/%s, the function's architecture is %s", json_str(job->config, "os", "?"),
			       *has ? has : "?", architecture);
	if (!diffs || json_object_array_length(diffs) != layers)
		return err_set(e, ERR_INVALID, "the image config has %zu diff_ids, the manifest %zu layers",
			       diffs ? json_object_array_length(diffs) : 0, layers);
	for (size_t i = 0; i < layers; i++)
		if (!digest_hex(json_object_get_string(json_object_array_get_idx(diffs, i))))
			return err_set(e, ERR_INVALID, "diff id %zu of the image config is none", i);
	for (size_t i = 0; history && i < json_object_array_length(history); i++)
		filled += !json_flag(json_object_array_get_idx(history, i), "empty_layer", false);
	if (filled != layers)
		return err_set(e, ERR_INVALID, "the image config's history has %zu entries for %zu layers", filled, layers);
	return 0;
}

/* Takes the lock of one layer, so that several functions of one image fetch it once. */
static int layer_lock(struct job *job, const char *hex, struct err *e)
{
	char name[DIGEST_HEX_LEN + 8];

	snprintf(name, sizeof name, "%s.lock", hex);
	int fd = openat(job->store->layers, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, errno, "image store");
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR) {
			err_errno(e, errno, "image store");
			close(fd);
			return -1;
		}
	return fd;
}

static int layer_fetch(struct job *job, struct json_object *layer, const char *diff_hex, struct err *e)
{
	char blob_name[33], dir_name[33];
	int64_t size = json_int(layer, "size", -1);
	CLEANUP_CLOSE int blob = -1;
	CLEANUP_CLOSE int dir = -1;

	if (size < 0 || (uint64_t)size > IMAGE_BYTES_MAX)
		return err_set(e, ERR_INVALID, "a layer's size in the manifest is out of bounds");
	blob = tmp_file(job, blob_name, e);
	if (blob < 0 || image_fetch_blob(&job->source, json_str(layer, "digest", ""), (uint64_t)size, blob, e) < 0)
		return -1;
	id_random(dir_name, 16);
	dir = dir_make(job->store->tmp, dir_name);
	/* The layer's root is what others see of "/" when it brings no entry for it. */
	if (dir < 0 || fchmod(dir, 0755) < 0)
		return err_errno(e, errno, "image store");
	int rc = layer_unpack(blob, dir, diff_hex, &job->bytes_left, e);
	if (rc == 0 && renameat(job->store->tmp, dir_name, job->store->layers, diff_hex) < 0)
		rc = err_errno(e, errno, "image store");
	if (rc < 0)
		tree_remove(job->store->tmp, dir_name);
	return rc;
}

static int layer_ensure(struct job *job, size_t index, struct err *e)
{
	struct json_object *layer = json_object_array_get_idx(json_array(job->manifest, "layers"), index);
	struct json_object *diffs = json_array(json_obj(job->config, "rootfs"), "diff_ids");
	const char *hex = digest_hex(json_object_get_string(json_object_array_get_idx(diffs, index)));
	CLEANUP_CLOSE int lock = -1;

	if (faccessat(job->store->layers, hex, F_OK, 0) == 0)
		return 0;
	lock = layer_lock(job, hex, e);
	if (lock < 0)
		return -1;
	if (faccessat(job->store->layers, hex, F_OK, 0) == 0)
		return 0;
	return layer_fetch(job, layer, hex, e);
}

/* The directory that makes the image known: complete or not there. */
static int image_publish(struct job *job, const struct buf *manifest, const struct buf *config, struct err *e)
{
	struct json_object *diffs = json_array(json_obj(job->config, "rootfs"), "diff_ids");
	char name[33], link[24], target[128];
	CLEANUP_CLOSE int dir = -1;

	id_random(name, 16);
	dir = dir_make(job->store->tmp, name);
	if (dir < 0 || file_write(dir, "manifest.json", manifest->data, manifest->len) < 0 ||
	    file_write(dir, "config.json", config->data, config->len) < 0)
		goto failed;
	for (size_t i = 0; i < json_object_array_length(diffs); i++) {
		snprintf(link, sizeof link, "%zu", i);
		snprintf(target, sizeof target, "../../layers/%s",
			 digest_hex(json_object_get_string(json_object_array_get_idx(diffs, i))));
		if (symlinkat(target, dir, link) < 0)
			goto failed;
	}
	if (renameat(job->store->tmp, name, job->store->images, job->hex) < 0) {
		/* Somebody else was first: theirs is the same. */
		if (errno != EEXIST && errno != ENOTEMPTY)
			goto failed;
		tree_remove(job->store->tmp, name);
	}
	return 0;
failed:
	err_errno(e, errno, "image store");
	tree_remove(job->store->tmp, name);
	return -1;
}

static int config_fetch(struct job *job, struct buf *out, struct err *e)
{
	const char *digest = json_str(json_obj(job->manifest, "config"), "digest", "");
	char name[33], path[64];
	CLEANUP_CLOSE int fd = tmp_file(job, name, e);

	if (fd < 0 || image_fetch_blob(&job->source, digest, CONFIG_MAX, fd, e) < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (file_read(AT_FDCWD, path, out) < 0)
		return err_errno(e, errno, "image store");
	return 0;
}

static int job_fetch(struct job *job, const char *architecture, struct err *e)
{
	BUF_CLEANUP struct buf manifest = BUF_INIT;
	BUF_CLEANUP struct buf config = BUF_LIMITED(CONFIG_MAX + 65537);

	if (image_fetch_manifest(&job->source, &manifest, job->hex, e) < 0)
		return -1;
	if (json_parse(manifest.data, manifest.len, &job->manifest, e) < 0)
		return err_prefix(e, "image manifest");
	if (manifest_check(job->manifest, e) < 0 || config_fetch(job, &config, e) < 0)
		return -1;
	if (json_parse(config.data, config.len, &job->config, e) < 0)
		return err_prefix(e, "image config");
	if (config_check(job, architecture, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(json_array(job->manifest, "layers")); i++)
		if (layer_ensure(job, i, e) < 0)
			return -1;
	return image_publish(job, &manifest, &config, e);
}

/* 1: known already. */
static int job_recall(struct job *job, const char *architecture, struct err *e)
{
	BUF_CLEANUP struct buf manifest = BUF_INIT;
	BUF_CLEANUP struct buf config = BUF_INIT;
	const char *hex = digest_hex(job->source.reference);
	CLEANUP_CLOSE int dir = -1;

	if (!hex)
		return 0;
	dir = openat(job->store->images, hex, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0;
	if (file_read(dir, "manifest.json", &manifest) < 0 || file_read(dir, "config.json", &config) < 0)
		return err_errno(e, errno, "image store");
	memcpy(job->hex, hex, sizeof job->hex);
	if (json_parse(manifest.data, manifest.len, &job->manifest, e) < 0 ||
	    json_parse(config.data, config.len, &job->config, e) < 0 || manifest_check(job->manifest, e) < 0 ||
	    config_check(job, architecture, e) < 0)
		return -1;
	return 1;
}

static int image_new(struct job *job, struct image **ret, struct err *e)
{
	struct image *image = calloc(1, sizeof *image);

	if (!image)
		return err_nomem(e);
	atomic_init(&image->refs, 1);
	image->layer_count = (unsigned)json_object_array_length(json_array(job->manifest, "layers"));
	image->config = STEAL(job->config);
	snprintf(image->digest, sizeof image->digest, "sha256:%s", job->hex);
	if (asprintf(&image->dir, "%s/images/%s", job->store->dir, job->hex) < 0) {
		image->dir = NULL;
		image_unref(image);
		return err_nomem(e);
	}
	*ret = image;
	return 0;
}

int image_prepare(struct image_store *store, const char *uri, const char *auth, const char *architecture, struct image **ret,
		  struct err *e)
{
	struct job job = { .store = store, .bytes_left = IMAGE_BYTES_MAX };
	int rc;

	if (image_source_parse(&job.source, uri, auth, e) < 0)
		return -1;
	rc = job_recall(&job, architecture, e);
	if (rc == 0)
		rc = job_fetch(&job, architecture, e);
	if (rc >= 0)
		rc = image_new(&job, ret, e);
	json_object_put(job.manifest);
	json_object_put(job.config);
	return rc;
}

struct json_object *image_config(const struct image *image)
{
	return json_obj(image->config, "config");
}

const char *image_dir(const struct image *image)
{
	return image->dir;
}

unsigned image_layer_count(const struct image *image)
{
	return image->layer_count;
}

struct image *image_ref(struct image *image)
{
	atomic_fetch_add(&image->refs, 1);
	return image;
}

void image_unref(struct image *image)
{
	if (!image || atomic_fetch_sub(&image->refs, 1) != 1)
		return;
	json_object_put(image->config);
	free(image->dir);
	free(image);
}
