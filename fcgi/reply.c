#include "fcgi/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/connection.h"
#include "lib/buf.h"
#include "lib/docker/reply.h"
#include "lib/json.h"
#include "lib/log.h"

#define TEXT_TYPE "text/plain; charset=utf-8"

/* The head up to the blank line; status lines carry the reason, since nginx adds none to statuses it doesn't know. */
static void begin(struct request *req, struct buf *out, int status, const char *type)
{
	struct buf *extra = connection_headers(req);

	req->replied = true;
	req->status = status;
	buf_printf(out, "Status: %d %s\r\n", status, reply_reason(status));
	if (!req->bare)
		reply_headers(out);
	if (type)
		buf_printf(out, "Content-Type: %s\r\n", type);
	if (extra->len > 0)
		buf_append(out, extra->data, extra->len);
}

static int send_whole(struct request *req, int status, const char *type, const char *body, size_t len)
{
	BUF_CLEANUP struct buf out = BUF_INIT;

	begin(req, &out, status, type);
	if (status != 204 && status != 304)
		buf_printf(&out, "Content-Length: %zu\r\n", len);
	buf_puts(&out, "\r\n");
	if (strcmp(req->method, "HEAD") != 0)
		buf_append(&out, body, len);
	if (out.failed)
		log_error("%s %.100s: out of memory", req->method, req->uri);
	else
		connection_write(req, out.data, out.len);
	return 0;
}

int reply_json(struct request *req, int status, struct json_object *body)
{
	BUF_CLEANUP struct buf text = BUF_INIT;

	buf_puts(&text, json_text(body));
	buf_putc(&text, '\n');
	if (text.failed)
		return reply_message(req, 500, "out of memory");
	return send_whole(req, status, "application/json", text.data, text.len);
}

int reply_message(struct request *req, int status, const char *message)
{
	BUF_CLEANUP struct buf text = BUF_INIT;

	reply_error_body(&text, message);
	if (text.failed)
		return send_whole(req, status, NULL, "", 0);
	return send_whole(req, status, "application/json", text.data, text.len);
}

int reply_error(struct request *req, const struct err *e)
{
	int status = err_status(e->kind);

	if (status >= 500)
		log_warn("%s %.200s: %d %s", req->method, req->uri, status, e->text);
	return reply_message(req, status, e->text);
}

int reply_empty(struct request *req, int status)
{
	return send_whole(req, status, NULL, "", 0);
}

int reply_text(struct request *req, int status, const char *text)
{
	return send_whole(req, status, TEXT_TYPE, text, strlen(text));
}

int reply_raw(struct request *req, int status, const char *type, const char *body)
{
	return send_whole(req, status, type, body, strlen(body));
}

void reply_header(struct request *req, const char *name, const char *value)
{
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			abort();
	buf_printf(connection_headers(req), "%s: %s\r\n", name, value);
}

static void append_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-._~", c))
			buf_putc(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static int send_target(struct request *req, const char *header, const char *path, va_list ap)
{
	BUF_CLEANUP struct buf out = BUF_INIT;
	const char *key, *value;
	char separator = '?';

	req->replied = true;
	req->status = 200;
	buf_printf(&out, "Status: 200 OK\r\n%s: %s", header, path);
	while ((key = va_arg(ap, const char *))) {
		value = va_arg(ap, const char *);
		if (!value)
			continue;
		buf_printf(&out, "%c%s=", separator, key);
		append_escaped(&out, value);
		separator = '&';
	}
	buf_puts(&out, "\r\n\r\n");
	if (out.failed)
		return reply_message(req, 500, "out of memory");
	connection_write(req, out.data, out.len);
	return 0;
}

int reply_handover(struct request *req, const char *path, ...)
{
	va_list ap;
	int rc;

	va_start(ap, path);
	rc = send_target(req, "X-Accel-Redirect", path, ap);
	va_end(ap);
	return rc;
}

int reply_upload(struct request *req, const char *path, ...)
{
	va_list ap;
	int rc;

	va_start(ap, path);
	rc = send_target(req, "X-Sockerless-Target", path, ap);
	va_end(ap);
	return rc;
}

int reply_upload_here(struct request *req)
{
	return reply_message(req, 403, "this worker has no body");
}

int reply_stream_begin(struct request *req, int status, const char *content_type)
{
	BUF_CLEANUP struct buf out = BUF_INIT;

	begin(req, &out, status, content_type);
	buf_puts(&out, "X-Accel-Buffering: no\r\n\r\n");
	if (!out.failed && connection_write(req, out.data, out.len))
		connection_flush(req);
	return 0;
}

bool reply_stream_write(struct request *req, const void *data, size_t len)
{
	return connection_write(req, data, len) && connection_flush(req) && !request_client_left(req);
}

bool reply_stream_json(struct request *req, struct json_object *value)
{
	BUF_CLEANUP struct buf text = BUF_INIT;

	buf_puts(&text, json_text(value));
	buf_puts(&text, "\r\n");
	return !text.failed && reply_stream_write(req, text.data, text.len);
}
