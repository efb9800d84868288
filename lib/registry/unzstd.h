/* Unpacks zstd bit by bit. Bounded memory: a frame that needs more than UNZSTD_WINDOW_LOG's is refused. */
#ifndef SOCKERLESS_REGISTRY_UNZSTD_H
#define SOCKERLESS_REGISTRY_UNZSTD_H

#include <stddef.h>

#include "lib/err.h"

#define UNZSTD_WINDOW_LOG 25 /* 32 MiB; zstd -19 needs 8 */

struct unzstd;

/* What comes out goes to `write`. */
int unzstd_begin(int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg, struct unzstd **ret, struct err *e);
/* ERR_UPSTREAM: no zstd; ERR_NOT_SUPPORTED: too large a window. */
int unzstd_write(struct unzstd *u, const void *data, size_t len, struct err *e);
/* ERR_UPSTREAM if the last frame isn't whole. */
int unzstd_end(struct unzstd *u, struct err *e);
void unzstd_free(struct unzstd *u); /* NULL is fine */

#endif
