#include "lib/rootfs/tree.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NODES_BLOCK 4096u
#define SLOTS_MIN 4096u

int tree_begin(struct rootfs *fs, struct err *e)
{
	size_t entries = 0;

	for (size_t i = 0; i < fs->n_layers; i++)
		entries += fs->layers[i].index->n;
	for (fs->slots = SLOTS_MIN; fs->slots < entries && fs->slots < ROOTFS_NODES_MAX; fs->slots *= 2)
		;
	fs->table = calloc(fs->slots, sizeof(struct rootfs_node *));
	if (!fs->table)
		return err_nomem(e);
	fs->root = tree_add(fs, NULL, "", 0, e);
	if (!fs->root)
		return -1;
	fs->root->type = LAYER_DIR;
	return 0;
}

void tree_free(struct rootfs *fs)
{
	for (size_t i = 0; i < fs->n_blocks; i++)
		free(fs->blocks[i]);
	free(fs->blocks);
	free(fs->table);
}

/* FNV-1a over the name, from where the parent lies. */
static size_t slot(const struct rootfs *fs, const struct rootfs_node *parent, const char *name, size_t len)
{
	uint64_t h = 14695981039346656037u ^ ((uintptr_t)parent >> 4) * 0x9E3779B97F4A7C15u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 32) & (fs->slots - 1);
}

struct rootfs_node *tree_child(const struct rootfs *fs, const struct rootfs_node *parent, const char *name, size_t len)
{
	struct rootfs_node *n = fs->table[slot(fs, parent, name, len)];

	while (n && (n->parent != parent || n->name_len != len || memcmp(n->name, name, len) != 0))
		n = n->chain;
	return n;
}

static struct rootfs_node *new_node(struct rootfs *fs, struct err *e)
{
	size_t at = fs->n_nodes % NODES_BLOCK;

	if (fs->n_nodes >= ROOTFS_NODES_MAX) {
		err_set(e, ERR_NOT_SUPPORTED, "an image of more than %u files is not supported", ROOTFS_NODES_MAX);
		return NULL;
	}
	if (at == 0) {
		struct rootfs_node **more = realloc(fs->blocks, (fs->n_blocks + 1) * sizeof *more);

		if (more)
			fs->blocks = more;
		if (!more || !(more[fs->n_blocks] = calloc(NODES_BLOCK, sizeof(struct rootfs_node)))) {
			err_nomem(e);
			return NULL;
		}
		fs->n_blocks++;
	}
	fs->blocks[fs->n_blocks - 1][at].number = (uint32_t)fs->n_nodes++;
	return &fs->blocks[fs->n_blocks - 1][at];
}

struct rootfs_node *tree_add(struct rootfs *fs, struct rootfs_node *parent, const char *name, size_t len, struct err *e)
{
	size_t s = slot(fs, parent, name, len);
	struct rootfs_node *n = new_node(fs, e);

	if (!n)
		return NULL;
	n->parent = parent;
	n->name = name;
	n->name_len = (uint16_t)len;
	if (!parent)
		return n;
	n->chain = fs->table[s];
	fs->table[s] = n;
	n->previous = parent->last;
	*(parent->last ? &parent->last->next : &parent->first) = n;
	parent->last = n;
	return n;
}

void tree_detach(struct rootfs *fs, struct rootfs_node *n)
{
	struct rootfs_node **at = &fs->table[slot(fs, n->parent, n->name, n->name_len)];

	while (*at != n)
		at = &(*at)->chain;
	*at = n->chain;
	*(n->previous ? &n->previous->next : &n->parent->first) = n->next;
	*(n->next ? &n->next->previous : &n->parent->last) = n->previous;
}

struct rootfs_node *tree_at(const struct rootfs *fs, const char *path)
{
	struct rootfs_node *n = fs->root;

	while (n && *path) {
		size_t len = strcspn(path, "/");

		n = tree_child(fs, n, path, len);
		path += len + (path[len] == '/');
	}
	return n;
}
