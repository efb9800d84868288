#include "local-lambda/message.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void headers_free(struct header *h, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(h[i].name);
		free(h[i].value);
	}
}

void request_free(struct request *r)
{
	free(r->method);
	free(r->path);
	free(r->query);
	headers_free(r->headers, r->header_count);
	buf_free(&r->body);
}

static bool header_add(struct header *h, const char *name, const char *value)
{
	h->name = strdup(name);
	h->value = strdup(value);
	if (h->name && h->value)
		return true;
	free(h->name);
	free(h->value);
	return false;
}

bool request_add_header(struct request *r, const char *name, const char *value)
{
	struct header *h = &r->headers[r->header_count];

	if (r->header_count == MESSAGE_HEADERS_MAX || !header_add(h, name, value))
		return false;
	for (char *c = h->name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	r->header_count++;
	return true;
}

const char *request_header(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (!strcmp(r->headers[i].name, name))
			return r->headers[i].value;
	return NULL;
}

char *percent_decode(const char *text, size_t len)
{
	char *out = malloc(len + 1);
	size_t n = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		char hex[3] = { 0 };

		if (text[i] != '%') {
			out[n++] = text[i];
			continue;
		}
		if (len - i < 3 || !isxdigit((unsigned char)text[i + 1]) || !isxdigit((unsigned char)text[i + 2]))
			goto broken;
		hex[0] = text[i + 1];
		hex[1] = text[i + 2];
		out[n] = (char)strtoul(hex, NULL, 16);
		if (!out[n++])
			goto broken;
		i += 2;
	}
	out[n] = '\0';
	return out;
broken:
	free(out);
	return NULL;
}

char *request_query(const struct request *r, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = r->query; p && *p;) {
		size_t n = strcspn(p, "&");

		if (n > len && !strncmp(p, name, len) && p[len] == '=')
			return percent_decode(p + len + 1, n - len - 1);
		p += n + (p[n] == '&');
	}
	return NULL;
}

bool request_peer_gone(const struct request *r)
{
	char c;
	ssize_t n = recv(r->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void reply_free(struct reply *r)
{
	headers_free(r->headers, r->header_count);
	buf_free(&r->body);
}

void reply_header(struct reply *r, const char *name, const char *fmt, ...)
{
	BUF_CLEANUP struct buf value = BUF_INIT;
	va_list ap;
	char text[1024];

	va_start(ap, fmt);
	if (!strcmp(fmt, "%s"))
		buf_puts(&value, va_arg(ap, const char *));
	else if (vsnprintf(text, sizeof text, fmt, ap) >= 0)
		buf_puts(&value, text);
	va_end(ap);
	if (value.failed || !value.data || r->header_count == sizeof r->headers / sizeof *r->headers)
		return;
	/* A peer's text must not begin a header of its own. */
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.data[i] < ' ')
			value.data[i] = ' ';
	if (header_add(&r->headers[r->header_count], name, value.data))
		r->header_count++;
}

void reply_json(struct reply *r, int status, struct json_object *o)
{
	const char *text = o ? json_text(o) : NULL;

	buf_reset(&r->body);
	r->status = text ? status : 500;
	buf_puts(&r->body, text ? text : "{\"message\":\"out of memory\"}");
}

static void reply_error(struct reply *r, int status, const char *key, const char *key_value, const char *message_key, const char *text)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();

	if (o && json_add_str(o, key, key_value))
		json_add_str(o, message_key, text);
	reply_json(r, status, o);
}

void reply_rest_error(struct reply *r, int status, const char *type, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	reply_header(r, "x-amzn-ErrorType", "%s", type);
	reply_error(r, status, "Type", status < 500 ? "User" : "Service", status == 404 ? "Message" : "message", text);
}

void reply_json11_error(struct reply *r, int status, const char *type, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	reply_error(r, status, "__type", type, "message", text);
}
