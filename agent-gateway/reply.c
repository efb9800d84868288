#include "agent-gateway/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent-gateway/conn.h"
#include "lib/docker/reply.h"

static void send_buf(struct conn *c, struct buf *b)
{
	if (b->failed || evbuffer_add(conn_output(c), b->data, b->len) < 0)
		conn_close(c);
}

static void head(struct conn *c, struct buf *b, int status)
{
	buf_printf(b, "HTTP/1.1 %d %s\r\n", status, reply_reason(status));
	reply_headers(b);
}

void reply_empty(struct conn *c, int status)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	head(c, &b, status);
	if (status != 204 && status != 304)
		buf_puts(&b, "Content-Length: 0\r\n");
	buf_puts(&b, "Connection: close\r\n\r\n");
	send_buf(c, &b);
	conn_finish(c);
}

void reply_error(struct conn *c, int status, const char *fmt, ...)
{
	BUF_CLEANUP struct buf b = BUF_INIT, body = BUF_INIT;
	char message[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	reply_error_body(&body, message);
	head(c, &b, status);
	buf_printf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", body.len);
	buf_append(&b, body.data, body.len);
	send_buf(c, &b);
	conn_finish(c);
}

void reply_stream_with(struct conn *c, const char *content_type, const char *headers)
{
	BUF_CLEANUP struct buf b = BUF_INIT;

	head(c, &b, 200);
	if (content_type)
		buf_printf(&b, "Content-Type: %s\r\n", content_type);
	buf_printf(&b, "%sTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", headers);
	send_buf(c, &b);
}

void reply_stream(struct conn *c, const char *content_type)
{
	reply_stream_with(c, content_type, "");
}

void reply_chunk(struct conn *c, const void *data, size_t len)
{
	struct evbuffer *out = conn_output(c);

	if (!len)
		return;
	if (evbuffer_add_printf(out, "%zx\r\n", len) < 0 || evbuffer_add(out, data, len) < 0 || evbuffer_add(out, "\r\n", 2) < 0)
		conn_close(c);
}

void reply_end(struct conn *c)
{
	evbuffer_add(conn_output(c), "0\r\n\r\n", 5);
	conn_finish(c);
}

void reply_tunnel(struct conn *c, bool tty, bool headers)
{
	BUF_CLEANUP struct buf b = BUF_INIT;
	bool multiplexed = c->upgrade && !tty && conn_api_least(c, 42);

	buf_printf(&b, "HTTP/1.1 %s\r\nContent-Type: %s\r\n", c->upgrade ? "101 UPGRADED" : "200 OK",
		   multiplexed ? DOCKER_MULTIPLEXED_STREAM : DOCKER_RAW_STREAM);
	if (c->upgrade)
		buf_puts(&b, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
	if (headers)
		reply_headers(&b);
	buf_puts(&b, "\r\n");
	send_buf(c, &b);
	if (c->upgrade)
		conn_pause_after_head(c);
}
