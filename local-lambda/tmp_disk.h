/* The function's /tmp: a sparse ext4 image on a loop device, so that its size is a real limit and its content isn't memory. */
#ifndef SOCKERLESS_LOCAL_TMP_DISK_H
#define SOCKERLESS_LOCAL_TMP_DISK_H

#include "lib/err.h"

/*
 * Makes the file `name` under dir_fd, an empty file system of size_mb. One of
 * each size is formatted once, kept as template_<MB> in templates_fd, and
 * copied after (the holes stay holes). Thread-safe.
 */
int tmp_disk_create(int templates_fd, int dir_fd, const char *name, unsigned size_mb, struct err *e);

/*
 * Binds an open image file to a free loop device that frees itself with its
 * last user; ret_fd keeps it until it is mounted, `path` (32 bytes) names it.
 */
int tmp_disk_attach(int image_fd, int *ret_fd, char path[32], struct err *e);

#endif
