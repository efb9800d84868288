/* Unpacks one layer. The tar is hostile until proven otherwise. */
#ifndef SOCKERLESS_LOCAL_IMAGE_UNPACK_H
#define SOCKERLESS_LOCAL_IMAGE_UNPACK_H

#include <stdint.h>

#include "lib/err.h"

#define LAYER_ENTRIES_MAX 2000000u

/*
 * Unpacks the tar (plain or gzip) read from blob_fd into the empty directory
 * dir_fd. No entry gets out of it: names with ".." are refused, links are
 * resolved as if the directory were the root. Whiteouts become what overlayfs
 * reads; other device nodes and all extended attributes are left out. The
 * uncompressed bytes must have the SHA-256 `diff_hex` and be at most
 * *bytes_left, which is lowered by what was read. Blocks. ERR_INVALID for a
 * layer that breaks a rule.
 */
int layer_unpack(int blob_fd, int dir_fd, const char *diff_hex, uint64_t *bytes_left, struct err *e);

#endif
