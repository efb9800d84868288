/*
 * GET /.gateway/tunnel/attach/<container>: the head at once, then output from
 * the spool at the client's own pace, and its stdin to the process. Before a
 * start it waits for the start, and ends with it if it fails. The stream ends
 * when the run that it watches has ended and all of its output is delivered.
 * GET /.gateway/tunnel/attach-ws/<container>: the same as a WebSocket's
 * messages, in which stdout and stderr aren't told apart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/conn.h"
#include "agent-gateway/container.h"
#include "agent-gateway/detach_keys.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/route.h"
#include "agent-gateway/run.h"
#include "agent-gateway/store_event.h"
#include "agent-gateway/ws_stream.h"
#include "lib/docker/stream.h"
#include "lib/log.h"

/* Output not yet taken by the client, above which no more is read from the spool. */
#define BACKLOG_HIGH (256 * 1024)

struct attach {
	struct watcher watcher; /* first */
	struct conn *conn;
	struct reader *reader;  /* NULL: no output wanted, or seen to its end */
	struct input_source source;
	struct detach_keys keys;
	struct ws_stream *ws;   /* NULL: the bytes go as they are */
	bool tty, stream, want_stdin, want[2];
	bool placed;  /* the reader stands where it begins */
	bool more;    /* output came while a chunk was read */
	bool over;    /* the run has ended */
};

static void finish(struct attach *a)
{
	if (a->ws)
		ws_stream_close(a->ws);
	conn_finish(a->conn);
}

static void next_chunk(struct attach *a)
{
	if (!a->reader || a->conn->finishing)
		return;
	if (reader_busy(a->reader)) {
		a->more = true;
		return;
	}
	if (conn_backlog(a->conn) < BACKLOG_HIGH)
		reader_next(a->reader);
}

static void send_record(struct attach *a, const struct spool_record *r)
{
	uint8_t head[STREAM_HEAD];

	if (!a->want[r->channel])
		return;
	if (a->ws) {
		ws_stream_write(a->ws, r->data, r->len);
		return;
	}
	if (!a->tty) {
		stream_put_head(head, r->channel ? STREAM_STDERR : STREAM_STDOUT, (uint32_t)r->len);
		evbuffer_add(conn_output(a->conn), head, sizeof head);
	}
	evbuffer_add(conn_output(a->conn), r->data, r->len);
}

static void on_chunk(void *arg, const uint8_t *data, size_t len, const struct err *e)
{
	struct attach *a = arg;
	bool placed_now = !a->placed;
	size_t at = 0;

	if (e) {
		log_error("attach: %s", e->text);
		conn_close(a->conn);
		return;
	}
	a->placed = true;
	while (at < len) {
		struct spool_record r;
		long n = spool_record_peek(data + at, len - at, &r);

		if (n <= 0)
			break;
		send_record(a, &r);
		at += (size_t)n;
	}
	if (len || a->more || placed_now) {
		a->more = false;
		next_chunk(a);
	} else if (a->over || !a->stream) {
		finish(a);
	}
}

static void told(struct watcher *w, enum news news)
{
	struct attach *a = (struct attach *)w;

	if (a->conn->finishing)
		return;
	if (news == NEWS_EXITED || news == NEWS_START_FAILED || news == NEWS_REMOVED) {
		a->over = true;
		if (!a->reader)
			finish(a);
	}
	next_chunk(a);
}

static void on_drained(struct conn *c)
{
	next_chunk(c->state);
}

struct event_job {
	struct job job;
	char container[ID_HEX_LEN + 1];
	char run[RUN_ID_LEN + 1]; /* its stdin is attached; "": no */
	const char *action;
};

static int event_run(struct job *job, void *store, struct err *e)
{
	struct event_job *j = (struct event_job *)job;

	if (*j->run && store_run(store, QUERY_GATEWAY_RUN_STDIN, e, "t", j->run) < 0)
		return -1;
	return store_container_event(store, j->container, j->action, NULL, e);
}

static void event_done(struct job *job)
{
	if (job->rc < 0)
		log_error("attach: %s", job->err.text);
	free(job);
}

static void post_event(struct attach *a, const char *action)
{
	struct container *container = a->conn->container;
	struct event_job *j = calloc(1, sizeof *j);

	if (!j)
		return;
	j->job = (struct job){ .gw = container->gw, .run = event_run, .done = event_done, .writes = true };
	strcpy(j->container, container->id);
	if (a->want_stdin && container->run)
		strcpy(j->run, container->run->id);
	j->action = action;
	worker_post(container->gw->store, &j->job);
}

