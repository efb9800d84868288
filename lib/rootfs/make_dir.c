#include <stdlib.h>
#include <string.h>

#include "lib/rootfs/tree.h"

/* Keeps the path as long as the nodes. */
static int keep(struct rootfs *fs, char *path, struct err *e)
{
	char **more = realloc(fs->made, (fs->n_made + 1) * sizeof *more);

	if (!more) {
		free(path);
		return err_nomem(e);
	}
	fs->made = more;
	fs->made[fs->n_made++] = path;
	return 0;
}

int rootfs_make_dir(struct rootfs *fs, const char *path, struct err *e)
{
	BUF_CLEANUP struct buf real = BUF_INIT;
	struct rootfs_node *at = fs->root, *n;
	struct err why = { 0 };
	char *name;

	if (rootfs_resolve(fs, path, &real, &why) < 0)
		return why.kind == ERR_INVALID ? 0 : err_set(e, why.kind, "%s", why.text);
	name = buf_steal(&real);
	if (!name)
		return err_nomem(e);
	if (keep(fs, name, e) < 0)
		return -1;
	for (; *name; at = n) {
		size_t len;

		name += strspn(name, "/");
		len = strcspn(name, "/");
		if (!len)
			break;
		n = tree_child(fs, at, name, len);
		if (n && n->type != LAYER_DIR)
			return 0;
		if (!n) {
			n = tree_add(fs, at, name, len, e);
			if (!n)
				return -1;
			n->type = LAYER_DIR;
		}
		name += len;
	}
	return 0;
}
