#include "lib/registry/layer_tar.h"

#include <archive_entry.h>

#include "lib/cleanup.h"

static la_ssize_t write_out(struct archive *a, void *arg, const void *data, size_t len)
{
	struct layer_tar *t = arg;

	/* libarchive, told of an error, would leak its buffer. */
	(void)a;
	if (!t->why.kind)
		layer_write(t->layer, data, len, &t->why);
	return (la_ssize_t)len;
}

static int failed(struct layer_tar *t, struct err *e)
{
	if (t->why.kind)
		return err_set(e, t->why.kind, "%s", t->why.text);
	return err_set(e, ERR_INTERNAL, "tar: %s", archive_error_string(t->out) ? archive_error_string(t->out) : "failed");
}

int layer_tar_begin(struct registry *to, struct layer_tar *ret, struct err *e)
{
	*ret = (struct layer_tar){ 0 };
	if (layer_begin(to, 0, &ret->layer, e) < 0)
		return -1;
	ret->out = archive_write_new();
	if (!ret->out)
		return layer_tar_end(ret, err_nomem(e), NULL, e);
	if (archive_write_set_format_pax_restricted(ret->out) != ARCHIVE_OK || archive_write_add_filter_none(ret->out) != ARCHIVE_OK ||
	    archive_write_open(ret->out, ret, NULL, write_out, NULL) != ARCHIVE_OK)
		return layer_tar_end(ret, failed(ret, e), NULL, e);
	return 0;
}

static int put(struct layer_tar *t, const char *path, unsigned int type, const char *target, int64_t size, uint16_t mode, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	int rc;

	if (!entry)
		return err_nomem(e);
	archive_entry_copy_pathname(entry, path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, mode);
	archive_entry_set_uid(entry, 0);
	archive_entry_set_gid(entry, 0);
	archive_entry_set_uname(entry, "root");
	archive_entry_set_gname(entry, "root");
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_size(entry, size);
	if (target)
		archive_entry_copy_symlink(entry, target);
	rc = archive_write_header(t->out, entry);
	archive_entry_free(entry);
	return rc >= ARCHIVE_WARN && !t->why.kind ? 0 : failed(t, e);
}

int layer_tar_dir(struct layer_tar *t, const char *path, struct err *e)
{
	return put(t, path, AE_IFDIR, NULL, 0, 0755, e);
}

int layer_tar_link(struct layer_tar *t, const char *path, const char *target, struct err *e)
{
	return put(t, path, AE_IFLNK, target, 0, 0777, e);
}

int layer_tar_file(struct layer_tar *t, const char *path, int64_t size, uint16_t mode, struct err *e)
{
	return put(t, path, AE_IFREG, NULL, size, mode, e);
}

int layer_tar_data(void *layer_tar, const void *data, size_t len, struct err *e)
{
	struct layer_tar *t = layer_tar;

	return archive_write_data(t->out, data, len) == (la_ssize_t)len && !t->why.kind ? 0 : failed(t, e);
}

int layer_tar_end(struct layer_tar *t, int rc, struct image_layer *ret, struct err *e)
{
	if (rc == 0 && (archive_write_close(t->out) != ARCHIVE_OK || t->why.kind))
		rc = failed(t, e);
	if (rc < 0 && !t->why.kind)
		err_set(&t->why, ERR_INTERNAL, "given up");
	archive_write_free(t->out);
	if (rc == 0)
		return layer_commit(STEAL(t->layer), ret, e);
	layer_abort(STEAL(t->layer));
	return -1;
}
