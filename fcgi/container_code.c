#include "fcgi/container_code.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/function_ready.h"
#include "fcgi/image_registry.h"
#include "lib/aws/lambda.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/registry/layer.h"

#define BLOCK 65536
#define WAIT_SECONDS 60

struct copying {
	struct archive *in, *out;
	struct layer_writer *layer;
	struct err why; /* of the layer */
	char block[BLOCK];
};

static la_ssize_t write_out(struct archive *a, void *arg, const void *data, size_t len)
{
	struct copying *m = arg;

	if (layer_write(m->layer, data, len, &m->why) == 0)
		return (la_ssize_t)len;
	archive_set_error(a, EIO, "layer");
	return -1;
}

/* The function's user is nobody: what its owner may read or execute, all may. */
static void open_mode(struct archive_entry *entry)
{
	mode_t mode = archive_entry_perm(entry), owner = mode >> 6 & 5;

	if (archive_entry_filetype(entry) != AE_IFLNK)
		archive_entry_set_perm(entry, mode | owner | owner << 3);
}

static int copy_member(struct copying *m, struct archive_entry *entry)
{
	la_ssize_t n;

	open_mode(entry);
	if (archive_write_header(m->out, entry) < ARCHIVE_WARN)
		return -1;
	while ((n = archive_read_data(m->in, m->block, BLOCK)) > 0)
		if (archive_write_data(m->out, m->block, (size_t)n) != n)
			return -1;
	return n < 0 ? -1 : 0;
}

static int copy_tar(struct copying *m, const char *tar)
{
	struct archive_entry *entry;
	int rc;

	if (archive_read_support_format_tar(m->in) != ARCHIVE_OK || archive_read_open_filename(m->in, tar, BLOCK) != ARCHIVE_OK ||
	    archive_write_set_format_gnutar(m->out) != ARCHIVE_OK || archive_write_open(m->out, m, NULL, write_out, NULL) != ARCHIVE_OK)
		return -1;
	while ((rc = archive_read_next_header(m->in, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN)
		if (copy_member(m, entry) < 0)
			return -1;
	return rc == ARCHIVE_EOF && archive_write_close(m->out) == ARCHIVE_OK ? 0 : -1;
}

static int push_layer(struct registry *registry, const char *tar, struct image_layer *ret, struct err *e)
{
	struct copying m = { .in = archive_read_new(), .out = archive_write_new() };
	int rc = m.in && m.out ? layer_begin(registry, 0, &m.layer, e) : err_nomem(e);

	if (rc == 0 && copy_tar(&m, tar) < 0)
		rc = m.why.kind ? err_set(e, m.why.kind, "%s", m.why.text) : err_set(e, ERR_INTERNAL, "%s can't be made a layer", tar);
	archive_read_free(m.in);
	archive_write_free(m.out);
	if (rc < 0) {
		layer_abort(m.layer);
		return -1;
	}
	return layer_commit(m.layer, ret, e);
}

/* Lambda wants an entry for each layer. */
static bool add_history(struct json_object *config)
{
	struct json_object *history = json_array(config, "history"), *o = json_object_new_object();

	if (!history || !o || json_object_array_add(history, o) < 0) {
		json_object_put(o);
		return false;
	}
	return json_add_str(o, "created", "1970-01-01T00:00:00Z") && json_add_str(o, "created_by", "docker cp");
}

static int make_image(struct registry *registry, const struct image *derived, bool again, const char *tar, struct image *ret, struct err *e)
{
	size_t n = derived->n_layers - (again ? 1 : 0);

	if (n >= IMAGE_LAYERS_MAX)
		return err_set(e, ERR_NOT_SUPPORTED, "docker cp to such a place is not supported with an image of %d layers: there is no room for one more",
			       IMAGE_LAYERS_MAX);
	ret->layers = calloc(n + 1, sizeof *ret->layers);
	if (!ret->layers || json_object_deep_copy(derived->config, &ret->config, NULL) != 0 || (!again && !add_history(ret->config)))
		return err_nomem(e);
	memcpy(ret->layers, derived->layers, n * sizeof *ret->layers);
	ret->n_layers = n + 1;
	if (push_layer(registry, tar, &ret->layers[n], e) < 0 || image_seal(ret, e) < 0)
		return -1;
	return image_push(registry, ret, NULL, e);
}

static int wait_ready(struct request *req, const char *function, struct err *e)
{
	return function_ready(req, function, WAIT_SECONDS, e) == FUNCTION_READY ? 0 : -1;
}

static int keep_uri(struct request *req, const struct container *c, const char *uri, struct err *e)
{
	return store_run(req->store, QUERY_CONTAINER_SET_IMAGE_URI, e, "ttt", uri, req->tenant, c->id) < 0 ? -1 : 0;
}

int container_code_update(struct request *req, const struct container *c, const char *function, struct registry *registry,
			  const struct image *derived, bool again, const char *tar, struct err *e)
{
	IMAGE_CLEANUP struct image i = { 0 };
	BUF_CLEANUP struct buf uri = BUF_INIT;
	struct aws_client *aws = NULL;

	if (make_image(registry, derived, again, tar, &i, e) < 0 || worker_aws(req, &aws, e) < 0 || wait_ready(req, function, e) < 0)
		return -1;
	buf_printf(&uri, "%s/%s@%s", registry_host(registry), registry_repository(registry), i.digest);
	if (uri.failed)
		return err_nomem(e);
	if (lambda_update_function_code(aws, function, uri.data, e) < 0)
		return aws_trouble(e, "Lambda didn't take the container's image (UpdateFunctionCode)");
	return wait_ready(req, function, e) < 0 ? -1 : keep_uri(req, c, uri.data, e);
}
