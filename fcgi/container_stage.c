/*
 * The body's members are added, under the names they will have in the
 * container, to one of two layers. What a function can write (what the derived
 * image made a link to /tmp, too) the agent unpacks before the process starts,
 * so that it belongs to the function's user and can be changed; the rest becomes
 * a layer of the function's image, which Lambda has taken when this returns.
 */
#include "fcgi/container_stage.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fcgi/container_code.h"
#include "fcgi/container_files.h"
#include "fcgi/stage_output.h"
#include "lib/cleanup.h"
#include "lib/docker/path_stat.h"
#include "lib/json.h"

#define BLOCK 65536
#define ELSEWHERE "/tmp/.sockerless/root/"

struct staging {
	struct request *req;
	const char *shown;            /* the client's path */
	struct buf root;              /* where it leads in the image; "/" without more, else no slash at its end */
	struct container_files files; /* what is there */
	struct image derived;         /* and what the function will see */
	struct rootfs_source sources[IMAGE_LAYERS_MAX];
	struct rootfs *function;
	char name[128];               /* of the function */
	struct archive *in;
	struct stage_output staged, image;  /* what is unpacked before the next run; what becomes part of the function's image */
	bool no_overwrite;
	char input[BLOCK], block[BLOCK];
	int64_t taken;                /* bytes of the body */
	struct err why;               /* what the reader said */
};

static void staging_free(struct staging *s)
{
	archive_read_free(s->in);
	stage_output_close(&s->staged);
	stage_output_close(&s->image);
	rootfs_close(s->function);
	image_free(&s->derived);
	container_files_close(&s->files);
	buf_free(&s->root);
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
	if (rc > 0)
		snprintf(s->name, sizeof s->name, "%s", store_text(s->req->store, QUERY_CONTAINER_IMAGE_URI, 1));
	store_reset(s->req->store, QUERY_CONTAINER_IMAGE_URI);
	if (rc < 0 || image_fetch(s->files.registry, digest, image_config_architecture(s->files.row.config), &s->derived, e) < 0)
		return rc < 0 ? -1 : err_prefix(e, "the image in our own registry");
	for (size_t i = 0; i < s->derived.n_layers; i++)
		s->sources[i] = (struct rootfs_source){ .registry = s->files.registry, .blob = &s->derived.layers[i] };
	return rootfs_open(s->req->settings->state_dir, s->sources, s->derived.n_layers, &s->function, e);
}

