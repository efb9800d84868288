/*
 * One layer put on those below, as overlayfs shows it: first its marks, which
 * speak of lower layers only, then its members in their order.
 */
#include <string.h>

#include "lib/rootfs/tree.h"

/* Everything below a directory goes. */
static void hide_below(struct rootfs *fs, struct rootfs_node *dir)
{
	while (dir->first)
		tree_detach(fs, dir->first);
}

static void take_marks(struct rootfs *fs, const struct layer_index *i)
{
	for (size_t n = 0; n < i->n; n++) {
		const struct layer_entry *entry = &i->entries[n];
		struct rootfs_node *node;

		if (entry->type != LAYER_WHITEOUT && entry->type != LAYER_OPAQUE)
			continue;
		node = tree_at(fs, entry->path);
		if (node && entry->type == LAYER_OPAQUE)
			hide_below(fs, node);
		else if (node && node != fs->root)
			tree_detach(fs, node);
	}
}

static void become_dir(struct rootfs_node *n)
{
	n->type = LAYER_DIR;
	n->entry = NULL;
}

/* The directory that holds the last element; what stands in its way and is none goes, as it does in an overlay. */
static struct rootfs_node *make_parents(struct rootfs *fs, const char *path, const char *last, struct err *e)
{
	struct rootfs_node *n = fs->root;

	while (path < last) {
		size_t len = strcspn(path, "/");
		struct rootfs_node *child = tree_child(fs, n, path, len);

		if (!child) {
			child = tree_add(fs, n, path, len, e);
			if (!child)
				return NULL;
			become_dir(child);
		} else if (child->type != LAYER_DIR) {
			become_dir(child);
		}
		n = child;
		path += len + 1;
	}
	return n;
}

/* What a member is: itself, or what its first name is. False: there is no such name, or it is a directory. */
static bool settle(struct rootfs *fs, size_t layer, const struct layer_entry *entry, struct rootfs_node *ret)
{
	struct rootfs_node *target;

	*ret = (struct rootfs_node){ .entry = entry, .type = entry->type, .layer = (uint8_t)layer };
	if (entry->type != LAYER_HARDLINK)
		return true;
	target = tree_at(fs, entry->link);
	if (!target || target->type == LAYER_DIR)
		return false;
	ret->entry = target->entry;
	ret->type = target->type;
	ret->layer = target->layer;
	return true;
}

static int put(struct rootfs *fs, size_t layer, const struct layer_entry *entry, struct err *e)
{
	const char *slash = strrchr(entry->path, '/'), *last = slash ? slash + 1 : entry->path;
	struct rootfs_node made, *parent, *n;

	if (!settle(fs, layer, entry, &made))
		return 0;
	if (!*entry->path) {
		if (made.type == LAYER_DIR)
			fs->root->entry = entry;
		return 0;
	}
	parent = make_parents(fs, entry->path, last, e);
	if (!parent)
		return -1;
	n = tree_child(fs, parent, last, strlen(last));
	if (!n && !(n = tree_add(fs, parent, last, strlen(last), e)))
		return -1;
	if (made.type != LAYER_DIR)
		hide_below(fs, n);
	n->entry = made.entry;
	n->type = made.type;
	n->layer = made.layer;
	return 0;
}

int merge_layer(struct rootfs *fs, size_t n, struct err *e)
{
	const struct layer_index *i = fs->layers[n].index;

	take_marks(fs, i);
	for (size_t k = 0; k < i->n; k++) {
		uint8_t type = i->entries[k].type;

		if (type != LAYER_OTHER && type != LAYER_WHITEOUT && type != LAYER_OPAQUE && put(fs, n, &i->entries[k], e) < 0)
			return -1;
	}
	return 0;
}
