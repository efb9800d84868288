/*
 * The files of a container as its layers make them, without unpacking any: the
 * image's layers in our registry from the lowest, then layers that are tar
 * files here. Blocking; for one thread. Memory goes with the number of files,
 * not with their content.
 */
#ifndef SOCKERLESS_ROOTFS_H
#define SOCKERLESS_ROOTFS_H

#include <archive.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/registry/client.h"
#include "lib/registry/image.h"

struct rootfs;
struct rootfs_node;

/* One layer: `blob` of `registry`, or (registry NULL) the file `tar`. All borrowed until rootfs_close(). */
struct rootfs_source {
	struct registry *registry;
	const struct image_layer *blob;
	const char *tar;
};

/* Indexes are read from `state_dir` or made there (index_cache.h), for which blobs may have to be fetched. */
int rootfs_open(const char *state_dir, const struct rootfs_source *sources, size_t n, struct rootfs **ret, struct err *e);
void rootfs_close(struct rootfs *fs); /* NULL is fine */
static inline void cleanup_rootfs(struct rootfs **fs)
{
	rootfs_close(*fs);
}
#define ROOTFS_CLEANUP __attribute__((cleanup(cleanup_rootfs)))

struct rootfs_stat {
	mode_t mode;           /* with the type, S_IFMT */
	uint32_t uid, gid;
	int64_t size, mtime;
	uint32_t major, minor; /* of a device */
	const char *link;      /* of a symbolic link; "" */
};

/*
 * What stands at a path; links on the way are followed within the image
 * (".." of the root is the root), the last one only if `follow`. Nodes live as
 * long as the rootfs. ERR_NOT_FOUND "no such file or directory", ERR_INVALID
 * "not a directory", "too many levels of symbolic links", "file name too long".
 */
int rootfs_find(const struct rootfs *fs, const char *path, bool follow, const struct rootfs_node **ret, struct err *e);
/*
 * The real path that `path` leads to, "/" without further slash, even when its
 * last elements aren't there: those are appended as they are. Errors as above but ERR_NOT_FOUND.
 */
int rootfs_resolve(const struct rootfs *fs, const char *path, struct buf *ret, struct err *e);

/*
 * Adds a directory, and those above it, as the start of a container makes them
 * (working directory, mount points): of root, mode 0755. Links on the way are
 * followed; where something else is in the way nothing is done.
 */
int rootfs_make_dir(struct rootfs *fs, const char *path, struct err *e);

void rootfs_stat(const struct rootfs_node *n, struct rootfs_stat *ret);
bool rootfs_is_dir(const struct rootfs_node *n);
const struct rootfs_node *rootfs_parent(const struct rootfs_node *n); /* NULL: it is the root */
/* Each node's own number, below the count. */
size_t rootfs_number(const struct rootfs_node *n);
size_t rootfs_count(const struct rootfs *fs);
/* The absolute path, appended. */
void rootfs_path(const struct rootfs_node *n, struct buf *ret);

/* All below (and with) `top`, parents first: begin with `top`, NULL at the end. */
const struct rootfs_node *rootfs_next(const struct rootfs_node *top, const struct rootfs_node *at);
/* The same without what is below `at`. */
const struct rootfs_node *rootfs_next_beside(const struct rootfs_node *top, const struct rootfs_node *at);

/* A member of a tar that is made of nodes. */
struct rootfs_member {
	const struct rootfs_node *node;
	char *name;    /* in the tar; owned by the list */
	uint16_t mode; /* 07777 */
};
struct rootfs_members {
	struct rootfs_member *list;
	size_t n, cap;
};
void rootfs_members_free(struct rootfs_members *m);
#define ROOTFS_MEMBERS_CLEANUP __attribute__((cleanup(rootfs_members_free)))
int rootfs_members_add(struct rootfs_members *m, const struct rootfs_node *n, const char *name, uint16_t mode, struct err *e);

/*
 * Writes the members to `out`: those without content first, in the list's
 * order, then files in the order in which the layers hold them; a layer that
 * holds none of them isn't read. Of several names of one file the first has
 * the content, the others are links to it. `out` is used from another thread
 * meanwhile; once its own writer has failed it says so in `why` (may be NULL).
 */
int rootfs_write(const struct rootfs *fs, const struct rootfs_members *m, struct archive *out, const struct err *why, struct err *e);

/*
 * A tar of `top` and all below it to `write`. `name`: what top is called in
 * it, without a slash at the end; "": only what is below it (top is a directory).
 */
int rootfs_tar(const struct rootfs *fs, const struct rootfs_node *top, const char *name,
	       int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg, struct err *e);

/* Appends the content of a small regular file, `limit` bytes at most. */
int rootfs_read(const struct rootfs *fs, const struct rootfs_node *n, size_t limit, struct buf *ret, struct err *e);

#endif
