#include "lib/registry/derive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/layer.h"

#define FORMAT "sockerless-derived-1"
#define EPOCH "1970-01-01T00:00:00Z"
#define READ_SIZE 65536

/* Reads a file to its end in pieces. */
static int each_piece(const char *path, int (*piece)(void *arg, const void *data, size_t len, struct err *e), void *arg, int64_t *ret_size,
		      struct err *e)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *data = malloc(READ_SIZE);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, errno, "%s", path);
	if (!data)
		return err_nomem(e);
	*ret_size = st.st_size;
	while ((n = read(fd, data, READ_SIZE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "%s", path);
		if (piece && piece(arg, data, (size_t)n, e) < 0)
			return -1;
	}
	return 0;
}

static int hash_piece(void *arg, const void *data, size_t len, struct err *e)
{
	return digest_update(arg, data, len, e);
}

int derive_key(const char *image_id, const char *agent_path, char ret[DERIVE_KEY_SIZE], struct err *e)
{
	EVP_MD_CTX *d = digest_begin(e);
	char digest[DIGEST_SIZE];
	int64_t size;

	if (!d)
		return -1;
	if (digest_update(d, FORMAT, sizeof FORMAT, e) < 0 || digest_update(d, image_id, strlen(image_id) + 1, e) < 0 ||
	    each_piece(agent_path, hash_piece, d, &size, e) < 0) {
		digest_drop(d);
		return -1;
	}
	if (digest_end(d, digest, e) < 0)
		return -1;
	memcpy(ret, digest + strlen("sha256:"), DERIVE_KEY_SIZE);
	return 0;
}

/* What the tar's bytes go to, and the error that libarchive can't carry. */
struct tar_out {
	struct layer_writer *layer;
	struct archive *tar;
	struct err why;
};

static la_ssize_t tar_write(struct archive *a, void *arg, const void *data, size_t len)
{
	struct tar_out *t = arg;

	if (layer_write(t->layer, data, len, &t->why) == 0)
		return (la_ssize_t)len;
	archive_set_error(a, EIO, "layer");
	return -1;
}

static int tar_failed(struct tar_out *t, struct err *e)
{
	if (t->why.kind)
		return err_set(e, t->why.kind, "%s", t->why.text);
	return err_set(e, ERR_INTERNAL, "tar: %s", archive_error_string(t->tar) ? archive_error_string(t->tar) : "failed");
}

static int tar_header(struct tar_out *t, const char *path, mode_t type, int64_t size, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	int rc;

	if (!entry)
		return err_nomem(e);
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, 0755);
	archive_entry_set_uid(entry, 0);
	archive_entry_set_gid(entry, 0);
	archive_entry_set_uname(entry, "root");
	archive_entry_set_gname(entry, "root");
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_size(entry, size);
	rc = archive_write_header(t->tar, entry);
	archive_entry_free(entry);
	return rc == ARCHIVE_OK ? 0 : tar_failed(t, e);
}

static int tar_piece(void *arg, const void *data, size_t len, struct err *e)
{
	struct tar_out *t = arg;

	return archive_write_data(t->tar, data, len) == (la_ssize_t)len ? 0 : tar_failed(t, e);
}

static int write_tar(struct tar_out *t, const char *agent_path, struct err *e)
{
	int64_t size, again;

	if (archive_write_set_format_ustar(t->tar) != ARCHIVE_OK || archive_write_add_filter_none(t->tar) != ARCHIVE_OK ||
	    archive_write_open(t->tar, t, NULL, tar_write, NULL) != ARCHIVE_OK)
		return tar_failed(t, e);
	if (each_piece(agent_path, NULL, NULL, &size, e) < 0 || tar_header(t, ".sockerless/", AE_IFDIR, 0, e) < 0 ||
	    tar_header(t, &DERIVE_AGENT[1], AE_IFREG, size, e) < 0 || each_piece(agent_path, tar_piece, t, &again, e) < 0)
		return -1;
	if (size != again)
		return err_set(e, ERR_INTERNAL, "%s changed while it was read", agent_path);
	return archive_write_close(t->tar) == ARCHIVE_OK ? 0 : tar_failed(t, e);
}

static int make_layer(struct registry *to, const char *agent_path, struct image_layer *ret, struct err *e)
{
	struct tar_out t = { 0 };
	int rc;

	if (layer_begin(to, 0, &t.layer, e) < 0)
		return -1;
	t.tar = archive_write_new();
	rc = t.tar ? write_tar(&t, agent_path, e) : err_nomem(e);
	archive_write_free(t.tar);
	if (rc < 0) {
		layer_abort(t.layer);
		return -1;
	}
	return layer_commit(t.layer, ret, e);
}

static struct json_object *history_entry(const char *created_by)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	return o && json_add_str(o, "created", EPOCH) && json_add_str(o, "created_by", created_by) ? STEAL(o) : NULL;
}

static size_t count_layers(struct json_object *history)
{
	size_t n = 0;

	for (size_t i = 0; history && i < json_object_array_length(history); i++)
		n += !json_flag(json_object_array_get_idx(history, i), "empty_layer", false);
	return n;
}

