/*
 * The functions that exist, each with a file of its own in the state directory,
 * and their way from Pending to Active. Fields are read and changed under the
 * table's lock only.
 */
#ifndef SOCKERLESS_LOCAL_FUNCTIONS_H
#define SOCKERLESS_LOCAL_FUNCTIONS_H

#include <pthread.h>

#include "local-lambda/ecr.h"
#include "local-lambda/limits.h"
#include "local-lambda/pool.h"

#define FUNCTIONS_MAX 100000

struct function {
	char name[LIMIT_NAME + 1];
	struct json_object *config; /* as GetFunctionConfiguration shows it */
	struct json_object *tags;
	char *image_uri;            /* as it was given */
	char *resolved_uri;         /* by digest */
	struct revision *revision;  /* what Invoke runs; NULL until the first one was prepared */
	uint64_t serial;            /* of the last change: a preparation of an older one is dropped */
};

struct functions {
	const struct local_config *config;
	struct image_store *images;
	struct ecr *ecr;
	struct pool *pool;
	char *dir;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct function **table;    /* sorted by name */
	size_t count, cap;
	uint64_t serial;
	unsigned preparing;         /* threads at work */
};

/* Loads what stands in `dir` (made if it is missing) and goes on with what was Pending. */
int functions_open(struct functions **ret, const struct functions *init, const char *dir, struct err *e);
/* Waits for preparations. Environments must be gone already. */
void functions_close(struct functions *f);

/* All below: under the lock. */
struct function *functions_find(struct functions *f, const char *name);
/* Index of the first function with a name greater than `after`. */
size_t functions_after(struct functions *f, const char *after);
/* Takes ownership of `fn` at success, and writes its file. */
int functions_insert(struct functions *f, struct function *fn, struct err *e);
void functions_remove(struct functions *f, struct function *fn);
int functions_save(struct functions *f, struct function *fn, struct err *e);
void function_free(struct function *fn);
/*
 * Prepares the image in a thread, and makes the function's present settings its
 * revision when that worked: State or LastUpdateStatus tell how it ended.
 */
int functions_prepare(struct functions *f, struct function *fn, struct err *e);

#endif
