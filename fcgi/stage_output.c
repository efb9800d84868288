#include "fcgi/stage_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/rootfs/layer_index.h"
#include "lib/rootfs/layer_reader.h"

#define TAR_END 1024 /* bytes of zeros that our own tars end with */

int stage_output_failed(struct stage_output *o, struct err *e)
{
	const char *text = archive_error_string(o->tar);

	return err_set(e, ERR_INTERNAL, "the files can't be kept: %s", text ? text : "out of memory");
}

/* What was there before stands in front, without the end of its tar. */
static int copy_before(struct stage_output *o, struct err *e)
{
	CLEANUP_CLOSE int old = open(o->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	off_t at = 0, end;

	if (old < 0)
		return errno == ENOENT ? 0 : err_errno(e, errno, "%s", o->path);
	if (fstat(old, &st) < 0)
		return err_errno(e, errno, "%s", o->path);
	o->before = true;
	end = st.st_size > TAR_END ? st.st_size - TAR_END : 0;
	while (at < end) {
		ssize_t n = copy_file_range(old, &at, o->fd, NULL, (size_t)(end - at), 0);

		if (n <= 0)
			return err_errno(e, n ? errno : EIO, "%s", o->new_path);
	}
	return 0;
}

static void count(struct stage_output *o, const char *path, const char *link)
{
	o->entries++;
	o->text += strlen(path) + strlen(link) + 2;
}

static int count_before(struct stage_output *o, struct err *e)
{
	LAYER_INDEX_CLEANUP struct layer_index *index = NULL;

	if (!o->before)
		return 0;
	if (layer_index_of_file(o->path, &index, e) < 0)
		return -1;
	for (size_t i = 0; i < index->n; i++)
		count(o, index->entries[i].path, index->entries[i].link);
	return 0;
}

/* One at a time for a container: the others wait, and begin with what the first has made. */
static int lock_new(struct stage_output *o, struct err *e)
{
	struct stat ours, there;

	for (;;) {
		o->fd = open(o->new_path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (o->fd < 0 || flock(o->fd, LOCK_EX) < 0)
			return err_errno(e, errno, "%s", o->new_path);
		if (fstat(o->fd, &ours) == 0 && stat(o->new_path, &there) == 0 && ours.st_ino == there.st_ino)
			return 0;
		close(o->fd);
	}
}

int stage_output_open(struct stage_output *o, const struct request *req, const char *id, enum container_layer layer, struct err *e)
{
	container_layer_path(req, id, layer, o->path, sizeof o->path);
	snprintf(o->new_path, sizeof o->new_path, "%s.new", o->path);
	if (lock_new(o, e) < 0)
		return -1;
	if (ftruncate(o->fd, 0) < 0)
		return err_errno(e, errno, "%s", o->new_path);
	o->tar = archive_write_new();
	if (!o->tar)
		return err_nomem(e);
	if (copy_before(o, e) < 0 || count_before(o, e) < 0)
		return -1;
	if (archive_write_set_format_gnutar(o->tar) != ARCHIVE_OK || archive_write_set_bytes_in_last_block(o->tar, 1) != ARCHIVE_OK ||
	    archive_write_open_fd(o->tar, o->fd) != ARCHIVE_OK)
		return stage_output_failed(o, e);
	return 0;
}

int stage_output_check(struct stage_output *o, struct err *e)
{
	off_t at = lseek(o->fd, 0, SEEK_CUR);

	if (at < 0)
		return err_errno(e, errno, "%s", o->new_path);
	if (at > LAYER_TAR_MAX)
		return err_set(e, ERR_TOO_LARGE, "copying more than %lld bytes into a container is not supported", (long long)LAYER_TAR_MAX);
	return 0;
}

int stage_output_add(struct stage_output *o, struct archive_entry *entry, struct err *e)
{
	const char *symlink = archive_entry_symlink(entry), *link = archive_entry_hardlink(entry);

	count(o, archive_entry_pathname(entry), symlink ? symlink : link ? link : "");
	if (o->entries > LAYER_ENTRIES_MAX)
		return err_set(e, ERR_TOO_LARGE, "copying more than %u files into a container is not supported", LAYER_ENTRIES_MAX);
	if (o->text > LAYER_TEXT_MAX)
		return err_set(e, ERR_TOO_LARGE, "copying files whose names take more than %u bytes into a container is not supported", LAYER_TEXT_MAX);
	o->used = true;
	if (archive_write_header(o->tar, entry) < ARCHIVE_WARN)
		return stage_output_failed(o, e);
	return stage_output_check(o, e);
}

int stage_output_sync(struct stage_output *o, struct err *e)
{
	if (archive_write_close(o->tar) != ARCHIVE_OK)
		return stage_output_failed(o, e);
	return fsync(o->fd) < 0 ? err_errno(e, errno, "%s", o->new_path) : 0;
}

int stage_output_take(struct stage_output *o, struct err *e)
{
	if (!o->used)
		return unlink(o->new_path) < 0 ? err_errno(e, errno, "%s", o->new_path) : 0;
	return rename(o->new_path, o->path) < 0 ? err_errno(e, errno, "%s", o->path) : 0;
}

void stage_output_drop(struct stage_output *o)
{
	if (o->fd >= 0 && unlink(o->new_path) < 0)
		log_warn("%s: %s", o->new_path, strerror(errno));
}

void stage_output_close(struct stage_output *o)
{
	archive_write_free(o->tar);
	if (o->fd >= 0)
		close(o->fd);
}
