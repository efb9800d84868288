#include "agent-gateway/agent/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent-gateway/agent/task.h"

#define BLOCK (128 * 1024)

static la_ssize_t write_out(struct archive *a, void *arg, const void *data, size_t len)
{
	(void)a;
	(void)arg;
	return task_write(data, len) < 0 ? -1 : (la_ssize_t)len;
}

int pack_open(struct pack *p)
{
	p->tar = archive_write_new();
	p->links = archive_entry_linkresolver_new();
	p->block = malloc(BLOCK);
	/* GNU's form takes names as they are, without a table of characters. */
	if (!p->tar || !p->links || !p->block || archive_write_set_format_gnutar(p->tar) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(p->tar, BLOCK) != ARCHIVE_OK || archive_write_set_bytes_in_last_block(p->tar, 1) != ARCHIVE_OK ||
	    archive_write_open(p->tar, NULL, NULL, write_out, NULL) != ARCHIVE_OK)
		return -1;
	archive_entry_linkresolver_set_strategy(p->links, ARCHIVE_FORMAT_TAR_GNUTAR);
	return 0;
}

static int write_data(struct pack *p, int fd, struct archive_entry *entry)
{
	int64_t left = archive_entry_size(entry);
	ssize_t n = 0;

	while (left > 0 && (n = read(fd, p->block, left < BLOCK ? (size_t)left : BLOCK)) > 0) {
		if (archive_write_data(p->tar, p->block, (size_t)n) != n)
			break;
		left -= n;
	}
	/* A file that was cut meanwhile is filled up with zeros by libarchive. */
	return n < 0 || (n > 0 && left > 0) ? -1 : 0;
}

/* What the container's user wrote and forbade itself to read is read all the same, as root does. */
static int open_file(const struct pack *p, const char *path, mode_t mode)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, fd = open(path, flags);

	if (fd < 0 && errno == EACCES && p->own_is_root && chmod(path, mode | S_IRUSR) == 0)
		fd = open(path, flags);
	return fd;
}

static int write_entry(struct pack *p, const char *path, struct archive_entry *entry)
{
	bool has_data = archive_entry_size(entry) > 0 && archive_entry_filetype(entry) == AE_IFREG;
	int fd = has_data ? open_file(p, path, archive_entry_perm(entry)) : -1, rc = 0;

	/* One that can't be read breaks the tar before its head, so that nothing false stands in it. */
	if (has_data && fd < 0)
		return -1;
	if (archive_write_header(p->tar, entry) < ARCHIVE_WARN || (has_data && write_data(p, fd, entry) < 0) ||
	    archive_write_finish_entry(p->tar) < ARCHIVE_WARN)
		rc = -1;
	if (fd >= 0)
		close(fd);
	return rc;
}

static bool put_target(struct archive_entry *entry, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof target - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	archive_entry_copy_symlink(entry, target);
	return true;
}

int pack_add(struct pack *p, const char *path, const char *name, const struct stat *st)
{
	struct archive_entry *entry = archive_entry_new(), *spare = NULL;
	int rc = -1;

	if (!entry)
		return -1;
	archive_entry_copy_stat(entry, st);
	archive_entry_copy_pathname(entry, name);
	if (p->own_is_root && st->st_uid == geteuid()) {
		archive_entry_set_uid(entry, 0);
		archive_entry_set_gid(entry, 0);
	}
	if (!S_ISLNK(st->st_mode) || put_target(entry, path)) {
		archive_entry_linkify(p->links, &entry, &spare);
		if (entry && archive_entry_hardlink(entry))
			archive_entry_set_size(entry, 0);
		rc = entry ? write_entry(p, path, entry) : 0;
	}
	archive_entry_free(entry);
	return rc;
}

int pack_add_empty(struct pack *p, const char *name)
{
	struct archive_entry *entry = archive_entry_new();
	int rc;

	if (!entry)
		return -1;
	archive_entry_copy_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0);
	archive_entry_set_size(entry, 0);
	rc = write_entry(p, name, entry);
	archive_entry_free(entry);
	return rc;
}

int pack_close(struct pack *p)
{
	int rc = archive_write_close(p->tar) == ARCHIVE_OK ? 0 : -1;

	archive_write_free(p->tar);
	archive_entry_linkresolver_free(p->links);
	free(p->block);
	return rc;
}
