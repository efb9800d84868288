/*
 * The execution environments of all functions: which are warm, how many run,
 * when an unused one ends. One invocation at a time in each.
 */
#ifndef SOCKERLESS_LOCAL_POOL_H
#define SOCKERLESS_LOCAL_POOL_H

#include <pthread.h>

#include "lib/buf.h"
#include "local-lambda/config.h"
#include "local-lambda/logs_store.h"
#include "local-lambda/revision.h"
#include "local-lambda/sandbox.h"

#define TAIL_BYTES 4096

struct pool;

struct pool_config {
	const struct local_config *config;
	struct sandbox_host *host;
	struct image_store *images;
	struct logs *logs;
};

/* One Invoke: the caller fills the first part, and finds the second filled. */
struct invocation {
	char request_id[37];
	char trace_id[96];
	struct buf payload;

	bool done;
	const char *function_error; /* static; NULL: the function answered */
	struct buf result;
	char tail[TAIL_BYTES];      /* the end of its log */
	size_t tail_len;
	bool broken;                /* this machine failed, not the function: `why` says how */
	struct err why;
	pthread_cond_t changed;     /* under the pool's lock */
};

void invocation_init(struct invocation *i);
void invocation_free(struct invocation *i);

/* What `config` points to must outlive the pool. */
int pool_open(struct pool **ret, const struct pool_config *config, struct err *e);
/* Kills every environment, running ones too, waits for their end, and lets none begin. NULL is fine, also below. */
void pool_stop(struct pool *p);
/* Once nobody calls it any more. */
void pool_close(struct pool *p);
/* Runs it in a warm environment or a new one, and blocks to its end. ERR_THROTTLED above the concurrency limit. */
int pool_invoke(struct pool *p, struct revision *r, struct invocation *i, struct err *e);
/* Idle environments of this revision end now, running ones after their invocation. */
void pool_retire(struct pool *p, struct revision *r);

#endif
