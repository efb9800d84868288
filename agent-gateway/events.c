#include "agent-gateway/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/conn.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/route.h"
#include "lib/cleanup.h"
#include "lib/docker/events.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/store/store.h"

#define LOOK_ROWS 200 /* as in sql/queries.sql */
#define BACKLOG_HIGH (256 * 1024)
#define BATCH_BYTES (1u << 20) /* the next look brings the rest; an exec's event may hold half a megabyte of arguments, twice */
#define TEXT_LIMIT (16u << 20)

struct event_stream {
	LIST_ENTRY(event_stream) link;
	struct conn *conn;
	int64_t after;      /* the newest that was looked at; -1: not begun */
	int64_t until;      /* ns; 0: for ever */
	struct event *end;  /* then; NULL: for ever, or it is past */
	bool asked, again;
	bool begun;         /* the head is written: whoever reads it hears of all that comes after */
};

struct events_job {
	struct job job;
	struct conn *conn;  /* holds a reference; its arguments are read by the store thread */
	int64_t after, since, until;
	char *tenant, *filters;
	struct buf text;
	bool full;          /* there may be more at once */
};

static int first_seq(struct events_job *j, struct store *s, struct err *e)
{
	const enum query q = j->since ? QUERY_GATEWAY_EVENT_FIRST : QUERY_GATEWAY_EVENT_LAST;
	int64_t seq;
	int rc = j->since ? store_row(s, q, e, "ti", j->tenant, j->since) : store_row(s, q, e, "");

	if (rc < 0)
		return -1;
	seq = store_int(s, q, 0);
	store_reset(s, q);
	j->after = j->since && seq ? seq - 1 : seq;
	/* None yet since then: from the newest on. */
	if (j->since && !seq) {
		j->since = 0;
		return first_seq(j, s, e);
	}
	return 0;
}

static int add_event(struct events_job *j, struct store *s, struct json_object *filters, struct err *e)
{
	const enum query q = QUERY_GATEWAY_EVENTS;
	CLEANUP_JSON struct json_object *attributes = NULL;
	const char *text = store_text(s, q, 5);
	struct docker_event ev;

	/* Nothing here writes such a row; if there is one, what follows it is told all the same. */
	if (json_parse(text, strlen(text), &attributes, e) < 0)
		return e->kind == ERR_INVALID ? 0 : -1;
	ev = (struct docker_event){ store_int(s, q, 1), store_text(s, q, 2), store_text(s, q, 3), store_text(s, q, 4), attributes };
	if (j->until && ev.time > j->until)
		return 0;
	if (docker_event_matches(&ev, filters) && !docker_event_append(&j->text, &ev))
		return err_nomem(e);
	return 0;
}

static int events_run(struct job *job, void *context, struct err *e)
{
	struct events_job *j = (struct events_job *)job;
	CLEANUP_JSON struct json_object *filters = NULL;
	const enum query q = QUERY_GATEWAY_EVENTS;
	struct store *s = context;
	int64_t newest;
	int rc, n = 0;

	if (*j->filters && json_parse(j->filters, strlen(j->filters), &filters, e) < 0)
		return -1;
	if (j->after < 0 && first_seq(j, s, e) < 0)
		return -1;
	if (store_row(s, QUERY_GATEWAY_EVENT_LAST, e, "") < 0)
		return -1;
	newest = store_int(s, QUERY_GATEWAY_EVENT_LAST, 0);
	store_reset(s, QUERY_GATEWAY_EVENT_LAST);
	rc = store_query(s, q, e, "ti", j->tenant, j->after);
	while (rc >= 0 && j->text.len < BATCH_BYTES && (rc = store_step(s, q, e)) > 0) {
		j->after = store_int(s, q, 0);
		rc = add_event(j, s, filters, e);
		n++;
	}
	store_reset(s, q);
	j->full = n == LOOK_ROWS || j->text.len >= BATCH_BYTES;
	/* What other tenants did since isn't looked at again. */
	if (rc >= 0 && !j->full && j->after < newest)
		j->after = newest;
	return rc < 0 ? -1 : 0;
}

