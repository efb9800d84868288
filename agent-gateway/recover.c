/*
 * At the start: the runs that a predecessor left. Those that were invoked
 * wait for their agents; those that were not are undone, and their intents,
 * which stand in the store still, start them again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/restart.h"
#include "agent-gateway/route.h"
#include "agent-gateway/run.h"
#include "lib/hint.h"
#include "lib/log.h"

#define LOAD_MAX 64

struct left {
	STAILQ_ENTRY(left) next;
	struct gateway *gw;
	char run[RUN_ID_LEN + 1];
	char container[ID_HEX_LEN + 1];
	uint32_t number, last_stream;
	bool started, stdin_attached;
	int64_t invoked_at;
	char request_id[RUN_REQUEST_MAX + 1], log_stream[RUN_LOG_STREAM_MAX + 1];
	unsigned int *waiting; /* shared by all of them: loads under way */
};

STAILQ_HEAD(left_list, left);

struct recover_job {
	struct job job;
	struct left_list list;
	unsigned int *waiting;
};

static void forget(struct left_list *list)
{
	struct left *l;

	while ((l = STAILQ_FIRST(list))) {
		STAILQ_REMOVE_HEAD(list, next);
		free(l);
	}
}

static struct left *read_left(struct store *s)
{
	const enum query q = QUERY_GATEWAY_RUNS_UNFINISHED;
	struct left *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	snprintf(l->run, sizeof l->run, "%s", store_text(s, q, 0));
	snprintf(l->container, sizeof l->container, "%s", store_text(s, q, 1));
	l->number = (uint32_t)store_int(s, q, 2);
	l->started = !strcmp(store_text(s, q, 3), "started");
	l->last_stream = strcmp(store_text(s, q, 3), "prepared") ? WIRE_MAIN : 0;
	l->stdin_attached = store_int(s, q, 4);
	l->invoked_at = store_int(s, q, 5);
	snprintf(l->request_id, sizeof l->request_id, "%s", store_text(s, q, 6));
	snprintf(l->log_stream, sizeof l->log_stream, "%s", store_text(s, q, 7));
	return l;
}

static int find_streams(struct store *s, struct left *l, struct err *e)
{
	if (store_row(s, QUERY_GATEWAY_EXEC_STREAM, e, "tt", l->container, l->run) < 0)
		return -1;
	l->last_stream = (uint32_t)store_int(s, QUERY_GATEWAY_EXEC_STREAM, 0);
	store_reset(s, QUERY_GATEWAY_EXEC_STREAM);
	return 0;
}

static int recover_run(struct job *job, void *context, struct err *e)
{
	struct recover_job *j = (struct recover_job *)job;
	const enum query q = QUERY_GATEWAY_RUNS_UNFINISHED;
	struct store *s = context;
	struct left *l, *next;
	int rc;

	forget(&j->list);
	rc = store_query(s, q, e, "");
	while (rc >= 0 && (rc = store_step(s, q, e)) > 0) {
		l = read_left(s);
		if (!l)
			return err_nomem(e);
		STAILQ_INSERT_TAIL(&j->list, l, next);
	}
	for (l = STAILQ_FIRST(&j->list); l && rc >= 0; l = next) {
		next = STAILQ_NEXT(l, next);
		if (l->last_stream) {
			rc = find_streams(s, l, e);
			continue;
		}
		rc = store_run_undo(s, l->container, l->run, e);
		STAILQ_REMOVE(&j->list, l, left, next);
		free(l);
	}
	return rc < 0 ? -1 : 0;
}

static void recovered(struct gateway *gw, unsigned int *waiting)
{
	if (--*waiting)
		return;
	free(waiting);
	gw->recovered = true;
	restarts_recover(gw);
	intents_look(gw);
	route_held(gw);
}

static void never_back(struct run *r)
{
	if (r->phase == RUN_INVOKED)
		run_start_failed(r, 500, 128, "the gateway was restarted, and the agent did not call back");
}

static void container_loaded(void *arg, struct container *c, const struct err *e)
{
	struct left *l = arg;
	struct run *r = c ? run_new(c, l->run, l->number) : NULL;

	if (!r) {
		log_error("run %s can't be taken over: %s", l->run, e ? e->text : "out of memory");
	} else {
		r->recovered = true;
		r->invoked_at = l->invoked_at;
		run_set_over(r, time_now() - l->invoked_at);
		strcpy(r->request_id, l->request_id);
		strcpy(r->log_stream, l->log_stream);
		r->last_stream = r->left_streams = l->last_stream;
		r->phase = l->started ? RUN_STARTED : RUN_INVOKED;
		/* The client that was attached is gone with the predecessor. */
		if (l->stdin_attached && c->stdin_once && !c->tty)
			c->input.end = true;
		run_find_offsets(r);
		if (l->started)
			run_wait_deadline(r);
		else
			run_timer(r, (int64_t)c->gw->settings->agent_timeout, never_back);
	}
	if (c)
		container_unref(c);
	recovered(l->gw, l->waiting);
	free(l);
}

/* Thousands of loads would hold the loop up, and the clients' jobs behind them. */
static void load_some(void *arg)
{
	struct recover_job *j = arg;
	struct gateway *gw = j->job.gw;
	struct left *l;

	for (int n = 0; n < LOAD_MAX && (l = STAILQ_FIRST(&j->list)); n++) {
		STAILQ_REMOVE_HEAD(&j->list, next);
		l->gw = gw;
		l->waiting = j->waiting;
		++*j->waiting;
		container_open(gw, l->container, container_loaded, l);
	}
	if (!STAILQ_EMPTY(&j->list)) {
		gateway_later(gw, load_some, j);
		return;
	}
	recovered(gw, j->waiting);
	free(j);
}

static void recover_done(struct job *job)
{
	struct recover_job *j = (struct recover_job *)job;

	j->waiting = calloc(1, sizeof *j->waiting);
	if (job->rc < 0 || !j->waiting) {
		log_error("the runs of a predecessor can't be read: %s", job->err.text);
		event_base_loopbreak(job->gw->base);
		forget(&j->list);
		free(j->waiting);
		free(j);
		return;
	}
	*j->waiting = 1;
	load_some(j);
}

void runs_recover(struct gateway *gw)
{
	struct recover_job *j = calloc(1, sizeof *j);

	/* A predecessor may have removed a container and not have said so. */
	hint_send(gw->settings->run_dir, HINT_RECONCILER);
	if (!j)
		return;
	STAILQ_INIT(&j->list);
	j->job = (struct job){ .gw = gw, .run = recover_run, .done = recover_done, .writes = true };
	worker_post(gw->store, &j->job);
}
