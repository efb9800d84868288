#include "agent-gateway/exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/conn.h"
#include "agent-gateway/run.h"
#include "agent-gateway/store_exec.h"
#include "agent-gateway/table.h"
#include "lib/docker/exec_error.h"
#include "lib/docker/stream.h"
#include "lib/log.h"

/* The client has less than this to take: the process may produce more. */
#define BACKLOG_LOW (64 * 1024)

static struct exec *find(struct run *r, uint32_t stream)
{
	struct exec *x;

	LIST_FOREACH(x, &r->execs, link)
		if (x->stream == stream)
			return x;
	return NULL;
}

void exec_free(struct exec *x)
{
	exec_answer_resizes(x);
	exec_answer_detached(x);
	input_remove(&x->source);
	input_free(&x->input);
	if (x->conn) {
		x->conn->state = NULL;
		conn_finish(x->conn);
	}
	LIST_REMOVE(x, link);
	table_remove(&x->run->gw->execs, x);
	free(x->failure);
	free(x);
}

static void grant(struct exec *x)
{
	uint8_t at[4];

	if (!x->owed || !x->run->agent)
		return;
	wire_put_u32(at, x->owed);
	agent_send(x->run->agent, WIRE_WINDOW, WIRE_STDOUT, x->stream, at, sizeof at);
	x->window += x->owed;
	x->owed = 0;
}

void exec_open(struct exec *x, const char *open)
{
	agent_send_text(x->run->agent, WIRE_OPEN, x->stream, open);
	x->owed = WIRE_CREDIT;
	grant(x);
	/* Without a client, if it left in the meantime. */
	if (!x->has_stdin || !x->conn)
		x->input.end = true;
	input_send(&x->input, x->run->agent, x->stream);
}

bool exec_output(struct run *r, uint32_t stream, unsigned int channel, const uint8_t *data, size_t len)
{
	struct exec *x = find(r, stream);
	uint8_t head[STREAM_HEAD];

	if (!x)
		return true; /* one that a predecessor opened */
	if (len > x->window)
		return false;
	x->window -= (uint32_t)len;
	x->owed += (uint32_t)len;
	if (x->conn) {
		if (!x->tty) {
			stream_put_head(head, channel == WIRE_STDERR ? STREAM_STDERR : STREAM_STDOUT, (uint32_t)len);
			evbuffer_add(conn_output(x->conn), head, sizeof head);
		}
		evbuffer_add(conn_output(x->conn), data, len);
	}
	exec_drained(x);
	return true;
}

/* Small grants would cost a message for each few bytes. */
void exec_drained(struct exec *x)
{
	if (!x->conn || (conn_backlog(x->conn) < BACKLOG_LOW && (x->owed >= WIRE_CREDIT / 4 || x->window < WIRE_CREDIT / 2)))
		grant(x);
}

bool exec_window(struct run *r, uint32_t stream, uint32_t bytes)
{
	struct exec *x = find(r, stream);

	if (!x)
		return true;
	if (!input_grant(&x->input, bytes))
		return false;
	input_send(&x->input, r->agent, stream);
	return true;
}

static void push_input(struct exec *x)
{
	if (x->run->agent)
		input_send(&x->input, x->run->agent, x->stream);
}

/* Of a terminal: the keys that detach end the client's connection, the exec goes on. */
static void input_of_terminal(struct exec *x, struct evbuffer *in)
{
	struct evbuffer *kept = evbuffer_new();
	bool detached = kept && detach_keys_move(&x->keys, in, kept);

	if (kept) {
		input_take(&x->input, &x->source, kept);
		evbuffer_free(kept);
	}
	push_input(x);
	if (detached) {
		struct conn *c = x->conn;

		input_remove(&x->source);
		x->conn = NULL;
		c->state = NULL;
		store_post_exec_detach(x->run->gw, x->run->container->id, x->id, c);
		grant(x);
	}
}

void exec_input(struct exec *x)
{
	struct evbuffer *in = conn_input(x->conn);

	if (!x->has_stdin) {
		evbuffer_drain(in, evbuffer_get_length(in));
	} else if (x->tty) {
		input_of_terminal(x, in);
	} else {
		input_take(&x->input, &x->source, in);
		push_input(x);
	}
}

