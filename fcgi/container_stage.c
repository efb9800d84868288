/*
 * The body's members are added, under the names they will have in the
 * container, to $STATE_DIR/layer/<id>.staged.tar: a layer that lies on all
 * others. The agent unpacks it before the process starts, so a target must be
 * one that a function can write; what the derived image made a link to /tmp is.
 * Owners stay in the tar, though the function's user will own what is unpacked.
 */
#include "fcgi/container_stage.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "fcgi/container_files.h"
#include "lib/cleanup.h"
#include "lib/docker/path_stat.h"

#define BLOCK 65536
#define TAR_END 1024 /* bytes of zeros that our own tars end with */
#define ELSEWHERE "/tmp/.sockerless/root/"

struct staging {
	struct request *req;
	const char *shown;            /* the client's path */
	struct buf root;              /* where it leads in the image; "/" without more, else no slash at its end */
	struct container_files files; /* what is there */
	struct image derived;         /* and what the function will see */
	struct rootfs_source sources[IMAGE_LAYERS_MAX];
	struct rootfs *function;
	struct archive *in, *out;
	int fd;
	char path[4096], new_path[4096 + 8];
	bool no_overwrite;
	char input[BLOCK], block[BLOCK];
	int64_t taken;                /* bytes of the body */
	struct err why;               /* what the reader said */
};

static void staging_free(struct staging *s)
{
	archive_read_free(s->in);
	archive_write_free(s->out);
	rootfs_close(s->function);
	image_free(&s->derived);
	container_files_close(&s->files);
	buf_free(&s->root);
	if (s->fd >= 0)
		close(s->fd);
}

static int find_root(struct staging *s, struct err *e)
{
	const struct rootfs_node *node;
	char clean[PATH_MAX];

	if (!path_clean(clean, sizeof clean, s->shown) || rootfs_find(s->files.fs, clean, true, &node, e) < 0)
		return err_set(e, ERR_NOT_FOUND, "Could not find the file %s in container %s", s->shown, s->req->name);
	if (!rootfs_is_dir(node))
		return err_set(e, ERR_INTERNAL, "extraction point is not a directory");
	rootfs_path(node, &s->root);
	return s->root.failed ? err_nomem(e) : 0;
}

/* The derived image's view: there, directories that can be written are links. */
static int open_function(struct staging *s, const struct container *c, struct err *e)
{
	char digest[DIGEST_SIZE] = "";
	const char *at;
	int rc = store_row(s->req->store, QUERY_CONTAINER_IMAGE_URI, e, "tt", s->req->tenant, c->id);

	if (rc > 0 && (at = strchr(store_text(s->req->store, QUERY_CONTAINER_IMAGE_URI, 0), '@')))
		snprintf(digest, sizeof digest, "%s", at + 1);
	store_reset(s->req->store, QUERY_CONTAINER_IMAGE_URI);
	if (rc < 0 || image_fetch(s->files.registry, digest, image_architecture(s->req->settings->lambda_architecture), &s->derived, e) < 0)
		return rc < 0 ? -1 : err_prefix(e, "the image in our own registry");
	for (size_t i = 0; i < s->derived.n_layers; i++)
		s->sources[i] = (struct rootfs_source){ .registry = s->files.registry, .blob = &s->derived.layers[i] };
	return rootfs_open(s->req->settings->state_dir, s->sources, s->derived.n_layers, &s->function, e);
}

/* The name in the layer of an absolute path. ERR_NOT_SUPPORTED where a function can't write. */
static int layer_name(struct staging *s, const char *path, struct buf *ret, struct err *e)
{
	BUF_CLEANUP struct buf real = BUF_INIT;

	if (rootfs_resolve(s->function, path, &real, e) < 0 || real.failed)
		return real.failed ? err_nomem(e) : -1;
	if (!strncmp(real.data, ELSEWHERE, strlen(ELSEWHERE)))
		buf_puts(ret, real.data + strlen(ELSEWHERE));
	else if (!strncmp(real.data, "/tmp/", 5))
		buf_puts(ret, real.data + 1);
	else
		return err_set(e, ERR_NOT_SUPPORTED,
			       "docker cp to %s of a container that isn't running is not supported: a function can write in /tmp and in the directories of the label sockerless.writable",
			       path);
	return ret->failed ? err_nomem(e) : 0;
}

