/*
 * A stream of bytes over a client's WebSocket (attach/ws): what the client's
 * messages hold, text or binary, is one stream; each piece of output is a
 * message of its own.
 */
#ifndef SOCKERLESS_GATEWAY_WS_STREAM_H
#define SOCKERLESS_GATEWAY_WS_STREAM_H

#include <stdbool.h>
#include <stddef.h>

struct conn;
struct evbuffer;
struct ws_stream;

/* Writes the handshake's head. `binary`: of what kind the output's messages are. NULL when memory is out. */
struct ws_stream *ws_stream_new(struct conn *c, bool binary);
void ws_stream_free(struct ws_stream *s); /* NULL is allowed */

/* What the client's messages hold that came so far; the caller takes it away. NULL: it said goodbye, or what it sends is no WebSocket. */
struct evbuffer *ws_stream_read(struct ws_stream *s);
void ws_stream_write(struct ws_stream *s, const void *data, size_t len);
/* The goodbye; nothing is written after it. */
void ws_stream_close(struct ws_stream *s);

#endif
