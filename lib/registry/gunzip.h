/* A layer's blob turned into its tar as it comes: gzip is unpacked, what is no gzip passes as it is. */
#ifndef SOCKERLESS_REGISTRY_GUNZIP_H
#define SOCKERLESS_REGISTRY_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

#include "lib/err.h"

struct gunzip {
	int (*write)(void *arg, const void *data, size_t len, struct err *e); /* takes the tar's bytes */
	void *arg;
	bool begun, packed, ended;
	z_stream z;
};

int gunzip_write(struct gunzip *g, const void *data, size_t len, struct err *e);
/* No more comes: ERR_UPSTREAM if the gzip is cut short. */
int gunzip_end(struct gunzip *g, struct err *e);
void gunzip_free(struct gunzip *g);
#define GUNZIP_CLEANUP __attribute__((cleanup(gunzip_free)))

#endif