static bool climbs(const char *name)
{
	char clean[LAYER_PATH_MAX + 1];

	return layer_path_clean(name, clean) < 0;
}

/* As the agent's unpacking does it for a container that runs. */
static int check_overwrite(struct staging *s, const char *path, bool is_dir, struct err *e)
{
	const struct rootfs_node *node;

	if (!s->no_overwrite || rootfs_find(s->files.fs, path, false, &node, e) < 0)
		return 0;
	if (rootfs_is_dir(node) && !is_dir)
		return err_set(e, ERR_INTERNAL, "cannot overwrite directory \"%s\" with non-directory \"%s\"", path, s->shown);
	if (!rootfs_is_dir(node) && is_dir)
		return err_set(e, ERR_INTERNAL, "cannot overwrite non-directory \"%s\" with directory \"%s\"", path, s->shown);
	return 0;
}

/* "<root>/<name>" as a layer's name; "" for the root itself. */
static int place(struct staging *s, const char *name, struct buf *whole, struct buf *ret, struct err *e)
{
	char clean[PATH_MAX];

	if (climbs(name))
		return err_set(e, ERR_INTERNAL, "\"%s\" is outside of \"%s\"", name, s->shown);
	if (!path_clean(clean, sizeof clean, name))
		return err_set(e, ERR_INTERNAL, "open %s: file name too long", name);
	if (!clean[1])
		return 0;
	buf_printf(whole, "%s%s", s->root.data[1] ? s->root.data : "", clean);
	return whole->failed ? err_nomem(e) : layer_name(s, whole->data, ret, e);
}

static int out_failed(struct staging *s, struct err *e)
{
	return err_set(e, ERR_INTERNAL, "the files can't be kept: %s", archive_error_string(s->out) ? archive_error_string(s->out) : "out of memory");
}

static int in_failed(struct staging *s, struct err *e)
{
	const char *text = archive_error_string(s->in);

	if (s->why.kind)
		return err_set(e, s->why.kind, "%s", s->why.text);
	if (s->taken < 512 || (text && strcasestr(text, "truncated")))
		return err_set(e, ERR_INTERNAL, "unexpected EOF");
	return err_set(e, ERR_INTERNAL, "archive/tar: invalid tar header");
}

static int copy_data(struct staging *s, struct err *e)
{
	la_ssize_t n;

	while ((n = archive_read_data(s->in, s->block, BLOCK)) > 0)
		if (archive_write_data(s->out, s->block, (size_t)n) != n)
			return out_failed(s, e);
	return n < 0 ? in_failed(s, e) : 0;
}

static int add_member(struct staging *s, struct archive_entry *entry, struct err *e)
{
	BUF_CLEANUP struct buf whole = BUF_INIT, name = BUF_INIT, link_whole = BUF_INIT, link = BUF_INIT;
	const char *link_name = archive_entry_hardlink(entry);

	if (!archive_entry_pathname(entry) || place(s, archive_entry_pathname(entry), &whole, &name, e) < 0)
		return archive_entry_pathname(entry) ? -1 : in_failed(s, e);
	if (!name.len)
		return 0; /* the directory itself is there and stays as it is */
	if (check_overwrite(s, whole.data, archive_entry_filetype(entry) == AE_IFDIR && !link_name, e) < 0)
		return -1;
	if (link_name) {
		if (place(s, link_name, &link_whole, &link, e) < 0)
			return -1;
		archive_entry_copy_hardlink(entry, link.data ? link.data : "");
	}
	archive_entry_copy_pathname(entry, name.data);
	if (archive_write_header(s->out, entry) < ARCHIVE_WARN)
		return out_failed(s, e);
	return archive_entry_size(entry) > 0 && archive_entry_filetype(entry) == AE_IFREG ? copy_data(s, e) : 0;
}

