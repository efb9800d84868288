/*
 * The part of the file system that the container writes: /tmp, and the
 * directories that the derived image replaced by links to beneath
 * /tmp/.sockerless/root. Names of a layer are the container's: "tmp/x",
 * "var/log/y".
 */
#ifndef SOCKERLESS_AGENT_LAYER_H
#define SOCKERLESS_AGENT_LAYER_H

#include <stdbool.h>
#include <stddef.h>

#include "agent-gateway/agent/snapshot.h"

struct layer {
	const char *root;       /* the function's /tmp, borrowed; NULL: nothing is kept */
	struct snapshot *base;  /* of what the image has there; NULL: it couldn't be taken */
	struct snapshot *start; /* of what was there when the process began; NULL: it hasn't */
};

void layer_free(struct layer *l);

/* The container's name of what stands at `path` beneath the root. False: it has none, or one that is too long. */
bool layer_name(const char *path, char *to, size_t size);
/* The other way round, both with a slash in front. False: the container can't write there, or it is too long. */
bool layer_place(const char *name, char *to, size_t size);

#endif
