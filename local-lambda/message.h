/* An HTTP request and the reply to it, apart from the library that carries them. */
#ifndef SOCKERLESS_LOCAL_MESSAGE_H
#define SOCKERLESS_LOCAL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/json.h"

#define MESSAGE_HEADERS_MAX 64

struct header {
	char *name;
	char *value;
};

struct request {
	char *method;
	char *path;    /* as on the wire, not decoded */
	char *query;   /* what follows '?', as on the wire; "" if nothing */
	struct header headers[MESSAGE_HEADERS_MAX]; /* names in lower case */
	size_t header_count;
	struct buf body;
	bool too_large;    /* the body exceeded its limit and was dropped */
	bool too_many;     /* headers beyond the limit were dropped */
	size_t received;   /* bytes of the body, dropped ones too */
	int fd;            /* the connection, to look whether its peer is there still */
};

void request_free(struct request *r);
/* False when out of memory or over the limit. */
bool request_add_header(struct request *r, const char *name, const char *value);
/* The first of that name (lower case); NULL if there is none. */
const char *request_header(const struct request *r, const char *name);
/* Decodes %XX of `len` bytes; NULL when out of memory or for a %00 or a broken escape. The caller frees. */
char *percent_decode(const char *text, size_t len);
/* Decoded value of a query parameter; NULL if absent. The caller frees. */
char *request_query(const struct request *r, const char *name);
/* The peer closed its connection. Doesn't block. */
bool request_peer_gone(const struct request *r);

struct reply {
	int status; /* 0: close the connection without an answer */
	const char *content_type;
	struct header headers[12];
	size_t header_count;
	struct buf body;
};

void reply_free(struct reply *r);
void reply_header(struct reply *r, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* `o` is borrowed; NULL (out of memory while it was built) becomes a 500. */
void reply_json(struct reply *r, int status, struct json_object *o);
/* As Lambda forms errors: the type in a header. */
void reply_rest_error(struct reply *r, int status, const char *type, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* As the JSON 1.1 services do: the type in the body's __type. */
void reply_json11_error(struct reply *r, int status, const char *type, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
