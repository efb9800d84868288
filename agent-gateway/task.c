#include "agent-gateway/task.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/conn.h"
#include "agent-gateway/input.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/route.h"
#include "agent-gateway/run.h"
#include "agent-gateway/store_event.h"
#include "lib/log.h"

#define HEAD_MAX (64 * 1024)
/* The client has less than this to take: the agent may produce more. */
#define BACKLOG_LOW (64 * 1024)

/*
 * It lives as long as its connection and leaves the run when the agent has
 * said all (`over`): the client of an upload is answered at its body's end,
 * since nginx passes no earlier answer on.
 */
struct task {
	LIST_ENTRY(task) link;   /* of its run */
	struct run *run;         /* NULL: no longer one of its tasks */
	uint32_t stream;
	struct conn *conn;
	struct input input;      /* an upload's body */
	struct input_source source;
	struct evbuffer *head;   /* until it is whole */
	struct json_object *said; /* the head; NULL: it hasn't come */
	int status;              /* 0: as well */
	const char *event;       /* that is to be told if the task can be done; NULL: none */
	bool telling;            /* it is being committed: the client hears nothing before */
	char *message;           /* of an error */
	bool endless;            /* a stream that may end at any time */
	bool replied;            /* the head went to the client */
	bool over;
	int code;                /* then */
	uint32_t window, owed;
};

static struct task *find(struct run *r, uint32_t stream)
{
	struct task *t;

	LIST_FOREACH(t, &r->tasks, link)
		if (t->stream == stream)
			return t;
	return NULL;
}

static void leave(struct task *t)
{
	if (!t->run)
		return;
	LIST_REMOVE(t, link);
	t->run = NULL;
	t->over = true;
}

static void grant(struct task *t)
{
	uint8_t at[4];

	if (!t->owed || !t->run || !t->run->agent)
		return;
	wire_put_u32(at, t->owed);
	agent_send(t->run->agent, WIRE_WINDOW, WIRE_STDOUT, t->stream, at, sizeof at);
	t->window += t->owed;
	t->owed = 0;
}

/* Small grants would cost a message for each few bytes. What the client can't have yet, or never, waits in `head`. */
static void drained(struct task *t)
{
	size_t waiting = conn_backlog(t->conn) + evbuffer_get_length(t->head);

	if (waiting < BACKLOG_LOW && (t->owed >= WIRE_CREDIT / 4 || t->window < WIRE_CREDIT / 2))
		grant(t);
}

/* The task is over and so is the client's body: what is left to say is said. */
static void answer(struct task *t)
{
	struct conn *c = t->conn;

	if (!t->over || t->telling || (c->body && !c->body_ended) || c->finishing || c->dead)
		return;
	if (t->replied)
		reply_end(c);
	else if (t->status >= 400 || !t->status)
		reply_error(c, t->status ? t->status : 502, "%s", t->message ? t->message : "the agent ended the transfer early");
	else
		reply_empty(c, t->status);
}

static void begin_reply(struct task *t)
{
	const char *type = json_str(t->said, "type", NULL), *stat = json_str(t->said, "stat", NULL);
	char header[4096] = "";

	if (stat && strlen(stat) < sizeof header - 64)
		snprintf(header, sizeof header, "X-Docker-Container-Path-Stat: %s\r\n", stat);
	t->endless = json_flag(t->said, "endless", false);
	if (!type && !stat && !t->endless)
		return;
	t->replied = true;
	reply_stream_with(t->conn, type, header);
}

static void pass_on(struct task *t)
{
	struct evbuffer *b = t->head;

	while (t->replied && evbuffer_get_length(b)) {
		struct evbuffer_iovec v;

		if (evbuffer_peek(b, -1, NULL, &v, 1) < 1)
			return;
		reply_chunk(t->conn, v.iov_base, v.iov_len);
		evbuffer_drain(b, v.iov_len);
	}
}

/* All has come. A transfer that began and didn't end well must not look whole to the client. */
static void finish(struct task *t)
{
	if (t->replied && t->code && !t->endless) {
		conn_close(t->conn);
		return;
	}
	conn_read(t->conn, true);
	answer(t);
}

struct event_job {
	struct job job;
	struct conn *conn; /* holds a reference */
	char container[ID_HEX_LEN + 1];
	const char *action;
};

