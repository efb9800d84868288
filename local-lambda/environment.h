/*
 * An execution environment: a sandbox, the process in it, the Runtime API that
 * this process calls, and the log stream it writes. A thread of its own drives
 * it through start, invocations, freezing and end. Private to environment*.c and pool.c.
 */
#ifndef SOCKERLESS_LOCAL_ENVIRONMENT_H
#define SOCKERLESS_LOCAL_ENVIRONMENT_H

#include "local-lambda/http.h"
#include "local-lambda/output.h"
#include "local-lambda/pool.h"

struct pool {
	struct pool_config config;
	pthread_mutex_t lock; /* over everything below, and over all environments' fields */
	pthread_cond_t changed;
	struct environment *first;
	unsigned count;
	bool closing;
};

/* How far the current invocation got with the Runtime API. */
enum phase { PHASE_NONE, PHASE_QUEUED, PHASE_DELIVERED, PHASE_ANSWERED };

struct environment {
	struct environment *next;
	struct pool *pool;
	struct revision *revision;
	pthread_cond_t changed;
	struct sandbox *sandbox;
	struct http_server *runtime;
	struct output output;
	bool idle;
	int64_t idle_since;
	bool stop;            /* end as soon as possible */

	/* the process; `generation` counts its starts, so that what an earlier one asked for is told apart */
	unsigned generation;
	bool running;         /* started and not yet reaped */
	bool exited;
	int wait_status;
	pthread_t waiter;
	unsigned waiting;     /* requests of this generation that wait in `next` */
	bool init_failed;     /* it called init/error; what it said: */
	struct buf init_error;

	enum phase phase;
	struct invocation *invocation; /* NULL once its caller has the result */
	char request_id[37];
	int64_t deadline_wall_ms;
	bool cold;            /* the next REPORT tells the init's duration */
	int64_t init_ms;
};

/* Starts the environment and its thread with a first invocation. Under the pool's lock. */
int environment_start(struct pool *p, struct revision *r, struct invocation *i, struct err *e);

/* The process half; all are called by the environment's thread, under the lock, and give it up while they work. */
int environment_process_start(struct environment *v, struct err *e);
void environment_process_kill(struct environment *v);
/* After `exited`: joins what served the process. */
void environment_process_reap(struct environment *v);
/* Waits for a change, at most until then (mono_ms). False when that time has come. */
bool environment_wait(struct environment *v, int64_t until_ms);

/* The invocation half: from START to REPORT. Under the lock. */
void environment_serve(struct environment *v);

/* The Runtime API: http handlers with the environment as context. */
size_t runtime_body_limit(void *ctx, const struct request *request);
void runtime_handle(void *ctx, struct request *request, struct reply *reply);

#endif
