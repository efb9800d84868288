/*
 * Reads the members of a layer's tar while its bytes come: a thread of its own
 * runs libarchive on what is written here. Plain, gzip, zstd, xz or bzip2.
 * Memory is bounded. One thread writes; `member` is called in the other one.
 */
#ifndef SOCKERLESS_ROOTFS_LAYER_READER_H
#define SOCKERLESS_ROOTFS_LAYER_READER_H

#include <archive.h>
#include <archive_entry.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define LAYER_TAR_MAX (INT64_C(20) << 30) /* bytes of a layer's tar, and of the files in it as their heads say */

struct layer_reader;

/* A member; its data may be read with archive_read_data(). 0: go on, 1: no more is wanted (the rest is passed over), -1: give up. */
typedef int layer_member_fn(void *arg, struct archive *tar, struct archive_entry *entry, struct err *e);

int layer_reader_begin(layer_member_fn *member, void *arg, struct layer_reader **ret, struct err *e);
/* Blocks while the members' side is busy. -1 with its error once it has failed. */
int layer_reader_write(struct layer_reader *r, const void *data, size_t len, struct err *e);
/* All has been written: waits for the last member, frees. ERR_UPSTREAM for what is no tar, is cut short or too large. */
int layer_reader_end(struct layer_reader *r, struct err *e);
/* Gives up and frees; NULL is fine. */
void layer_reader_abort(struct layer_reader *r);

/* The same for a file (any compression). */
int layer_read_file(const char *path, layer_member_fn *member, void *arg, struct err *e);

#endif
