/*
 * What a layer's tar holds, without the files' content: made while the tar
 * passes, kept as a file. Names come from strangers: they are cleaned, and a
 * layer with one that leads upwards is refused.
 */
#ifndef SOCKERLESS_ROOTFS_LAYER_INDEX_H
#define SOCKERLESS_ROOTFS_LAYER_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define LAYER_ENTRIES_MAX 1000000u
#define LAYER_TEXT_MAX (128u << 20) /* bytes of all names and link targets */
#define LAYER_PATH_MAX 4095u        /* bytes: Linux' own limit */

enum layer_type {
	LAYER_OTHER,    /* what isn't shown: a member without a name, a mark of aufs' */
	LAYER_FILE,
	LAYER_DIR,
	LAYER_SYMLINK,
	LAYER_HARDLINK, /* `link`: cleaned path of the first name */
	LAYER_CHAR,
	LAYER_BLOCK,
	LAYER_FIFO,
	LAYER_WHITEOUT, /* path: what is deleted */
	LAYER_OPAQUE,   /* path: the directory whose content below is hidden */
	LAYER_TYPES
};

/* One member of the tar, in its order: entry i is the member i. */
struct layer_entry {
	const char *path; /* "etc/passwd"; "" is the root; never begins or ends with '/', holds no "." or ".." */
	const char *link; /* "" if none */
	int64_t size, mtime;
	uint32_t uid, gid, major, minor;
	uint16_t mode;    /* 07777 */
	uint8_t type;     /* enum layer_type */
};

struct layer_index {
	struct layer_entry *entries; /* all owned */
	size_t n;
	char **blocks;               /* the texts */
	size_t n_blocks;
};

void layer_index_free(struct layer_index *i); /* NULL is fine */
static inline void cleanup_layer_index(struct layer_index **i)
{
	layer_index_free(*i);
}
#define LAYER_INDEX_CLEANUP __attribute__((cleanup(cleanup_layer_index)))

/* While the bytes of the layer pass (packed or not): begin, write ..., end (frees the builder in any case). */
struct layer_indexer;
int layer_indexer_begin(struct layer_indexer **ret, struct err *e);
int layer_indexer_write(struct layer_indexer *b, const void *data, size_t len, struct err *e);
int layer_indexer_end(struct layer_indexer *b, struct layer_index **ret, struct err *e);
void layer_indexer_abort(struct layer_indexer *b); /* NULL is fine */
/* Of a tar that is a file. */
int layer_index_of_file(const char *path, struct layer_index **ret, struct err *e);

/* Kept as a file, whole or not at all; a file that is damaged is refused with ERR_INVALID. */
int layer_index_save(const struct layer_index *i, const char *path, struct err *e);
int layer_index_load(const char *path, struct layer_index **ret, struct err *e);

/* "./a//b/" -> "a/b", into `ret` of LAYER_PATH_MAX + 1 bytes. -1: too long, or one element is "..". */
int layer_path_clean(const char *path, char *ret);

#endif
