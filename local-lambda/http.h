/*
 * The HTTP listener, used twice: for the AWS endpoint, and inside each sandbox
 * for the Runtime API. A thread serves each connection, so a handler may block
 * as long as it likes.
 */
#ifndef SOCKERLESS_LOCAL_HTTP_H
#define SOCKERLESS_LOCAL_HTTP_H

#include "lib/err.h"
#include "local-lambda/message.h"

struct http_server;

struct http_config {
	int fd;                /* a listening socket; stays the caller's and must outlive the server */
	unsigned connections;  /* at most so many at a time */
	unsigned idle_seconds; /* a silent connection is closed after this; 0: never */
	size_t (*body_limit)(void *ctx, const struct request *request); /* bytes that are kept of its body, by its head */
	void (*handle)(void *ctx, struct request *request, struct reply *reply); /* called by several threads */
	void *ctx;
};

int http_start(struct http_server **ret, const struct http_config *config, struct err *e);
/* Blocks until all handlers returned; see that they do. NULL is fine. */
void http_stop(struct http_server *s);

#endif
