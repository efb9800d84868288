/*
 * The files in which a container's layer is kept, for the thread that does
 * their I/O: $STATE_DIR/layer/<container>.tar, what its runs wrote, and
 * <container>.staged.tar, what was copied in since. Blocking.
 */
#ifndef SOCKERLESS_GATEWAY_LAYER_FILE_H
#define SOCKERLESS_GATEWAY_LAYER_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent-gateway/job.h"
#include "lib/buf.h"

enum layer_kind {
	LAYER_RUNS,
	LAYER_STAGED,
	LAYER_KINDS,
	LAYER_IMAGE = LAYER_KINDS, /* <container>.image.tar: the function's image has it; the gateway deletes it only */
	LAYER_FILES
};

/* The argument of worker_start is the state directory. */
extern const struct worker_ops layer_thread_ops;

struct layer_file {
	int fd;          /* -1: not open */
	bool writing;
	char path[4096]; /* as it is read, or as it will be called */
};

void layer_file_init(struct layer_file *f, const char *state_dir, const char *container, enum layer_kind kind);
bool layer_file_there(const struct layer_file *f);
/* Up to `size` bytes behind those that were read before, appended; none at the end. */
int layer_file_read(struct layer_file *f, struct buf *to, size_t size, struct err *e);
/* Behind what was written before; nobody sees it until it is committed. */
int layer_file_write(struct layer_file *f, const void *data, size_t len, struct err *e);
/* Durable; takes the place of what was there. */
int layer_file_commit(struct layer_file *f, struct err *e);
/* Closes it; what was written and not committed is gone. */
void layer_file_close(struct layer_file *f);

/* One file of a container's, with what was begun of it; none is no error. */
void layer_file_remove(const char *state_dir, const char *container, enum layer_kind kind);
/* All of them. */
void layer_files_remove(const char *state_dir, const char *container);

#endif
