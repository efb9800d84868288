/* Whole small files, replaced in one step. */
#ifndef SOCKERLESS_LOCAL_FILE_H
#define SOCKERLESS_LOCAL_FILE_H

#include "lib/buf.h"
#include "lib/err.h"

/* Appends the file's bytes to *ret, up to its limit. ERR_NOT_FOUND when it isn't there. */
int file_read(const char *path, struct buf *ret, struct err *e);
/* Written aside (path + ".new"), synced and renamed: after a crash it is the old or the new one. Mode 0600. */
int file_replace(const char *path, const char *text, struct err *e);

#endif
