#include "agent-gateway/request.h"

#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent-gateway/conn.h"

static const char *const wanted[] = { "upgrade", "connection", "sec-websocket-key", "user-agent" };
#define WANTED (sizeof wanted / sizeof *wanted)
#define HEADER_MAX 256

struct request {
	http_parser parser;
	struct buf target;
	char field[24];         /* of the header that is being parsed; "" when it is too long to be one of ours */
	size_t field_len;
	int current;            /* in wanted; -1: another one */
	bool in_value;
	char value[WANTED][HEADER_MAX];
	size_t value_len[WANTED];
	size_t head_bytes, body_bytes;
	struct evbuffer *body;  /* of an upload */
	bool in_body, done;
};

static int on_url(http_parser *p, const char *at, size_t len)
{
	struct request *r = p->data;

	buf_append(&r->target, at, len);
	return r->target.failed ? -1 : 0;
}

static int on_field(http_parser *p, const char *at, size_t len)
{
	struct request *r = p->data;

	if (r->in_value) {
		r->in_value = false;
		r->field_len = 0;
	}
	if (r->field_len + len < sizeof r->field)
		memcpy(r->field + r->field_len, at, len);
	r->field_len += len;
	return 0;
}

static int find_wanted(const struct request *r)
{
	if (r->field_len < sizeof r->field)
		for (size_t i = 0; i < WANTED; i++)
			if (strlen(wanted[i]) == r->field_len && !strncasecmp(wanted[i], r->field, r->field_len))
				return (int)i;
	return -1;
}

static int on_value(http_parser *p, const char *at, size_t len)
{
	struct request *r = p->data;
	size_t *used;

	if (!r->in_value) {
		r->in_value = true;
		r->current = find_wanted(r);
		if (r->current >= 0)
			r->value_len[r->current] = 0;
	}
	if (r->current < 0)
		return 0;
	used = &r->value_len[r->current];
	/* What is longer means nothing here, and is cut. */
	if (len > HEADER_MAX - 1 - *used)
		len = HEADER_MAX - 1 - *used;
	memcpy(r->value[r->current] + *used, at, len);
	*used += len;
	r->value[r->current][*used] = '\0';
	return 0;
}

static int on_headers(http_parser *p)
{
	struct request *r = p->data;

	r->in_body = true;
	if (p->method == HTTP_PUT)
		http_parser_pause(p, 1);
	return 0;
}

/* Bodies carry nothing that the gateway needs: the worker has read them. */
static int on_body(http_parser *p, const char *at, size_t len)
{
	struct request *r = p->data;

	if (r->body)
		return evbuffer_add(r->body, at, len);
	r->body_bytes += len;
	return r->body_bytes > CONN_BODY_MAX ? -1 : 0;
}

static int on_complete(http_parser *p)
{
	((struct request *)p->data)->done = true;
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings callbacks = {
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

struct request *request_new(void)
{
	struct request *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->target.limit = CONN_HEAD_MAX;
	http_parser_init(&r->parser, HTTP_REQUEST);
	r->parser.data = r;
	return r;
}

void request_free(struct request *r)
{
	if (!r)
		return;
	buf_free(&r->target);
	free(r);
}

long request_feed(struct request *r, const void *data, size_t len)
{
	size_t used = http_parser_execute(&r->parser, &callbacks, data, len);
	enum http_errno error = HTTP_PARSER_ERRNO(&r->parser);

	if (error != HPE_OK && error != HPE_PAUSED)
		return -1;
	if (!r->in_body && (r->head_bytes += used) > CONN_HEAD_MAX)
		return -1;
	return (long)used;
}

bool request_is_upload(const struct request *r)
{
	return r->parser.method == HTTP_PUT && r->in_body && !r->body;
}

void request_read_body(struct request *r, struct evbuffer *to)
{
	r->body = to;
	http_parser_pause(&r->parser, 0);
}

bool request_done(const struct request *r)
{
	return r->done;
}

const char *request_target(struct request *r)
{
	return r->target.data ? r->target.data : "";
}

const char *request_header(struct request *r, const char *name)
{
	for (size_t i = 0; i < WANTED; i++)
		if (!strcasecmp(wanted[i], name))
			return r->value_len[i] ? r->value[i] : NULL;
	return NULL;
}
