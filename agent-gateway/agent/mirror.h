/* A copy of the container's output for the function's own log: text only, and only so much of it, as it costs money. */
#ifndef SOCKERLESS_AGENT_MIRROR_H
#define SOCKERLESS_AGENT_MIRROR_H

#include <stddef.h>

struct mirror {
	size_t left; /* bytes that may still be copied in this run; 0: none */
};

/* Copies to standard output. What would block is left out. */
void mirror_add(struct mirror *m, const void *data, size_t len);

#endif
