/* One layer's way from registry to registry. Internal to lib/registry. */
#ifndef SOCKERLESS_REGISTRY_LAYER_COPY_H
#define SOCKERLESS_REGISTRY_LAYER_COPY_H

#include <pthread.h>

#include "lib/registry/copy.h"

struct layer_copy {
	struct registry *from, *to;  /* of this thread's own */
	const struct copy_listener *l;
	const struct copy_sink *sink;
	pthread_mutex_t *lock;       /* held around calls of the listener */
	bool (*cancelled)(void *arg);
	void *cancelled_arg;
};

int layer_report(const struct layer_copy *c, const char *digest, const char *status, int64_t current, int64_t total, struct err *e);

/* 1: the target has it and its owner may have it; *layer is then as stored. 0: it has to be copied. */
int layer_known(const struct layer_copy *c, struct image_layer *layer, struct err *e);

/* Copies it and makes *layer what is stored. */
int layer_copy(const struct layer_copy *c, struct image_layer *layer, struct err *e);

#endif
