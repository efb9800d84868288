/* Looks through a spool's directory when it is opened, and cuts a torn tail. File I/O. */
#ifndef SOCKERLESS_GATEWAY_SPOOL_RECOVER_H
#define SOCKERLESS_GATEWAY_SPOOL_RECOVER_H

#include <stdint.h>

#include "agent-gateway/spool_record.h"
#include "lib/err.h"

#define SPOOL_PATH_MAX 4096

struct spool_recovered {
	uint64_t first, last; /* segments; 0: none */
	uint64_t total;       /* bytes of all segments */
	uint64_t size;        /* of the last one */
	struct spool_offsets offsets;
};

/* The path of a segment's file. */
void spool_path(char path[SPOOL_PATH_MAX], const char *dir, uint64_t segment);

/* A directory that isn't there is an empty spool. */
int spool_recover(const char *dir, struct spool_recovered *ret, struct err *e);

#endif
