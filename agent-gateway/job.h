/*
 * Work for another thread. The loop posts a job to a worker; the worker runs
 * it in its thread; the loop is woken and calls `done`, which frees it.
 */
#ifndef SOCKERLESS_GATEWAY_JOB_H
#define SOCKERLESS_GATEWAY_JOB_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "lib/err.h"

struct gateway;

struct job {
	STAILQ_ENTRY(job) next;
	struct gateway *gw;
	/* In the worker's thread; may be run again if its transaction had to be rolled back. */
	int (*run)(struct job *j, void *context, struct err *e);
	/* In the loop: j->rc and j->err tell how it went. Frees j. */
	void (*done)(struct job *j);
	bool writes; /* of store jobs: runs in a transaction */
	int rc;
	struct err err;
};

STAILQ_HEAD(job_list, job);

/* The way back into the loop. */
struct completions;
int completions_open(struct completions **ret, struct event_base *base, struct err *e);
void completions_close(struct completions *c);
/* From any thread; empties the list. */
void completions_post(struct completions *c, struct job_list *done);

/* A thread with a queue. */
struct worker;

struct worker_ops {
	const char *name;
	/* Called in the thread, first and last. open may fail: worker_start fails with it then. */
	int (*open)(void *arg, void **ret_context, struct err *e);
	void (*close)(void *context);
	/* Runs all jobs of the list and moves them to `done` in order. */
	void (*batch)(void *context, struct job_list *jobs, struct job_list *done);
};

int worker_start(struct worker **ret, const struct worker_ops *ops, void *arg, struct completions *back, struct err *e);
/* Never blocks. */
void worker_post(struct worker *w, struct job *j);
/* Finishes what is queued, ends the thread. NULL is fine. */
void worker_stop(struct worker *w);

/* Runs the jobs one after another. */
void jobs_run_each(void *context, struct job_list *jobs, struct job_list *done);

#endif
