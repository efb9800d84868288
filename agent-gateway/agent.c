#include "agent-gateway/agent.h"

#include <stdlib.h>
#include <string.h>

#include "agent-gateway/conn.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/run.h"
#include "agent-gateway/table.h"
#include "lib/log.h"

/* An agent has taken nothing for this many bytes: it is as good as gone. */
#define BACKLOG_MAX (32u << 20)
#define PING_EVERY 10LL * 1000000000
#define SILENCE_MAX 30LL * 1000000000
/* Each agent is looked after once a second, in so many parts; one part's pings are so many times fewer than the agents. */
#define LOOK_PARTS 10
#define PING_PARTS 80

void agent_send(struct agent *a, enum wire_type type, uint8_t flags, uint32_t stream, const void *data, size_t len)
{
	uint8_t head[WS_HEAD_MAX + WIRE_HEAD];
	size_t head_len = ws_put_head(head, WS_BINARY, WIRE_HEAD + len, NULL);
	struct evbuffer *out = conn_output(a->conn);

	if (a->conn->dead || a->conn->finishing)
		return;
	wire_put_head(head + head_len, type, flags, stream);
	if (evbuffer_add(out, head, head_len + WIRE_HEAD) < 0 || (len && evbuffer_add(out, data, len) < 0) ||
	    evbuffer_get_length(out) > BACKLOG_MAX)
		agent_drop(a);
}

void agent_send_text(struct agent *a, enum wire_type type, uint32_t stream, const char *text)
{
	agent_send(a, type, 0, stream, text, strlen(text));
}

static void drop_later(void *arg)
{
	conn_close(arg);
	conn_unref(arg);
}

/* Not at once: callers go on using it. */
void agent_drop(struct agent *a)
{
	if (a->conn->dead || a->conn->finishing)
		return;
	a->conn->finishing = true;
	conn_ref(a->conn);
	gateway_later(a->conn->gw, drop_later, a->conn);
}

static void send_control(struct agent *a, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	uint8_t head[WS_HEAD_MAX];
	size_t head_len = ws_put_head(head, opcode, len, NULL);
	struct evbuffer *out = conn_output(a->conn);

	evbuffer_add(out, head, head_len);
	evbuffer_add(out, data, len);
}

static bool on_frame(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	struct agent *a = arg;
	struct wire_message m;

	if (a->conn->dead || a->conn->finishing)
		return false;
	switch (opcode) {
	case WS_PING:
		send_control(a, WS_PONG, data, len);
		return conn_backlog(a->conn) < BACKLOG_MAX;
	case WS_PONG:
		return true;
	case WS_BINARY:
		if (!wire_parse(data, len, &m)) {
			log_warn("an agent sent what is no message");
			return false;
		}
		return agent_message(a, &m);
	default:
		return false;
	}
}

static void on_readable(struct conn *c)
{
	struct agent *a = c->state;
	struct evbuffer *in = conn_input(c);

	a->heard = gateway_clock();
	while (!c->dead && !c->finishing && evbuffer_get_length(in)) {
		struct evbuffer_iovec v;

		if (evbuffer_peek(in, -1, NULL, &v, 1) < 1)
			return;
		if (!ws_parse(&a->ws, v.iov_base, v.iov_len, on_frame, a)) {
			if (a->run)
				log_warn("run %s: dropping its agent", a->run->id);
			agent_drop(a);
			return;
		}
		evbuffer_drain(in, v.iov_len);
	}
}

static void on_eof(struct conn *c)
{
	agent_drop(c->state);
}

static void on_closed(struct conn *c)
{
	struct agent *a = c->state;

	if (a->run && a->run->agent == a)
		run_agent_lost(a->run);
	TAILQ_REMOVE(&c->gw->agents, a, link);
	c->gw->agents_count--;
	ws_parser_free(&a->ws);
	free(a);
}

static const struct conn_ops agent_ops = { .readable = on_readable, .eof = on_eof, .closed = on_closed };

static void send_handshake(struct conn *c)
{
	char accept[29];

	ws_accept_key(accept, c->ws_key);
	evbuffer_add_printf(conn_output(c),
			    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			    accept);
}

void agent_accept(struct conn *c)
{
	struct run *r = table_find(&c->gw->runs, c->id);
	struct agent *a;

	if (!r || r->phase == RUN_ENDING || r->phase == RUN_PREPARED) {
		reply_error(c, 410, "this run is over");
		return;
	}
	if (!c->upgrade || !c->ws_key) {
		reply_error(c, 400, "expected a WebSocket");
		return;
	}
	a = calloc(1, sizeof *a);
	if (!a) {
		reply_error(c, 503, "out of memory");
		return;
	}
	if (r->agent) {
		struct agent *old = r->agent;

		log_info("run %s: another connection of its agent takes over", r->id);
		run_agent_lost(r);
		old->run = NULL;
		agent_drop(old);
	}
	a->conn = c;
	a->run = r;
	a->heard = gateway_clock();
	ws_parser_init(&a->ws, true, WIRE_MESSAGE_MAX);
	r->agent = a;
	TAILQ_INSERT_TAIL(&c->gw->agents, a, link);
	c->gw->agents_count++;
	send_handshake(c);
	conn_take(c, &agent_ops, a);
}

/*
 * Agents that came together are silent together: a part of them is looked at in
 * one go, and few of it are pinged, so that neither the pings nor their answers
 * come all at once. A ping is late by 8 s then, and SILENCE_MAX leaves room for that.
 */
static void agents_look_after(evutil_socket_t fd, short what, void *arg)
{
	struct gateway *gw = arg;
	unsigned int looks = gw->agents_count / LOOK_PARTS + 1, pings = gw->agents_count / PING_PARTS + 1;
	int64_t now = gateway_clock();
	struct agent *a;

	for (; looks && (a = TAILQ_FIRST(&gw->agents)); looks--) {
		int64_t silent = now - a->heard;

		TAILQ_REMOVE(&gw->agents, a, link);
		TAILQ_INSERT_TAIL(&gw->agents, a, link);
		if (silent > SILENCE_MAX) {
			agent_drop(a);
		} else if (silent > PING_EVERY && a->pinged < a->heard && pings) {
			agent_send(a, WIRE_PING, 0, WIRE_SESSION, "ping", 4);
			a->pinged = now;
			pings--;
		}
	}
}

int agents_open(struct gateway *gw, struct err *e)
{
	const struct timeval part = { .tv_usec = 1000000 / LOOK_PARTS };

	gw->agents_event = event_new(gw->base, -1, EV_PERSIST, agents_look_after, gw);
	return gw->agents_event && event_add(gw->agents_event, &part) == 0 ? 0 : err_nomem(e);
}
