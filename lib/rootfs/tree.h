/* The nodes of the merged view. Internal to lib/rootfs. */
#ifndef SOCKERLESS_ROOTFS_TREE_H
#define SOCKERLESS_ROOTFS_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/rootfs/layer_index.h"
#include "lib/rootfs/rootfs.h"

struct rootfs_node {
	struct rootfs_node *parent, *first, *last, *next, *previous; /* parent is NULL at the root */
	struct rootfs_node *chain;       /* of the table's slot */
	const struct layer_entry *entry; /* what is known of it; NULL: a directory that no layer names */
	const char *name;                /* of name_len bytes: part of an entry's path */
	uint32_t number;
	uint16_t name_len;
	uint8_t type;                    /* LAYER_FILE, _DIR, _SYMLINK, _CHAR, _BLOCK, _FIFO */
	uint8_t layer;                   /* that holds the entry */
};

struct rootfs {
	struct rootfs_layer *layers;
	size_t n_layers;
	struct rootfs_node *root;
	struct rootfs_node **table; /* by parent and name */
	size_t slots, n_nodes;
	struct rootfs_node **blocks; /* of NODES_BLOCK nodes */
	size_t n_blocks;
	char **made; /* real paths of rootfs_make_dir(), of which the nodes' names are parts; owned */
	size_t n_made;
};

struct rootfs_layer {
	struct layer_index *index;          /* owned */
	struct registry *registry;          /* borrowed; NULL: `tar` */
	const struct image_layer *blob;     /* borrowed */
	const char *tar;                    /* borrowed */
};

#define ROOTFS_NODES_MAX 2000000u
#define ROOTFS_LAYERS_MAX 200u

int tree_begin(struct rootfs *fs, struct err *e);
void tree_free(struct rootfs *fs);
struct rootfs_node *tree_child(const struct rootfs *fs, const struct rootfs_node *parent, const char *name, size_t len);
/* NULL: out of memory or too many, e set. */
struct rootfs_node *tree_add(struct rootfs *fs, struct rootfs_node *parent, const char *name, size_t len, struct err *e);
/* Takes it and all below out of the view. */
void tree_detach(struct rootfs *fs, struct rootfs_node *n);
/* By its clean path, following no link; NULL. */
struct rootfs_node *tree_at(const struct rootfs *fs, const char *path);

/* Puts layer `n` on top of those below it. */
int merge_layer(struct rootfs *fs, size_t n, struct err *e);

#endif
