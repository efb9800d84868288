/* libfcgi's side of a request, for request.c, reply.c and main.c alone. */
#ifndef SOCKERLESS_CONNECTION_H
#define SOCKERLESS_CONNECTION_H

#include "fcgi/request.h"

struct route_match;

/* The listening socket of this process and the one request it works on. */
struct listener;

/* `socket_path` NULL: descriptor 0 is the listening socket, as spawn-fcgi leaves it; else a socket is made there (backlog 4096). */
int listener_open(const char *socket_path, struct listener **ret, struct err *e);
void listener_close(struct listener *l);

/*
 * Waits for a request and fills *ret (not the route's part). 1: a request;
 * 0: the process was told to end (SIGTERM, SIGINT; only noticed here, so a
 * request is always finished first); -1: the socket is of no use.
 */
int listener_accept(struct listener *l, struct worker *worker, struct request *ret, struct err *e);
/* Ends the reply and frees what the request owns. */
void request_finish(struct request *req);

/* Decodes the query; ERR_INVALID in Go's words. */
int request_parse_query(struct request *req, struct err *e);

/* Raw output; false when the client has left. */
bool connection_write(struct request *req, const void *data, size_t len);
bool connection_flush(struct request *req);
/* Header lines added by reply_header(). */
struct buf *connection_headers(struct request *req);

#endif
