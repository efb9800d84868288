#include "lib/rootfs/rootfs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/rootfs/index_cache.h"
#include "lib/rootfs/tree.h"

void rootfs_close(struct rootfs *fs)
{
	if (!fs)
		return;
	tree_free(fs);
	for (size_t i = 0; i < fs->n_made; i++)
		free(fs->made[i]);
	free(fs->made);
	for (size_t i = 0; i < fs->n_layers; i++)
		layer_index_free(fs->layers[i].index);
	free(fs->layers);
	free(fs);
}

static int open_layer(const char *state_dir, const struct rootfs_source *s, struct rootfs_layer *ret, struct err *e)
{
	ret->registry = s->registry;
	ret->blob = s->blob;
	ret->tar = s->tar;
	return s->registry ? index_cache_get(state_dir, s->registry, s->blob, &ret->index, e) : layer_index_of_file(s->tar, &ret->index, e);
}

int rootfs_open(const char *state_dir, const struct rootfs_source *sources, size_t n, struct rootfs **ret, struct err *e)
{
	ROOTFS_CLEANUP struct rootfs *fs = calloc(1, sizeof *fs);

	if (n > ROOTFS_LAYERS_MAX)
		return err_set(e, ERR_NOT_SUPPORTED, "more than %u layers are not supported", ROOTFS_LAYERS_MAX);
	if (!fs || !(fs->layers = calloc(n ? n : 1, sizeof *fs->layers)))
		return err_nomem(e);
	for (; fs->n_layers < n; fs->n_layers++)
		if (open_layer(state_dir, &sources[fs->n_layers], &fs->layers[fs->n_layers], e) < 0)
			return -1;
	if (tree_begin(fs, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (merge_layer(fs, i, e) < 0)
			return -1;
	*ret = STEAL(fs);
	return 0;
}

void rootfs_stat(const struct rootfs_node *n, struct rootfs_stat *ret)
{
	static const mode_t types[LAYER_TYPES] = {
		[LAYER_FILE] = S_IFREG, [LAYER_DIR] = S_IFDIR, [LAYER_SYMLINK] = S_IFLNK,
		[LAYER_CHAR] = S_IFCHR, [LAYER_BLOCK] = S_IFBLK, [LAYER_FIFO] = S_IFIFO,
	};
	const struct layer_entry *x = n->entry;

	*ret = (struct rootfs_stat){ .mode = types[n->type] | (x ? x->mode : 0755u), .link = "" };
	if (!x)
		return;
	ret->uid = x->uid;
	ret->gid = x->gid;
	ret->size = x->size;
	ret->mtime = x->mtime;
	ret->major = x->major;
	ret->minor = x->minor;
	if (n->type == LAYER_SYMLINK) {
		ret->link = x->link;
		ret->size = (int64_t)strlen(x->link);
	}
}

bool rootfs_is_dir(const struct rootfs_node *n)
{
	return n->type == LAYER_DIR;
}

const struct rootfs_node *rootfs_parent(const struct rootfs_node *n)
{
	return n->parent;
}

size_t rootfs_number(const struct rootfs_node *n)
{
	return n->number;
}

size_t rootfs_count(const struct rootfs *fs)
{
	return fs->n_nodes;
}

void rootfs_path(const struct rootfs_node *n, struct buf *ret)
{
	size_t len = 0;
	char *at;

	for (const struct rootfs_node *p = n; p->parent; p = p->parent)
		len += p->name_len + 1u;
	if (!len) {
		buf_putc(ret, '/');
		return;
	}
	if (!buf_reserve(ret, len + 1))
		return;
	at = ret->data + ret->len + len;
	*at = '\0';
	for (const struct rootfs_node *p = n; p->parent; p = p->parent) {
		at -= p->name_len;
		memcpy(at, p->name, p->name_len);
		*--at = '/';
	}
	ret->len += len;
}

const struct rootfs_node *rootfs_next_beside(const struct rootfs_node *top, const struct rootfs_node *at)
{
	while (at != top) {
		if (at->next)
			return at->next;
		at = at->parent;
	}
	return NULL;
}

const struct rootfs_node *rootfs_next(const struct rootfs_node *top, const struct rootfs_node *at)
{
	return at->first ? at->first : rootfs_next_beside(top, at);
}
