/* The head (and small body) of a request, parsed as it comes. */
#ifndef SOCKERLESS_GATEWAY_REQUEST_H
#define SOCKERLESS_GATEWAY_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/buffer.h>

#include "lib/buf.h"

struct request;

struct request *request_new(void); /* NULL when memory is out */
void request_free(struct request *r);

/* Takes bytes; returns how many belong to the request, or -1 if it is none or is too large. Done when request_done(). */
long request_feed(struct request *r, const void *data, size_t len);
bool request_done(const struct request *r);

/*
 * A PUT whose head is whole: its body isn't taken in until request_read_body()
 * has said where to (borrowed). From then on bytes are given to
 * request_feed() as before; it is for the caller to feed no more than it can keep.
 */
bool request_is_upload(const struct request *r);
void request_read_body(struct request *r, struct evbuffer *to);

/* Of a finished request; borrowed. */
const char *request_target(struct request *r);
const char *request_header(struct request *r, const char *name); /* NULL: absent. Only those that the gateway looks at */

#endif