static int event_run(struct job *job, void *store, struct err *e)
{
	struct event_job *j = (struct event_job *)job;

	return store_container_event(store, j->container, j->action, NULL, e);
}

/* The event is in the store: whoever has the answer finds it there. */
static void event_done(struct job *job)
{
	struct event_job *j = (struct event_job *)job;
	struct task *t = j->conn->dead ? NULL : j->conn->state;

	if (job->rc < 0)
		log_error("container %s: event %s: %s", j->container, j->action, job->err.text);
	if (t) {
		t->telling = false;
		begin_reply(t);
		pass_on(t);
		drained(t);
		if (t->over)
			finish(t);
	}
	conn_unref(j->conn);
	free(j);
}

static void tell(struct task *t)
{
	struct event_job *j = calloc(1, sizeof *j);

	if (!j) {
		begin_reply(t);
		return;
	}
	j->job = (struct job){ .gw = t->conn->gw, .run = event_run, .done = event_done, .writes = true };
	j->conn = t->conn;
	conn_ref(t->conn);
	strcpy(j->container, t->conn->container->id);
	j->action = t->event;
	t->telling = true;
	worker_post(t->conn->gw->store, &j->job);
}

/* Takes the head out of what has come; false: it is none. */
static bool read_head(struct task *t)
{
	struct evbuffer_ptr end = evbuffer_search_eol(t->head, NULL, NULL, EVBUFFER_EOL_LF);
	size_t len = end.pos < 0 ? 0 : (size_t)end.pos;

	if (end.pos < 0)
		return evbuffer_get_length(t->head) <= HEAD_MAX;
	if (len > HEAD_MAX || json_parse((const char *)evbuffer_pullup(t->head, (ssize_t)len + 1), len, &t->said, NULL) < 0)
		return false;
	t->status = (int)json_int(t->said, "status", 0);
	if (t->status < 200 || t->status > 599)
		return false;
	if (t->status >= 400)
		t->message = strdup(json_str(t->said, "message", ""));
	else if (t->event)
		tell(t);
	else
		begin_reply(t);
	evbuffer_drain(t->head, len + 1);
	return true;
}

static bool on_data(struct task *t, const struct wire_message *m)
{
	if (m->len > t->window || m->len > WIRE_PAYLOAD_MAX || (wire_channel(m) != WIRE_STDOUT && wire_channel(m) != WIRE_STDERR))
		return false;
	t->window -= (uint32_t)m->len;
	t->owed += (uint32_t)m->len;
	/* What goes to stderr is of the sanitizers of a debug build. */
	if (wire_channel(m) == WIRE_STDERR)
		log_warn("a task of the agent: %.*s", (int)(m->len > 500 ? 500 : m->len), (const char *)m->payload);
	else if (evbuffer_add(t->head, m->payload, m->len) < 0)
		return false;
	if (!t->status && !read_head(t))
		return false;
	if (!t->telling)
		pass_on(t);
	drained(t);
	return true;
}

static void end(struct task *t, int code)
{
	leave(t);
	t->code = code;
	t->input.end = true;
	if (t->source.conn)
		input_remove(&t->source);
	if (!t->telling)
		finish(t);
}

static void on_exit_report(struct task *t, const struct wire_message *m)
{
	CLEANUP_JSON struct json_object *o = NULL;

	if (json_parse((const char *)m->payload, m->len, &o, NULL) < 0)
		end(t, 1);
	else
		end(t, (int)json_int(o, "code", 1));
}

bool task_message(struct agent *a, const struct wire_message *m)
{
	struct task *t = find(a->run, m->stream);

	if (!t)
		return true; /* its client has left */
	switch (m->type) {
	case WIRE_DATA:
		return on_data(t, m);
	case WIRE_WINDOW:
		if (!input_grant(&t->input, wire_get_u32(m->payload)))
			return false;
		input_send(&t->input, a, t->stream);
		return true;
	case WIRE_EXIT:
		on_exit_report(t, m);
		return true;
	case WIRE_FAILED:
		end(t, 1);
		return true;
	default:
		return true;
	}
}

void task_run_lost(struct run *r)
{
	struct task *t;

	while ((t = LIST_FIRST(&r->tasks)))
		end(t, 1);
}

/* The client's side. */

