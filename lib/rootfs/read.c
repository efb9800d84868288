#include <archive_entry.h>

#include "lib/rootfs/tree.h"

#define HEADS 8192u /* a tar's own bytes around one small file */

static int take(void *arg, const void *data, size_t len, struct err *e)
{
	struct buf *tar = arg;

	buf_append(tar, data, len);
	return tar->failed ? err_set(e, ERR_TOO_LARGE, "a file is too large to be read") : 0;
}

int rootfs_read(const struct rootfs *fs, const struct rootfs_node *n, size_t limit, struct buf *ret, struct err *e)
{
	BUF_CLEANUP struct buf tar = BUF_LIMITED(limit + HEADS);
	struct archive *a;
	struct archive_entry *entry;
	char data[4096];
	la_ssize_t len = -1;

	if (n->type != LAYER_FILE)
		return err_set(e, ERR_INVALID, "no regular file");
	if (n->entry->size > (int64_t)limit)
		return err_set(e, ERR_TOO_LARGE, "a file is too large to be read");
	if (rootfs_tar(fs, n, "file", take, &tar, e) < 0)
		return -1;
	a = archive_read_new();
	if (a && archive_read_support_format_tar(a) == ARCHIVE_OK && archive_read_open_memory(a, tar.data, tar.len) == ARCHIVE_OK &&
	    archive_read_next_header(a, &entry) == ARCHIVE_OK)
		while ((len = archive_read_data(a, data, sizeof data)) > 0)
			buf_append(ret, data, (size_t)len);
	archive_read_free(a);
	return len < 0 || ret->failed ? err_nomem(e) : 0;
}
