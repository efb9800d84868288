/*
 * The files of a container: its image's layers in our registry, what its runs
 * wrote, what was copied in since. Of one that runs the agent is asked what
 * its run has written so far. Blocking.
 */
#ifndef SOCKERLESS_FCGI_CONTAINER_FILES_H
#define SOCKERLESS_FCGI_CONTAINER_FILES_H

#include "fcgi/container.h"
#include "fcgi/image_store.h"
#include "lib/registry/image.h"
#include "lib/rootfs/layer_index.h"
#include "lib/rootfs/rootfs.h"

/* The container's own layers: from the lowest. */
enum container_layer {
	CONTAINER_IMAGE,  /* <id>.image.tar: copied in where a function can't write, part of its image (container_code.h) */
	CONTAINER_RUNS,   /* <id>.tar: what its runs wrote */
	CONTAINER_STAGED, /* <id>.staged.tar: copied in since, unpacked before the next run */
	CONTAINER_LAYERS
};

struct container_files {
	struct image_row row;
	struct image image;
	struct registry *registry;
	char layers[CONTAINER_LAYERS][4096]; /* paths; "" where there is none */
	struct rootfs_source *sources;
	size_t n_image;                      /* of the sources */
	bool pause;                          /* the caller's: a container that runs stands still while the agent is at it */
	int live;                            /* what the agent said, a file without a name; -1: none */
	struct rootfs *fs;
};
#define CONTAINER_FILES_INIT { .live = -1 }

/* The event `action` of a container alone. */
int container_event_commit(struct request *req, const struct container *c, const char *action, struct json_object *attributes, struct err *e);

/* `whole`: with the container's own layers; else the image's alone are in `fs`. ERR_NOT_FOUND if the image has gone. */
int container_files_open(struct request *req, const struct container *c, bool whole, struct container_files *ret, struct err *e);
void container_files_close(struct container_files *f);
#define CONTAINER_FILES_CLEANUP __attribute__((cleanup(container_files_close)))

/* Its file in $STATE_DIR/layer. */
void container_layer_path(const struct request *req, const char *id, enum container_layer layer, char *ret, size_t size);
/* Bytes of all of them; what docker calls SizeRw. */
int64_t container_layer_size(const struct request *req, const char *id);

#endif