static void on_readable(struct conn *c)
{
	struct task *t = c->state;

	if (!c->body) {
		evbuffer_drain(conn_input(c), evbuffer_get_length(conn_input(c)));
	} else if (t->over) {
		evbuffer_drain(c->body, evbuffer_get_length(c->body));
	} else {
		input_take(&t->input, &t->source, c->body);
		if (t->run->agent)
			input_send(&t->input, t->run->agent, t->stream);
	}
}

static void on_drained(struct conn *c)
{
	drained(c->state);
}

static void on_eof(struct conn *c)
{
	struct task *t = c->state;

	t->input.end = true;
	if (t->run && t->run->agent)
		input_send(&t->input, t->run->agent, t->stream);
	answer(t);
}

/* The agent's part is killed: its input is cut short, its output has no reader. */
static void on_closed(struct conn *c)
{
	struct task *t = c->state;

	if (t->run && t->run->agent)
		agent_send_text(t->run->agent, WIRE_SIGNAL, t->stream, "{\"signal\":9}");
	leave(t);
	input_remove(&t->source);
	input_free(&t->input);
	evbuffer_free(t->head);
	json_object_put(t->said);
	free(t->message);
	free(t);
}

static const struct conn_ops task_ops = { .readable = on_readable, .drained = on_drained, .eof = on_eof, .closed = on_closed };

static struct task *task_new(struct conn *c, struct run *r)
{
	struct task *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->head = evbuffer_new();
	if (!t->head || !input_init(&t->input, false) || RAND_bytes((unsigned char *)&t->stream, sizeof t->stream) != 1) {
		if (t->head)
			evbuffer_free(t->head);
		input_free(&t->input);
		free(t);
		return NULL;
	}
	/* Drawn, not counted: a predecessor of this process may have left some that live. */
	t->stream |= TASK_STREAM;
	t->conn = c;
	t->run = r;
	t->owed = WIRE_CREDIT;
	if (r)
		LIST_INSERT_HEAD(&r->tasks, t, link);
	return t;
}

static struct json_object *make_open(struct conn *c)
{
	static const char *const args[] = { "task", "name", "path", "ps_args", "no_overwrite", "id", "stream", "one_shot",
					    "limit", "pause" };
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (!o || !json_add_str(o, "kind", "task") || !json_add_bool(o, "stdin", c->body != NULL))
		return NULL;
	for (size_t i = 0; i < sizeof args / sizeof *args; i++)
		if (!json_add_str(o, args[i], conn_arg(c, args[i], "")))
			return NULL;
	return json_object_get(o);
}

/* An error that is known before the agent was asked; of an upload the body is thrown away first. */
static void refuse(struct conn *c, int status, const char *message)
{
	struct task *t = c->body ? task_new(c, NULL) : NULL;

	if (!t) {
		reply_error(c, status, "%s", message);
		return;
	}
	t->over = true;
	t->status = status;
	t->message = strdup(message);
	conn_take(c, &task_ops, t);
}

/* What dockerd tells of it once it knows that it can be done. */
static const char *event_of(const char *task)
{
	static const struct {
		const char *task, *event;
	} table[] = { { "top", "top" }, { "get", "archive-path" }, { "put", "extract-to-dir" } };

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(table[i].task, task))
			return table[i].event;
	return NULL;
}

void task_handle(struct conn *c)
{
	char text[160];
	CLEANUP_JSON struct json_object *open = make_open(c);
	struct container *container = c->container;
	struct task *t;

	if (!container_running(container) || !container->run) {
		snprintf(text, sizeof text, "container %s is not running", container->id);
		refuse(c, 409, text);
		return;
	}
	if (!container->run->agent || !container->run->agent->greeted) {
		snprintf(text, sizeof text, "the agent of container %s is out of reach", container->id);
		refuse(c, 503, text);
		return;
	}
	t = open ? task_new(c, container->run) : NULL;
	if (!t) {
		reply_error(c, 503, "out of memory");
		return;
	}
	t->event = event_of(conn_arg(c, "task", ""));
	if (c->body)
		input_add(&t->input, &t->source, c);
	else
		t->input.end = t->input.end_sent = true;
	agent_send_text(t->run->agent, WIRE_OPEN, t->stream, json_text(open));
	grant(t);
	conn_take(c, &task_ops, t);
}

void fail_handle(struct conn *c)
{
	int status = (int)conn_arg_int(c, "status", 500);

	refuse(c, status >= 400 && status < 600 ? status : 500, conn_arg(c, "message", ""));
}
