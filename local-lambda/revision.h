/*
 * What one revision of a function runs as: fixed when it is made, shared by the
 * function and its execution environments, replaced as a whole by an update.
 */
#ifndef SOCKERLESS_LOCAL_REVISION_H
#define SOCKERLESS_LOCAL_REVISION_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/err.h"
#include "lib/json.h"
#include "local-lambda/image.h"

struct revision {
	atomic_uint refs;
	char *name;
	char *arn;
	char *image_uri; /* by digest */
	struct json_object *config; /* as GetFunctionConfiguration shows it; only read */
	unsigned timeout_seconds;
	unsigned memory_mb;
	unsigned tmp_mb;
	bool retired;    /* under the pool's lock: no environment of it is kept */
	pthread_mutex_t lock;
	struct image *image; /* under `lock`; NULL until it was prepared */
};

/* Copies `config`. The caller owns the reference. */
int revision_new(struct revision **ret, struct json_object *config, const char *image_uri, struct err *e);
struct revision *revision_ref(struct revision *r);
void revision_unref(struct revision *r);
/* The unpacked image, a reference of the caller's. Fetches it at the first call: blocks. */
int revision_image(struct revision *r, struct image_store *images, struct image **ret, struct err *e);

#endif
