#include "lib/registry/import.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/layer.h"

#define CHUNK 65536

struct source {
	const struct image_import *in;
	struct err why; /* what the reader said: libarchive can't carry it */
	char data[CHUNK];
};

static la_ssize_t source_read(struct archive *a, void *arg, const void **ret)
{
	struct source *s = arg;
	ssize_t n = s->in->read(s->in->arg, s->data, CHUNK, &s->why);

	if (n < 0)
		archive_set_error(a, EIO, "read");
	*ret = s->data;
	return n;
}

/* Only what unpacks within this process: libarchive runs programs for some others. */
static int open_source(struct archive *a, struct source *s)
{
	if (archive_read_support_filter_gzip(a) < ARCHIVE_WARN || archive_read_support_filter_bzip2(a) < ARCHIVE_WARN ||
	    archive_read_support_filter_xz(a) < ARCHIVE_WARN || archive_read_support_filter_zstd(a) < ARCHIVE_WARN ||
	    archive_read_support_format_raw(a) != ARCHIVE_OK)
		return ARCHIVE_FATAL;
	return archive_read_open(a, s, NULL, source_read, NULL);
}

static int source_failed(struct archive *a, struct source *s, struct err *e)
{
	if (s->why.kind)
		return err_set(e, s->why.kind, "%s", s->why.text);
	return err_set(e, ERR_INVALID, "Error processing tar file: %s", archive_error_string(a) ? archive_error_string(a) : "unexpected EOF");
}

/* Fills `data` as far as the source goes; the bytes, or -1. */
static la_ssize_t read_full(struct archive *a, char *data, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		la_ssize_t n = archive_read_data(a, data + len, cap - len);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (la_ssize_t)len;
}

/* The tar on its way: out of the unpacker, through the reader that checks it, into the layer. */
struct passage {
	struct archive *unpacker;
	struct layer_writer *layer;
	struct err why; /* of the layer */
	char data[CHUNK];
};

static la_ssize_t passage_read(struct archive *a, void *arg, const void **ret)
{
	struct passage *p = arg;
	la_ssize_t n = read_full(p->unpacker, p->data, CHUNK);

	if (n > 0 && layer_write(p->layer, p->data, (size_t)n, &p->why) < 0)
		n = -1;
	if (n < 0)
		archive_set_error(a, EIO, "read");
	*ret = p->data;
	return n;
}

static bool ascends(const char *path)
{
	for (; path && *path; path += strspn(path, "/")) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !memcmp(path, "..", 2))
			return true;
		path += n;
	}
	return false;
}

/* Each member, so that what is cut short or damaged is told now and not when a container is made of it. */
static int check_members(struct archive *tar, struct err *e)
{
	struct archive_entry *entry;
	int rc;

	while ((rc = archive_read_next_header(tar, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		if (ascends(archive_entry_pathname(entry)) || ascends(archive_entry_hardlink(entry)))
			return err_set(e, ERR_INVALID, "Error processing tar file: %.200s is outside of the image", archive_entry_pathname(entry));
		if (archive_read_data_skip(tar) < ARCHIVE_WARN)
			return -1;
	}
	return rc == ARCHIVE_EOF ? 0 : -1;
}

static int check_failed(struct archive *tar, struct passage *p, struct source *s, struct err *e)
{
	const char *text = archive_error_string(tar);

	if (e->kind)
		return -1;
	if (p->why.kind)
		return err_set(e, p->why.kind, "%s", p->why.text);
	if (s->why.kind || archive_errno(p->unpacker))
		return source_failed(p->unpacker, s, e);
	if (!text || strstr(text, "Unrecognized"))
		text = "archive/tar: invalid tar header";
	return err_set(e, ERR_INVALID, "Error processing tar file: %s", text);
}

static int check(struct archive *tar, struct passage *p, struct source *s, struct err *e)
{
	const void *data;
	la_ssize_t n;

	e->kind = ERR_NONE;
	if (archive_read_support_format_tar(tar) != ARCHIVE_OK || archive_read_open(tar, p, NULL, passage_read, NULL) != ARCHIVE_OK ||
	    check_members(tar, e) < 0)
		return check_failed(tar, p, s, e);
	/* What follows the end mark belongs to the layer's bytes as well. */
	while ((n = passage_read(tar, p, &data)) > 0)
		;
	return n < 0 ? check_failed(tar, p, s, e) : 0;
}

static int pump(struct archive *a, struct source *s, struct layer_writer *w, struct err *e)
{
	CLEANUP_FREE struct passage *p = calloc(1, sizeof *p);
	struct archive *tar = archive_read_new();
	struct archive_entry *entry;
	int rc = -1;

	if (!p || !tar) {
		err_nomem(e);
	} else if (open_source(a, s) != ARCHIVE_OK || archive_read_next_header(a, &entry) != ARCHIVE_OK) {
		source_failed(a, s, e);
	} else {
		p->unpacker = a;
		p->layer = w;
		rc = check(tar, p, s, e);
	}
	archive_read_free(tar);
	return rc;
}

int image_import_layer(struct registry *to, const struct image_import *in, struct image_layer *ret, struct err *e)
{
	CLEANUP_FREE struct source *s = calloc(1, sizeof *s);
	struct archive *a = archive_read_new();
	struct layer_writer *w = NULL;
	int rc;

	if (!s || !a) {
		archive_read_free(a);
		return err_nomem(e);
	}
	s->in = in;
	rc = layer_begin(to, in->limit, &w, e);
	if (rc == 0)
		rc = pump(a, s, w, e);
	archive_read_free(a);
	if (rc < 0) {
		layer_abort(w);
		return -1;
	}
	return layer_commit(w, ret, e);
}

static struct json_object *make_history(const char *created, const char *message)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	struct json_object *o = json_object_new_object();

	if (!list || !o || json_object_array_add(list, o) < 0) {
		json_object_put(o);
		return NULL;
	}
	if (!json_add_str(o, "created", created) || !json_add_str(o, "comment", message && *message ? message : "Imported from -"))
		return NULL;
	return STEAL(list);
}

static int make_config(const struct image_import *in, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	struct json_object *inner = json_object_new_object();
	struct json_object *history;
	char created[32];
	struct tm tm;

	if (!gmtime_r(&in->created, &tm) || !strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return err_set(e, ERR_INTERNAL, "bad time");
	if (!o || !json_add_str(o, "architecture", in->architecture) || !inner || !json_add(o, "config", inner) ||
	    !json_add_str(o, "created", created) || !(history = make_history(created, in->message)) ||
	    !json_add(o, "history", history) || !json_add_str(o, "os", "linux"))
		return err_nomem(e);
	for (size_t i = 0; in->changes && in->changes[i]; i++)
		if (image_change(inner, in->changes[i], e) < 0)
			return -1;
	*ret = STEAL(o);
	return 0;
}

int image_import(struct registry *to, const struct image_import *in, const char *tag, struct image *ret, struct err *e)
{
	IMAGE_CLEANUP struct image i = { 0 };

	/* The instructions first: a bad one is told before gigabytes move. */
	if (make_config(in, &i.config, e) < 0)
		return -1;
	i.layers = calloc(1, sizeof *i.layers);
	if (!i.layers)
		return err_nomem(e);
	if (image_import_layer(to, in, i.layers, e) < 0)
		return -1;
	i.n_layers = 1;
	if (image_seal(&i, e) < 0 || image_push(to, &i, tag, e) < 0)
		return -1;
	*ret = i;
	i = (struct image){ 0 };
	return 0;
}
