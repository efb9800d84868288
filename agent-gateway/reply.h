/* Replies of the gateway, with every header that the client gets. */
#ifndef SOCKERLESS_GATEWAY_REPLY_H
#define SOCKERLESS_GATEWAY_REPLY_H

#include <stdbool.h>
#include <stddef.h>

struct conn;

/* A whole reply with an empty body; then the connection ends. */
void reply_empty(struct conn *c, int status);
/* The same with Docker's JSON for an error. */
void reply_error(struct conn *c, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same with more headers ("Name: value\r\n"); content_type NULL: none. */
void reply_stream_with(struct conn *c, const char *content_type, const char *headers);
/* The head of a chunked reply; its parts; its end, with which the connection ends. */
void reply_stream(struct conn *c, const char *content_type);
void reply_chunk(struct conn *c, const void *data, size_t len);
void reply_end(struct conn *c);
/* The head of a tunnel: 101, or 200 for a client that didn't ask to upgrade. `headers`: with the usual ones of Docker's API. */
void reply_tunnel(struct conn *c, bool tty, bool headers);

#endif