static void push_input(struct container *c)
{
	if (c->run && c->run->agent && c->run->agent->greeted)
		input_send(&c->input, c->run->agent, WIRE_MAIN);
}

/* Of a terminal: the keys are looked for. True: they were typed. */
static bool filter_keys(struct attach *a, struct evbuffer *in)
{
	struct evbuffer *kept = evbuffer_new();
	bool detached = kept && detach_keys_move(&a->keys, in, kept);

	if (kept) {
		input_take(&a->conn->container->input, &a->source, kept);
		evbuffer_free(kept);
	}
	return detached;
}

static void stdin_ends(struct attach *a)
{
	struct container *c = a->conn->container;

	if (!a->want_stdin || !c->stdin_once || c->tty)
		return;
	c->input.end = true;
	push_input(c);
}

/* The client's goodbye. */
static void leave(struct attach *a)
{
	stdin_ends(a);
	finish(a);
}

static void on_readable(struct conn *c)
{
	struct attach *a = c->state;
	struct evbuffer *in = a->ws ? ws_stream_read(a->ws) : conn_input(c);
	bool detached = false;

	if (!in) {
		leave(a);
		return;
	}
	if (!a->want_stdin) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	if (a->tty)
		detached = filter_keys(a, in);
	else
		input_take(&c->container->input, &a->source, in);
	push_input(c->container);
	if (detached) {
		post_event(a, "detach");
		finish(a);
	}
}

static void on_eof(struct conn *c)
{
	stdin_ends(c->state);
}

static void on_closed(struct conn *c)
{
	struct attach *a = c->state;

	/* Not if the run is over: this may be the next one's stdin. */
	if (a->source.conn && !a->over && !c->finishing)
		stdin_ends(a);
	input_remove(&a->source);
	container_unwatch(c->container, &a->watcher);
	reader_free(a->reader);
	ws_stream_free(a->ws);
	free(a);
}

static const struct conn_ops attach_ops = { .readable = on_readable, .drained = on_drained, .eof = on_eof, .closed = on_closed };

static void begin(struct attach *a, bool logs)
{
	struct container *c = a->conn->container;

	container_watch(c, &a->watcher);
	if (a->want_stdin)
		input_add(&c->input, &a->source, a->conn);
	if (a->stream)
		post_event(a, "attach");
	if (!a->reader) {
		if (!a->stream)
			finish(a);
		return;
	}
	a->placed = logs;
	if (!logs)
		reader_seek_end(a->reader);
	reader_next(a->reader);
}

static struct attach *attach_new(struct conn *c)
{
	struct attach *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->watcher.told = told;
	a->conn = c;
	a->tty = c->container->tty;
	a->stream = conn_arg_flag(c, "stream");
	a->want_stdin = a->stream && conn_arg_flag(c, "stdin") && c->container->open_stdin;
	a->want[0] = conn_arg_flag(c, "stdout");
	a->want[1] = conn_arg_flag(c, "stderr");
	detach_keys_init(&a->keys, conn_arg(c, "detach_keys", ""));
	if (a->want[0] || a->want[1]) {
		a->reader = reader_new(c->container->spooler, on_chunk, a);
		if (!a->reader) {
			free(a);
			return NULL;
		}
	}
	return a;
}

void attach_handle(struct conn *c)
{
	struct attach *a = attach_new(c);

	if (!a) {
		reply_error(c, 503, "out of memory");
		return;
	}
	reply_tunnel(c, a->tty, false);
	conn_take(c, &attach_ops, a);
	begin(a, conn_arg_flag(c, "logs"));
}

void attach_ws_handle(struct conn *c)
{
	struct attach *a;

	if (!c->upgrade || !c->ws_key) {
		reply_error(c, 400, "the client is not using the websocket protocol: 'websocket' not found in the Upgrade header, or no key");
		return;
	}
	a = attach_new(c);
	if (a)
		a->ws = ws_stream_new(c, conn_api_least(c, 28));
	if (!a || !a->ws) {
		if (a)
			reader_free(a->reader);
		free(a);
		reply_error(c, 503, "out of memory");
		return;
	}
	conn_take(c, &attach_ops, a);
	begin(a, conn_arg_flag(c, "logs"));
}
