/*
 * stat and get: what stands at a path, and the same as a tar. Names in the
 * tar begin with the client's name of the path. Sockets are left out, as are
 * the kernel's file systems beneath the root; a file that changes meanwhile
 * keeps the size that its entry said.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-gateway/agent/archive.h"
#include "agent-gateway/agent/task.h"

#define BLOCK (128 * 1024)

int task_stat(struct json_object *open)
{
	CLEANUP_JSON struct json_object *head = json_object_new_object();
	struct archive_path p;
	int code = 0;

	if (archive_path_find(open, &p, &code) < 0)
		return code;
	if (!head || !archive_path_stat(head, &p))
		return task_fail(500, "%s can't be described", p.path);
	return task_head(200, head) < 0;
}

static la_ssize_t write_out(struct archive *a, void *arg, const void *data, size_t len)
{
	(void)a;
	(void)arg;
	return task_write(data, len) < 0 ? -1 : (la_ssize_t)len;
}

struct walk {
	struct archive *tar;
	struct archive_entry_linkresolver *links;
	const struct archive_path *path;
	char *block;
	bool root;
};

static int compare(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_kernels(const char *path)
{
	static const char *const paths[] = { "/proc", "/sys", "/dev", "/.sockerless" };

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (!strcmp(path, paths[i]))
			return true;
	return false;
}

static int write_data(struct walk *w, const char *path, struct archive_entry *entry)
{
	int64_t left = archive_entry_size(entry);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 0;

	while (fd >= 0 && left > 0 && (n = read(fd, w->block, left < BLOCK ? (size_t)left : BLOCK)) > 0) {
		if (archive_write_data(w->tar, w->block, (size_t)n) != n)
			break;
		left -= n;
	}
	if (fd < 0)
		return -1;
	close(fd);
	/* A file that was cut meanwhile is filled up with zeros by libarchive. */
	return n < 0 || (n > 0 && left > 0) ? -1 : 0;
}

static int write_entry(struct walk *w, const char *path, struct archive_entry *entry)
{
	int fd;

	/* One that can't be read breaks the tar before its head, so that nothing false stands in it. */
	if (archive_entry_size(entry) > 0 && archive_entry_filetype(entry) == AE_IFREG) {
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			return -1;
		close(fd);
	}
	if (archive_write_header(w->tar, entry) < ARCHIVE_WARN)
		return -1;
	if (archive_entry_size(entry) > 0 && archive_entry_filetype(entry) == AE_IFREG && write_data(w, path, entry) < 0)
		return -1;
	return archive_write_finish_entry(w->tar) < ARCHIVE_WARN ? -1 : 0;
}

static bool put_names(struct walk *w, const FTSENT *f, struct archive_entry *entry)
{
	const char *rest = f->fts_path + strlen(w->path->path) - (w->root && f->fts_level ? 1 : 0);
	char name[2 * PATH_MAX], target[PATH_MAX];
	ssize_t n;

	if ((size_t)snprintf(name, sizeof name, "%s%s", w->root && f->fts_level ? "" : w->path->name, f->fts_level ? rest : "") >= sizeof name)
		return false;
	archive_entry_copy_pathname(entry, name);
	if (!S_ISLNK(f->fts_statp->st_mode))
		return true;
	n = readlink(f->fts_accpath, target, sizeof target - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	archive_entry_copy_symlink(entry, target);
	return true;
}

static int write_one(struct walk *w, const FTSENT *f)
{
	struct archive_entry *entry = archive_entry_new(), *spare = NULL;
	int rc = -1;

	if (!entry)
		return -1;
	archive_entry_copy_stat(entry, f->fts_statp);
	if (put_names(w, f, entry)) {
		/* The second name of a file becomes a link to the first. */
		archive_entry_linkify(w->links, &entry, &spare);
		if (entry && archive_entry_hardlink(entry))
			archive_entry_set_size(entry, 0);
		rc = entry ? write_entry(w, f->fts_accpath, entry) : 0;
	}
	archive_entry_free(entry);
	return rc;
}

static int walk(struct walk *w, FTS *fts)
{
	FTSENT *f;

	errno = 0;
	while ((f = fts_read(fts))) {
		switch (f->fts_info) {
		case FTS_DP:
			continue;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			/* What vanished meanwhile isn't missed. */
			if (f->fts_errno == ENOENT && f->fts_level)
				continue;
			return -1;
		default:
			break;
		}
		if (S_ISSOCK(f->fts_statp->st_mode))
			continue;
		if (w->root && f->fts_level == 1 && is_kernels(f->fts_path + (f->fts_path[1] == '/')) &&
		    fts_set(fts, f, FTS_SKIP) < 0)
			return -1;
		if (write_one(w, f) < 0)
			return -1;
	}
	return errno ? -1 : 0;
}

static int write_tar(struct walk *w)
{
	char *const roots[] = { (char *)w->path->path, NULL };
	/* A path that ends with a slash was followed already. */
	int follow = S_ISDIR(w->path->st.st_mode) ? FTS_COMFOLLOW : 0, rc = -1;
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | follow, compare);

	if (!fts)
		return -1;
	w->links = archive_entry_linkresolver_new();
	w->block = malloc(BLOCK);
	if (w->links && w->block) {
		archive_entry_linkresolver_set_strategy(w->links, ARCHIVE_FORMAT_TAR_GNUTAR);
		rc = walk(w, fts);
	}
	archive_entry_linkresolver_free(w->links);
	free(w->block);
	fts_close(fts);
	return rc;
}

int task_get(struct json_object *open)
{
	CLEANUP_JSON struct json_object *head = json_object_new_object();
	struct archive_path p;
	struct walk w = { .path = &p };
	int code = 0;

	if (archive_path_find(open, &p, &code) < 0)
		return code;
	if (!head || !archive_path_stat(head, &p) || !json_add_str(head, "type", "application/x-tar"))
		return task_fail(500, "%s can't be described", p.path);
	if (access(p.path, R_OK) < 0 && !S_ISLNK(p.st.st_mode))
		return task_fail(500, "open %s: permission denied", p.path);
	w.root = !p.path[1];
	w.tar = archive_write_new();
	/* GNU's form takes names as they are, without a table of characters. */
	if (!w.tar || archive_write_set_format_gnutar(w.tar) != ARCHIVE_OK || archive_write_set_bytes_per_block(w.tar, BLOCK) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(w.tar, 1) != ARCHIVE_OK ||
	    archive_write_open(w.tar, NULL, NULL, write_out, NULL) != ARCHIVE_OK)
		return task_fail(500, "out of memory");
	if (task_head(200, head) < 0)
		return 1;
	/* Without its end the tar is seen to be cut. */
	if (write_tar(&w) < 0)
		return 1;
	return archive_write_close(w.tar) != ARCHIVE_OK;
}
