/* Sends an image of our registry to another one. Blocking; memory bounded by REGISTRY_CHUNK. */
#ifndef SOCKERLESS_REGISTRY_PUSH_H
#define SOCKERLESS_REGISTRY_PUSH_H

#include <stdint.h>

#include "lib/err.h"
#include "lib/registry/client.h"
#include "lib/registry/image.h"

struct push_progress {
	const char *id;     /* first 12 digits of the layer's diff id */
	const char *status; /* "Preparing", "Waiting", "Pushing", "Pushed", "Layer already exists", "Mounted from x" */
	int64_t current;    /* bytes; 0 with total 0: none to show */
	int64_t total;
};

/* Called as it goes on; a negative result, with e set, ends the push. */
struct push_listener {
	int (*report)(void *arg, const struct push_progress *p, struct err *e);
	void *arg;
};

struct push {
	struct registry *from;
	struct registry *to;
	const struct image *image; /* as image_fetch() read it from `from` */
	const char *tag;
	const char *const *mounts; /* repositories of the registry `to` that may hold the layers; NULL-terminated; NULL: none */
	struct push_listener listener;
};

/* Layers from the uppermost, as dockerd tells of them, then config and manifest, byte for byte. What is there isn't sent. */
int push_image(const struct push *p, struct err *e);

#endif