/* Lambda wants one entry for each layer: a history that doesn't fit is replaced by a plain one. */
static int extend_history(struct json_object *config, struct err *e)
{
	struct json_object *ids = json_path(config, "rootfs", "diff_ids", NULL);
	struct json_object *history = json_array(config, "history");
	struct json_object *entry;
	size_t n = ids && json_object_is_type(ids, json_type_array) ? json_object_array_length(ids) : 0;

	if (count_layers(history) != n || !history) {
		history = json_object_new_array();
		if (!history || !json_add(config, "history", history))
			return err_nomem(e);
		for (size_t i = 0; i < n; i++) {
			entry = history_entry("layer");
			if (!entry || json_object_array_add(history, entry) < 0)
				return err_nomem(e);
		}
	}
	entry = history_entry("sockerless agent");
	if (!entry || json_object_array_add(history, entry) < 0)
		return err_nomem(e);
	return 0;
}

static int set_entrypoint(struct json_object *config, struct err *e)
{
	struct json_object *inner = json_obj(config, "config");
	struct json_object *entry_point = json_object_new_array();

	if (!entry_point || json_object_array_add(entry_point, json_object_new_string(DERIVE_AGENT)) < 0) {
		json_object_put(entry_point);
		return err_nomem(e);
	}
	if (!inner) {
		inner = json_object_new_object();
		if (!inner || !json_add(config, "config", inner)) {
			json_object_put(entry_point);
			return err_nomem(e);
		}
	}
	json_object_object_del(inner, "Cmd");
	if (!json_add(inner, "Entrypoint", entry_point) || !json_add_str(inner, "WorkingDir", "/"))
		return err_nomem(e);
	return 0;
}

int derive_config(struct json_object *base, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *config = NULL;

	if (json_object_deep_copy(base, &config, NULL) != 0)
		return err_nomem(e);
	/* What old builders left about a container of theirs. */
	json_object_object_del(config, "container");
	json_object_object_del(config, "container_config");
	if (set_entrypoint(config, e) < 0 || extend_history(config, e) < 0)
		return -1;
	*ret = STEAL(config);
	return 0;
}

/* An image of the agent's layer alone, under a tag of its own, remembers the layer for all others of the repository. */
static int remember_layer(struct registry *to, const struct image_layer *layer, const char *architecture, const char *tag, struct err *e)
{
	IMAGE_CLEANUP struct image i = { .layers = malloc(sizeof *i.layers), .config = json_object_new_object() };

	if (!i.layers || !i.config || !json_add_str(i.config, "architecture", architecture) || !json_add_str(i.config, "os", "linux"))
		return err_nomem(e);
	*i.layers = *layer;
	i.n_layers = 1;
	return image_seal(&i, e) < 0 ? -1 : image_push(to, &i, tag, e);
}

/* Packing the agent takes half a second, so it is done once for a repository. */
static int agent_layer(struct registry *to, const char *agent_path, const char *architecture, struct image_layer *ret, struct err *e)
{
	IMAGE_CLEANUP struct image i = { 0 };
	char key[DERIVE_KEY_SIZE], tag[sizeof "sockerless-agent-" + DERIVE_KEY_SIZE];

	if (derive_key(architecture, agent_path, key, e) < 0)
		return -1;
	snprintf(tag, sizeof tag, "sockerless-agent-%s", key);
	if (image_fetch(to, tag, architecture, &i, NULL) == 0 && i.n_layers == 1) {
		*ret = *i.layers;
		return 0;
	}
	return make_layer(to, agent_path, ret, e) < 0 ? -1 : remember_layer(to, ret, architecture, tag, e);
}

static int make_image(struct registry *to, const struct image *base, const char *agent_path, struct image *ret, struct err *e)
{
	ret->layers = calloc(base->n_layers + 1, sizeof *ret->layers);
	if (!ret->layers)
		return err_nomem(e);
	memcpy(ret->layers, base->layers, base->n_layers * sizeof *ret->layers);
	if (agent_layer(to, agent_path, json_str(base->config, "architecture", "amd64"), &ret->layers[base->n_layers], e) < 0)
		return -1;
	ret->n_layers = base->n_layers + 1;
	if (derive_config(base->config, &ret->config, e) < 0)
		return -1;
	return image_seal(ret, e);
}

int derive_image(struct registry *to, const struct image *base, const char *agent_path, char **ret_uri, struct err *e)
{
	IMAGE_CLEANUP struct image i = { 0 };
	BUF_CLEANUP struct buf uri = BUF_INIT;
	char tag[sizeof "sockerless-" + DERIVE_KEY_SIZE], key[DERIVE_KEY_SIZE], digest[DIGEST_SIZE] = "";
	int there;

	if (base->n_layers >= IMAGE_LAYERS_MAX)
		return err_set(e, ERR_NOT_SUPPORTED, "images of %d layers are not supported: there is no room for the agent's",
			       IMAGE_LAYERS_MAX);
	if (derive_key(base->id, agent_path, key, e) < 0)
		return -1;
	snprintf(tag, sizeof tag, "sockerless-%s", key);
	there = registry_head_manifest(to, tag, digest, e);
	if (there < 0)
		return -1;
	if (!there || !*digest) {
		if (make_image(to, base, agent_path, &i, e) < 0 || image_push(to, &i, tag, e) < 0)
			return -1;
		memcpy(digest, i.digest, DIGEST_SIZE);
	}
	buf_printf(&uri, "%s/%s@%s", registry_host(to), registry_repository(to), digest);
	*ret_uri = buf_steal(&uri);
	return *ret_uri ? 0 : err_nomem(e);
}
