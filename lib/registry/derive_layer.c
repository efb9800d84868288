#include "lib/registry/derive_layer.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/registry/layer_tar.h"

static int write_list(struct layer_tar *t, const struct derive_plan *p, struct err *e)
{
	BUF_CLEANUP struct buf text = BUF_INIT;

	buf_puts(&text, "");
	for (size_t i = 0; i < p->n_links; i++)
		/* A line can't hold such a name; nothing but `docker diff` goes by the list. */
		if (!strchr(p->links[i].path, '\n'))
			buf_printf(&text, "%s\n", p->links[i].path);
	if (text.failed)
		return err_nomem(e);
	if (layer_tar_file(t, &DERIVE_WRITABLE[1], (int64_t)text.len, 0644, e) < 0)
		return -1;
	return text.len ? layer_tar_data(t, text.data, text.len, e) : 0;
}

/* The directories above `path` that the image hasn't. `made`: the path for which this was done before. */
static int make_parents(struct layer_tar *t, const struct rootfs *fs, const char *path, const char *made, struct err *e)
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - path);
		CLEANUP_FREE char *dir = strndup(path, len + 1);
		const struct rootfs_node *n;
		struct err none;

		if (!dir)
			return err_nomem(e);
		dir[len] = '\0';
		if (rootfs_find(fs, dir, false, &n, &none) == 0 || (made && !strncmp(made, path, len + 1)))
			continue;
		dir[len] = '/';
		if (layer_tar_dir(t, dir + 1, e) < 0)
			return -1;
	}
	return 0;
}

static int write_links(struct layer_tar *t, const struct rootfs *fs, const struct derive_plan *p, struct err *e)
{
	const char *before = NULL;

	for (size_t i = 0; i < p->n_links; i++) {
		BUF_CLEANUP struct buf target = BUF_INIT;
		const char *path = p->links[i].path;

		buf_printf(&target, "%s%s", DERIVE_LINKS, path);
		if (target.failed)
			return err_nomem(e);
		if (make_parents(t, fs, path, before, e) < 0 || layer_tar_link(t, path + 1, target.data, e) < 0)
			return -1;
		before = path;
	}
	return 0;
}

/* Each directory that is to be below /tmp, with those above it; extracting one twice does no harm. */
static int write_made(struct layer_tar *t, const struct derive_plan *p, struct err *e)
{
	for (size_t i = 0; i < json_object_array_length(p->made); i++) {
		BUF_CLEANUP struct buf name = BUF_INIT;

		buf_printf(&name, "%s%s/", &DERIVE_SEED[1], json_object_get_string(json_object_array_get_idx(p->made, i)));
		if (name.failed)
			return err_nomem(e);
		if (layer_tar_dir(t, name.data, e) < 0)
			return -1;
	}
	return 0;
}

static int write_members(struct layer_tar *t, const struct rootfs *fs, const struct derive_plan *p, struct err *e)
{
	if (layer_tar_dir(t, ".sockerless/", e) < 0 || write_list(t, p, e) < 0 || layer_tar_dir(t, ".sockerless/seed/", e) < 0 ||
	    rootfs_write(fs, &p->members, t->out, &t->why, e) < 0)
		return -1;
	return write_made(t, p, e) < 0 ? -1 : write_links(t, fs, p, e);
}

int derive_files_layer(struct registry *to, const struct rootfs *fs, const struct derive_plan *p, struct image_layer *ret, struct err *e)
{
	struct layer_tar t;

	if (layer_tar_begin(to, &t, e) < 0)
		return -1;
	return layer_tar_end(&t, write_members(&t, fs, p, e), ret, e);
}