static int add_members(struct staging *s, struct err *e)
{
	struct archive_entry *entry;
	int rc;

	while ((rc = archive_read_next_header(s->in, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN)
		if (add_member(s, entry, e) < 0)
			return -1;
	return rc == ARCHIVE_EOF ? 0 : in_failed(s, e);
}

static la_ssize_t read_body(struct archive *a, void *arg, const void **ret)
{
	struct staging *s = arg;
	ssize_t n = request_read_some(s->req, s->input, BLOCK, &s->why);

	if (n < 0)
		archive_set_error(a, EIO, "read");
	else
		s->taken += n;
	*ret = s->input;
	return n;
}

/* What was staged before stands in front, without the end of its tar. */
static int copy_before(struct staging *s, struct err *e)
{
	CLEANUP_CLOSE int old = open(s->path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	off_t at = 0, end;

	if (old < 0)
		return errno == ENOENT ? 0 : err_errno(e, errno, "%s", s->path);
	if (fstat(old, &st) < 0)
		return err_errno(e, errno, "%s", s->path);
	end = st.st_size > TAR_END ? st.st_size - TAR_END : 0;
	while (at < end) {
		ssize_t n = copy_file_range(old, &at, s->fd, NULL, (size_t)(end - at), 0);

		if (n <= 0)
			return err_errno(e, n ? errno : EIO, "%s", s->new_path);
	}
	return 0;
}

/* One at a time for a container: the others wait, and begin with what the first has made. */
static int open_new(struct staging *s, struct err *e)
{
	struct stat ours, there;

	for (;;) {
		s->fd = open(s->new_path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (s->fd < 0 || flock(s->fd, LOCK_EX) < 0)
			return err_errno(e, errno, "%s", s->new_path);
		if (fstat(s->fd, &ours) == 0 && stat(s->new_path, &there) == 0 && ours.st_ino == there.st_ino)
			break;
		close(s->fd);
	}
	return ftruncate(s->fd, 0) < 0 ? err_errno(e, errno, "%s", s->new_path) : copy_before(s, e);
}

static int open_archives(struct staging *s, struct err *e)
{
	s->in = archive_read_new();
	s->out = archive_write_new();
	if (!s->in || !s->out || archive_read_support_format_tar(s->in) != ARCHIVE_OK || archive_read_support_format_empty(s->in) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(s->in) != ARCHIVE_OK || archive_read_support_filter_bzip2(s->in) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(s->in) != ARCHIVE_OK || archive_write_set_format_gnutar(s->out) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(s->out, 1) != ARCHIVE_OK)
		return err_nomem(e);
	if (archive_write_open_fd(s->out, s->fd) != ARCHIVE_OK)
		return out_failed(s, e);
	return archive_read_open(s->in, s, NULL, read_body, NULL) == ARCHIVE_OK ? 0 : in_failed(s, e);
}

static int sync_dir(struct staging *s, struct err *e)
{
	char dir[sizeof s->path];
	CLEANUP_CLOSE int fd = -1;

	snprintf(dir, sizeof dir, "%s/layer", s->req->settings->state_dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? err_errno(e, errno, "%s", dir) : 0;
}

static int finish(struct staging *s, const struct container *c, struct err *e)
{
	CONTAINER_CLEANUP struct container now = { 0 };

	if (archive_write_close(s->out) != ARCHIVE_OK)
		return out_failed(s, e);
	if (fsync(s->fd) < 0)
		return err_errno(e, errno, "%s", s->new_path);
	if (container_find(s->req, c->id, &now, e) < 0)
		return -1;
	if (now.state != STATE_CREATED && now.state != STATE_EXITED)
		return err_set(e, ERR_CONFLICT, "container %s was started while files were copied into it: copy them again", c->id);
	return rename(s->new_path, s->path) < 0 ? err_errno(e, errno, "%s", s->path) : sync_dir(s, e);
}

int container_stage(struct request *req, const struct container *c, struct err *e)
{
	__attribute__((cleanup(staging_free))) struct staging s = { .req = req, .fd = -1, .files = CONTAINER_FILES_INIT, .shown = request_query(req, "path", ""),
								    .no_overwrite = request_flag(req, "noOverwriteDirNonDir", false) };

	container_layer_path(req, c->id, 1, s.path, sizeof s.path);
	snprintf(s.new_path, sizeof s.new_path, "%s.new", s.path);
	if (container_files_open(req, c, true, &s.files, e) < 0 || find_root(&s, e) < 0 || open_function(&s, c, e) < 0 || open_new(&s, e) < 0)
		return -1;
	if (open_archives(&s, e) < 0 || add_members(&s, e) < 0 || finish(&s, c, e) < 0) {
		unlink(s.new_path);
		return -1;
	}
	return 0;
}
