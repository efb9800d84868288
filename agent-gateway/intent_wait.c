/*
 * GET /.gateway/http/intent/<container>?seq=N: answers with the intent's
 * status as soon as it is done; the row may have it already.
 */
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/conn.h"
#include "agent-gateway/container.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/route.h"
#include "lib/store/store.h"

struct wait_job {
	struct job job;
	struct conn *conn;
	int64_t seq;
	bool found, done;
	int status;
	char *message;
};

static int wait_run(struct job *job, void *context, struct err *e)
{
	struct wait_job *j = (struct wait_job *)job;
	struct store *s = context;
	int found = store_row(s, QUERY_GATEWAY_INTENT, e, "it", j->seq, j->conn->id);

	if (found < 0)
		return -1;
	j->found = found;
	if (found) {
		j->status = (int)store_int(s, QUERY_GATEWAY_INTENT, 0);
		j->message = strdup(store_text(s, QUERY_GATEWAY_INTENT, 1));
		j->done = store_int(s, QUERY_GATEWAY_INTENT, 2);
		store_reset(s, QUERY_GATEWAY_INTENT);
	}
	return 0;
}

static void wait_done(struct job *job)
{
	struct wait_job *j = (struct wait_job *)job;
	struct conn *c = j->conn;

	if (c->dead || c->finishing)
		;
	else if (job->rc < 0)
		reply_error(c, err_status(job->err.kind), "%s", job->err.text);
	else if (j->found && j->done)
		intent_answer(c, j->status, j->message);
	else if (j->found)
		intents_look(c->gw);
	else if (!intent_past_answer(c))
		reply_error(c, 404, "no such intent");
	free(j->message);
	conn_unref(c);
	free(j);
}

static void wait_closed(struct conn *c)
{
	struct intent_wait *w = c->state;

	LIST_REMOVE(w, link);
	free(w);
}

static const struct conn_ops wait_ops = { .closed = wait_closed };

void intent_handle(struct conn *c)
{
	struct intent_wait *w = calloc(1, sizeof *w);
	struct wait_job *j = calloc(1, sizeof *j);

	if (!w || !j) {
		free(w);
		free(j);
		reply_error(c, 503, "out of memory");
		return;
	}
	w->seq = conn_arg_int(c, "seq", 0);
	w->conn = c;
	LIST_INSERT_HEAD(&c->container->intents.waits, w, link);
	conn_take(c, &wait_ops, w);
	conn_ref(c);
	j->job = (struct job){ .gw = c->gw, .run = wait_run, .done = wait_done };
	j->conn = c;
	j->seq = w->seq;
	worker_post(c->gw->store, &j->job);
}
