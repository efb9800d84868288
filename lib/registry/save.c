#include "lib/registry/save.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/registry/gunzip.h"
#include "lib/registry/save_documents.h"

struct saving {
	struct registry *from;
	const struct save_target *to;
	struct archive *tar;
	struct json_object *written; /* names of members that are there; owned */
	struct err why;              /* of the target: libarchive can't carry it */
};

static int count_bytes(void *arg, const void *data, size_t len, struct err *e)
{
	int64_t *size = arg;

	(void)data;
	*size += (int64_t)len;
	return *size > REGISTRY_BLOB_MAX ? err_set(e, ERR_TOO_LARGE, "a layer unpacks to more than %lld bytes", (long long)REGISTRY_BLOB_MAX) : 0;
}

static int feed(void *arg, const void *data, size_t len, struct err *e)
{
	return gunzip_write(arg, data, len, e);
}

static int read_layer(struct registry *from, const struct image_layer *layer, struct gunzip *g, struct err *e)
{
	return registry_get_blob(from, layer->digest, layer->size, feed, g, NULL, e) < 0 ? -1 : gunzip_end(g, e);
}

int save_measure(struct registry *from, const struct image_layer *layer, int64_t *ret, struct err *e)
{
	int64_t size = 0;
	GUNZIP_CLEANUP struct gunzip g = { .write = count_bytes, .arg = &size };

	if (read_layer(from, layer, &g, e) < 0)
		return -1;
	*ret = size;
	return 0;
}

static la_ssize_t target_write(struct archive *a, void *arg, const void *data, size_t len)
{
	struct saving *s = arg;

	if (s->to->write(s->to->arg, data, len, &s->why) == 0)
		return (la_ssize_t)len;
	archive_set_error(a, EIO, "write");
	return -1;
}

static int tar_failed(struct saving *s, struct err *e)
{
	if (s->why.kind)
		return err_set(e, s->why.kind, "%s", s->why.text);
	return err_set(e, ERR_INTERNAL, "tar: %s", archive_error_string(s->tar) ? archive_error_string(s->tar) : "failed");
}

static int add_header(struct saving *s, const char *name, mode_t type, int64_t size, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	int rc;

	if (!entry)
		return err_nomem(e);
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, type == AE_IFDIR ? 0755 : 0644);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_size(entry, size);
	rc = archive_write_header(s->tar, entry);
	archive_entry_free(entry);
	return rc == ARCHIVE_OK ? 0 : tar_failed(s, e);
}

static int add_bytes(void *arg, const void *data, size_t len, struct err *e)
{
	struct saving *s = arg;

	/* More than the header said is cut off by libarchive, and told by a short count. */
	return archive_write_data(s->tar, data, len) == (la_ssize_t)len ? 0 : tar_failed(s, e);
}

/* True the first time. */
static bool is_new(struct saving *s, const char *name)
{
	return !json_object_object_get_ex(s->written, name, NULL) && json_add(s->written, name, NULL);
}

static int add_text(struct saving *s, const char *name, const char *text, size_t len, struct err *e)
{
	if (!is_new(s, name))
		return 0;
	return add_header(s, name, AE_IFREG, (int64_t)len, e) < 0 ? -1 : add_bytes(s, text, len, e);
}

static int add_document(struct saving *s, const char *name, struct json_object *document, struct err *e)
{
	const char *text = document ? json_text(document) : NULL;

	return text ? add_text(s, name, text, strlen(text), e) : err_nomem(e);
}

static int add_layer(struct saving *s, const struct image_layer *layer, struct err *e)
{
	GUNZIP_CLEANUP struct gunzip g = { .write = add_bytes, .arg = s };
	char name[SAVE_NAME_SIZE];

	save_blob_name(layer->diff_id, name);
	if (!is_new(s, name))
		return 0;
	return add_header(s, name, AE_IFREG, layer->unpacked, e) < 0 ? -1 : read_layer(s->from, layer, &g, e);
}

static int add_image(struct saving *s, const struct save_image *i, struct json_object *index, struct err *e)
{
	CLEANUP_JSON struct json_object *manifest = save_manifest(&i->image);
	const char *text = manifest ? json_text(manifest) : "";
	char name[SAVE_NAME_SIZE], digest[DIGEST_SIZE];

	for (size_t n = 0; n < i->image.n_layers; n++)
		if (add_layer(s, &i->image.layers[n], e) < 0)
			return -1;
	save_blob_name(i->image.id, name);
	if (!manifest)
		return err_nomem(e);
	if (add_text(s, name, i->image.config_text, i->image.config_len, e) < 0 || digest_of(text, strlen(text), digest, e) < 0)
		return -1;
	save_blob_name(digest, name);
	if (add_text(s, name, text, strlen(text), e) < 0)
		return -1;
	return save_index_add(index, i, digest, strlen(text)) ? 0 : err_nomem(e);
}

static int add_all(struct saving *s, const struct save_image *images, size_t n, struct err *e)
{
	CLEANUP_JSON struct json_object *index = save_index();
	CLEANUP_JSON struct json_object *manifest = save_docker_manifest(images, n);
	CLEANUP_JSON struct json_object *repositories = save_repositories(images, n);
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";

	if (!index || add_header(s, "blobs/", AE_IFDIR, 0, e) < 0 || add_header(s, "blobs/sha256/", AE_IFDIR, 0, e) < 0)
		return index ? -1 : err_nomem(e);
	for (size_t i = 0; i < n; i++)
		if (add_image(s, &images[i], index, e) < 0)
			return -1;
	if (add_document(s, "index.json", index, e) < 0 || add_document(s, "manifest.json", manifest, e) < 0 ||
	    add_text(s, "oci-layout", layout, strlen(layout), e) < 0)
		return -1;
	if (!repositories || json_object_object_length(repositories))
		return add_document(s, "repositories", repositories, e);
	return 0;
}

int save_images(struct registry *from, const struct save_image *images, size_t n, const struct save_target *to, struct err *e)
{
	CLEANUP_JSON struct json_object *written = json_object_new_object();
	struct saving s = { .from = from, .to = to, .tar = archive_write_new(), .written = written };
	int rc;

	if (!written || !s.tar)
		rc = err_nomem(e);
	else if (archive_write_set_format_pax_restricted(s.tar) != ARCHIVE_OK || archive_write_add_filter_none(s.tar) != ARCHIVE_OK ||
		 archive_write_set_bytes_per_block(s.tar, 65536) != ARCHIVE_OK || archive_write_open(s.tar, &s, NULL, target_write, NULL) != ARCHIVE_OK)
		rc = tar_failed(&s, e);
	else
		rc = add_all(&s, images, n, e);
	/* Without the end of the archive it can't be taken for a whole one. */
	if (rc < 0 && s.tar)
		archive_write_fail(s.tar);
	else if (rc == 0 && archive_write_close(s.tar) != ARCHIVE_OK)
		rc = tar_failed(&s, e);
	archive_write_free(s.tar);
	return rc;
}