/* The name in the layer of an absolute path, and which layer it belongs to. */
static int layer_name(struct staging *s, const char *path, struct buf *ret, struct stage_output **ret_output, struct err *e)
{
	BUF_CLEANUP struct buf real = BUF_INIT;

	if (rootfs_resolve(s->function, path, &real, e) < 0 || real.failed)
		return real.failed ? err_nomem(e) : -1;
	*ret_output = strncmp(real.data, "/tmp/", 5) ? &s->image : &s->staged;
	buf_puts(ret, strncmp(real.data, ELSEWHERE, strlen(ELSEWHERE)) ? real.data + 1 : real.data + strlen(ELSEWHERE));
	if (!strncmp(ret->data ? ret->data : "", ".sockerless", strlen(".sockerless")))
		return err_set(e, ERR_NOT_SUPPORTED, "docker cp to %s is not supported: the agent's own files are there", path);
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
static int place(struct staging *s, const char *name, struct buf *whole, struct buf *ret, struct stage_output **ret_output, struct err *e)
{
	char clean[PATH_MAX];

	if (climbs(name))
		return err_set(e, ERR_INTERNAL, "\"%s\" is outside of \"%s\"", name, s->shown);
	if (!path_clean(clean, sizeof clean, name))
		return err_set(e, ERR_INTERNAL, "open %s: file name too long", name);
	if (!clean[1])
		return 0;
	buf_printf(whole, "%s%s", s->root.data[1] ? s->root.data : "", clean);
	return whole->failed ? err_nomem(e) : layer_name(s, whole->data, ret, ret_output, e);
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

static int copy_data(struct staging *s, struct stage_output *o, struct err *e)
{
	la_ssize_t n;

	while ((n = archive_read_data(s->in, s->block, BLOCK)) > 0) {
		if (archive_write_data(o->tar, s->block, (size_t)n) != n)
			return stage_output_failed(o, e);
		if (stage_output_check(o, e) < 0)
			return -1;
	}
	return n < 0 ? in_failed(s, e) : 0;
}

static int add_member(struct staging *s, struct archive_entry *entry, struct err *e)
{
	BUF_CLEANUP struct buf whole = BUF_INIT, name = BUF_INIT, link_whole = BUF_INIT, link = BUF_INIT;
	const char *link_name = archive_entry_hardlink(entry);
	struct stage_output *o = NULL, *first = NULL;

	if (!archive_entry_pathname(entry) || place(s, archive_entry_pathname(entry), &whole, &name, &o, e) < 0)
		return archive_entry_pathname(entry) ? -1 : in_failed(s, e);
	if (!name.len)
		return 0; /* the directory itself is there and stays as it is */
	if (check_overwrite(s, whole.data, archive_entry_filetype(entry) == AE_IFDIR && !link_name, e) < 0)
		return -1;
	if (link_name) {
		if (place(s, link_name, &link_whole, &link, &first, e) < 0)
			return -1;
		archive_entry_copy_hardlink(entry, link.data ? link.data : "");
	}
	archive_entry_copy_pathname(entry, name.data);
	if (stage_output_add(o, entry, e) < 0)
		return -1;
	return archive_entry_size(entry) > 0 && archive_entry_filetype(entry) == AE_IFREG ? copy_data(s, o, e) : 0;
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

static int open_body(struct staging *s, struct err *e)
{
	s->in = archive_read_new();
	if (!s->in || archive_read_support_format_tar(s->in) != ARCHIVE_OK || archive_read_support_format_empty(s->in) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(s->in) != ARCHIVE_OK || archive_read_support_filter_bzip2(s->in) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(s->in) != ARCHIVE_OK)
		return err_nomem(e);
	return archive_read_open(s->in, s, NULL, read_body, NULL) == ARCHIVE_OK ? 0 : in_failed(s, e);
}

static int sync_dir(struct staging *s, struct err *e)
{
	char dir[sizeof s->staged.path];
	CLEANUP_CLOSE int fd = -1;

	snprintf(dir, sizeof dir, "%s/layer", s->req->settings->state_dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? err_errno(e, errno, "%s", dir) : 0;
}

static int check_still(struct staging *s, const struct container *c, struct err *e)
{
	CONTAINER_CLEANUP struct container now = { 0 };

	if (container_find(s->req, c->id, &now, e) < 0)
		return -1;
	if (now.state != STATE_CREATED && now.state != STATE_EXITED)
		return err_set(e, ERR_CONFLICT, "container %s was started while files were copied into it: copy them again", c->id);
	return 0;
}

static int finish(struct staging *s, const struct container *c, struct err *e)
{
	if (stage_output_sync(&s->staged, e) < 0 || stage_output_sync(&s->image, e) < 0 || check_still(s, c, e) < 0)
		return -1;
	if (s->image.used &&
	    container_code_update(s->req, c, s->name, s->files.registry, &s->derived, s->image.before, s->image.new_path, e) < 0)
		return -1;
	return stage_output_take(&s->image, e) < 0 || stage_output_take(&s->staged, e) < 0 ? -1 : sync_dir(s, e);
}

/* The lock on what is staged goes first: which image the function has is looked up under it. */
static int stage(struct staging *s, const struct container *c, struct err *e)
{
	if (stage_output_open(&s->staged, s->req, c->id, CONTAINER_STAGED, e) < 0)
		return -1;
	if (container_files_open(s->req, c, true, &s->files, e) < 0 || find_root(s, e) < 0 || open_function(s, c, e) < 0 ||
	    stage_output_open(&s->image, s->req, c->id, CONTAINER_IMAGE, e) < 0 || open_body(s, e) < 0 || add_members(s, e) < 0 || finish(s, c, e) < 0) {
		stage_output_drop(&s->staged);
		stage_output_drop(&s->image);
		return -1;
	}
	return 0;
}

int container_stage(struct request *req, const struct container *c, struct err *e)
{
	__attribute__((cleanup(staging_free))) struct staging s = { .req = req, .staged = STAGE_OUTPUT_INIT, .image = STAGE_OUTPUT_INIT, .files = CONTAINER_FILES_INIT,
								    .shown = request_query(req, "path", ""),
								    .no_overwrite = request_flag(req, "noOverwriteDirNonDir", false) };

	return stage(&s, c, e);
}
