#include "agent-gateway/ws_stream.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "agent-gateway/conn.h"
#include "lib/ws.h"

#define MESSAGE_MAX (1024 * 1024) /* of a client */
#define BACKLOG_MAX (4 * 1024 * 1024) /* answers to pings of a client that reads nothing */
#define CLOSE_NORMAL { 0x03, 0xe8 } /* 1000 */

struct ws_stream {
	struct conn *conn;
	struct ws_parser parser;
	struct evbuffer *in; /* of messages that are whole */
	enum ws_opcode opcode;
	bool closed; /* our goodbye is written */
};

static void put_frame(struct ws_stream *s, enum ws_opcode opcode, const void *data, size_t len)
{
	uint8_t head[WS_HEAD_MAX];
	size_t head_len = ws_put_head(head, opcode, len, NULL);
	struct evbuffer *out = conn_output(s->conn);

	if (s->closed)
		return;
	if (evbuffer_add(out, head, head_len) < 0 || (len && evbuffer_add(out, data, len) < 0))
		conn_close(s->conn);
}

struct ws_stream *ws_stream_new(struct conn *c, bool binary)
{
	struct ws_stream *s = calloc(1, sizeof *s);
	char accept[29];

	if (!s)
		return NULL;
	s->in = evbuffer_new();
	if (!s->in) {
		free(s);
		return NULL;
	}
	s->conn = c;
	s->opcode = binary ? WS_BINARY : WS_TEXT;
	ws_parser_init(&s->parser, true, MESSAGE_MAX);
	ws_accept_key(accept, c->ws_key);
	evbuffer_add_printf(conn_output(c),
			    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			    accept);
	return s;
}

void ws_stream_free(struct ws_stream *s)
{
	if (!s)
		return;
	ws_parser_free(&s->parser);
	evbuffer_free(s->in);
	free(s);
}

static bool on_message(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	struct ws_stream *s = arg;

	switch (opcode) {
	case WS_TEXT:
	case WS_BINARY:
		return evbuffer_add(s->in, data, len) == 0;
	case WS_PING:
		put_frame(s, WS_PONG, data, len);
		return conn_backlog(s->conn) < BACKLOG_MAX;
	case WS_PONG:
		return true;
	default:
		return false;
	}
}

struct evbuffer *ws_stream_read(struct ws_stream *s)
{
	struct evbuffer *in = conn_input(s->conn);

	while (evbuffer_get_length(in)) {
		struct evbuffer_iovec v;

		if (evbuffer_peek(in, -1, NULL, &v, 1) < 1)
			break;
		if (!ws_parse(&s->parser, v.iov_base, v.iov_len, on_message, s))
			return NULL;
		evbuffer_drain(in, v.iov_len);
	}
	return s->in;
}

void ws_stream_write(struct ws_stream *s, const void *data, size_t len)
{
	put_frame(s, s->opcode, data, len);
}

void ws_stream_close(struct ws_stream *s)
{
	static const uint8_t status[] = CLOSE_NORMAL;

	put_frame(s, WS_CLOSE, status, sizeof status);
	s->closed = true;
}