static void look(struct event_stream *es);

static void tell(struct event_stream *es, const struct events_job *j)
{
	struct conn *c = es->conn;

	es->after = j->after;
	if (!es->begun)
		reply_stream(c, "application/json");
	es->begun = true;
	reply_chunk(c, j->text.data, j->text.len);
	if (c->dead)
		return;
	if (j->full || es->again)
		look(es);
	else if (es->until && time_now() >= es->until)
		reply_end(c);
}

/* A reply that began must not look whole: the client asks again from its last event on. */
static void fail(struct event_stream *es, const struct err *e)
{
	log_error("events: %s", e->text);
	if (es->begun)
		conn_close(es->conn);
	else
		reply_error(es->conn, err_status(e->kind), "%s", e->text);
}

static void events_done(struct job *job)
{
	struct events_job *j = (struct events_job *)job;
	struct conn *c = j->conn;
	struct event_stream *es = c->state;

	if (!c->dead && es) {
		es->asked = false;
		if (job->rc < 0)
			fail(es, &job->err);
		else
			tell(es, j);
	}
	conn_unref(c);
	buf_free(&j->text);
	free(j->tenant);
	free(j->filters);
	free(j);
}

static void look(struct event_stream *es)
{
	struct conn *c = es->conn;
	struct events_job *j;

	if (es->asked || c->finishing || conn_backlog(c) > BACKLOG_HIGH) {
		es->again = true;
		return;
	}
	es->again = false;
	j = calloc(1, sizeof *j);
	if (!j)
		return;
	j->tenant = strdup(conn_arg(c, "tenant", "local"));
	j->filters = strdup(conn_arg(c, "filters", ""));
	if (!j->tenant || !j->filters) {
		free(j->tenant);
		free(j->filters);
		free(j);
		return;
	}
	j->job = (struct job){ .gw = c->gw, .run = events_run, .done = events_done };
	j->conn = c;
	conn_ref(c);
	j->after = es->after;
	j->since = conn_arg_int(c, "since", 0);
	j->until = es->until;
	j->text = (struct buf)BUF_LIMITED(TEXT_LIMIT);
	es->asked = true;
	worker_post(c->gw->store, &j->job);
}

void events_look(struct gateway *gw)
{
	struct event_stream *es, *next;

	for (es = LIST_FIRST(&gw->event_streams); es; es = next) {
		next = LIST_NEXT(es, link);
		look(es);
	}
}

static void on_drained(struct conn *c)
{
	struct event_stream *es = c->state;

	if (es->again)
		look(es);
}

static void on_closed(struct conn *c)
{
	struct event_stream *es = c->state;

	LIST_REMOVE(es, link);
	c->state = NULL;
	if (es->end)
		event_free(es->end);
	free(es);
}

static const struct conn_ops events_ops = { .drained = on_drained, .closed = on_closed };

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	look(arg);
}

/* Should the clock be set, the gateway's tick finds the end as well. */
static void schedule_end(struct event_stream *es)
{
	int64_t wait = es->until - time_now() + 1000; /* a timer knows microseconds */
	struct timeval tv = { .tv_sec = wait / 1000000000, .tv_usec = wait % 1000000000 / 1000 };

	if (!es->until || wait <= 0)
		return;
	es->end = evtimer_new(es->conn->gw->base, on_end, es);
	if (es->end)
		evtimer_add(es->end, &tv);
}

void events_handle(struct conn *c)
{
	struct event_stream *es = calloc(1, sizeof *es);

	if (!es) {
		reply_error(c, 503, "out of memory");
		return;
	}
	es->conn = c;
	es->after = -1;
	es->until = conn_arg_int(c, "until", 0);
	LIST_INSERT_HEAD(&c->gw->event_streams, es, link);
	conn_take(c, &events_ops, es);
	schedule_end(es);
	look(es);
}