void exec_input_ends(struct exec *x)
{
	if (x->tty)
		return;
	x->input.end = true;
	push_input(x);
}

void exec_client_gone(struct exec *x)
{
	x->conn = NULL;
	input_remove(&x->source);
	x->input.end = true;
	push_input(x);
	grant(x);
}

/* inspect says so before a client hears that it runs. */
static void running_committed(struct gateway *gw, const char *id, const char *run, uint32_t stream)
{
	struct run *r = table_find(&gw->runs, run);
	struct exec *x = r ? find(r, stream) : NULL;

	if (!x)
		return;
	exec_answer_detached(x);
	exec_answer_resizes(x);
}

void exec_started(struct run *r, uint32_t stream, int64_t pid)
{
	struct exec *x = find(r, stream);

	if (!x || x->started)
		return;
	x->started = true;
	store_post_exec_running(r->gw, x->id, r->id, stream, pid, running_committed);
}

/* The end is durable: inspect says so before the client's stream ends. */
static void end_committed(struct gateway *gw, const char *id, const char *run, uint32_t stream)
{
	struct run *r = table_find(&gw->runs, run);
	struct exec *x = r ? find(r, stream) : NULL;
	uint8_t head[STREAM_HEAD];

	if (!x)
		return;
	if (x->failure && x->conn && !x->detached) {
		size_t len = strlen(x->failure);

		if (!x->tty) {
			stream_put_head(head, STREAM_STDOUT, (uint32_t)len);
			evbuffer_add(conn_output(x->conn), head, sizeof head);
		}
		evbuffer_add(conn_output(x->conn), x->failure, len);
	}
	exec_free(x);
}

static void end(struct run *r, uint32_t stream, int code, bool ran, const char *failure)
{
	struct exec *x = find(r, stream);

	/* A predecessor may have opened it; else it is known already, or made up: an agent can't fill the store's queue. */
	if (x ? x->ended : !r->recovered)
		return;
	if (x) {
		x->ended = true;
		x->code = code;
		x->failure = failure ? strdup(failure) : NULL;
	}
	store_post_exec_end(r->gw, r->container->id, r->id, stream, code, ran, end_committed);
}

void exec_exited(struct run *r, uint32_t stream, int code)
{
	end(r, stream, code, true, NULL);
}

void exec_failed(struct run *r, uint32_t stream, const char *step, int error, const char *path, const char *detail)
{
	char text[sizeof((struct exec_error *)0)->text + 2];
	struct exec_error f;

	exec_error(&f, EXEC_ERROR_EXEC, step, error, path, detail);
	snprintf(text, sizeof text, "%s\r\n", f.text);
	end(r, stream, f.code, false, text);
}

/* The clients' streams end; the agent tells the exit codes when it is back. */
void exec_agent_lost(struct run *r)
{
	struct exec *x;

	LIST_FOREACH(x, &r->execs, link) {
		struct conn *c = x->conn;

		if (!c || x->detached)
			continue;
		exec_client_gone(x);
		c->state = NULL;
		conn_finish(c);
	}
}

void exec_agent_here(struct run *r)
{
	struct exec *x;

	LIST_FOREACH(x, &r->execs, link)
		x->window = x->owed = 0; /* what is left of their output is dropped over there */
}

static bool among(uint32_t stream, const uint32_t *streams, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streams[i] == stream)
			return true;
	return false;
}

void exec_agent_knows(struct run *r, const uint32_t *streams, size_t n)
{
	struct exec *x;

	LIST_FOREACH(x, &r->execs, link) {
		if (x->ended || among(x->stream, streams, n))
			continue;
		log_warn("exec %s was lost with its agent's connection", x->id);
		x->lost = true;
		end(r, x->stream, x->started ? EXEC_LOST_RUNNING : EXEC_LOST_STARTING, x->started,
		    "the exec was lost with its agent's connection\r\n");
	}
	/* Those of a predecessor are known to the store alone. */
	if (r->left_streams > WIRE_MAIN)
		store_post_execs_lost(r->gw, r->container->id, r->id, r->left_streams, streams, n);
	r->left_streams = 0;
}

void exec_run_ended(struct run *r)
{
	struct exec *x;

	while ((x = LIST_FIRST(&r->execs)))
		exec_free(x);
}
