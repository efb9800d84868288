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
#define TAR_BLOCK 512

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

/* A tar begins with a header whose checksum is right, or with a block of zeros if it is empty. */
static bool is_tar(const unsigned char *block)
{
	unsigned long sum = 0, claimed;
	char field[9] = { 0 };
	bool zeros = true;

	for (size_t i = 0; i < TAR_BLOCK; i++) {
		zeros = zeros && !block[i];
		sum += i >= 148 && i < 156 ? ' ' : block[i];
	}
	memcpy(field, block + 148, 8);
	claimed = strtoul(field, NULL, 8);
	return zeros || sum == claimed;
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

static int pump(struct archive *a, struct source *s, struct layer_writer *w, struct err *e)
{
	CLEANUP_FREE char *data = malloc(CHUNK);
	struct archive_entry *entry;
	la_ssize_t n;
	bool first = true;

	if (!data)
		return err_nomem(e);
	if (open_source(a, s) != ARCHIVE_OK || archive_read_next_header(a, &entry) != ARCHIVE_OK)
		return source_failed(a, s, e);
	while ((n = read_full(a, data, CHUNK)) > 0) {
		if (first && (n < TAR_BLOCK || !is_tar((const unsigned char *)data)))
			return err_set(e, ERR_INVALID, "Error processing tar file: archive/tar: invalid tar header");
		first = false;
		if (layer_write(w, data, (size_t)n, e) < 0)
			return -1;
	}
	return n < 0 || first ? source_failed(a, s, e) : 0;
}

static int import_layer(struct registry *to, const struct image_import *in, struct image_layer *ret, struct err *e)
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
	if (import_layer(to, in, i.layers, e) < 0)
		return -1;
	i.n_layers = 1;
	if (image_seal(&i, e) < 0 || image_push(to, &i, tag, e) < 0)
		return -1;
	*ret = i;
	i = (struct image){ 0 };
	return 0;
}
