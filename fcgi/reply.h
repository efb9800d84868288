/*
 * Replies of the worker. A handler makes exactly one: json, error, empty,
 * text, handover or a stream. Each carries Docker's headers (lib/docker/reply.h).
 * A client that is gone is no error of the handler's.
 */
#ifndef SOCKERLESS_FCGI_REPLY_H
#define SOCKERLESS_FCGI_REPLY_H

#include <json-c/json.h>
#include <stdbool.h>

#include "fcgi/request.h"

/* `body` is borrowed; written on one line with a newline, as dockerd does. Returns 0, so that handlers can return it. */
int reply_json(struct request *req, int status, struct json_object *body);
/* {"message": text} with the status of the error's kind. main does this by itself for a handler that returns -1. */
int reply_error(struct request *req, const struct err *e);
/* A message with a status that has no kind of its own. */
int reply_message(struct request *req, int status, const char *message);
/* No body: 204, 304. */
int reply_empty(struct request *req, int status);
/* text/plain; charset=utf-8. */
int reply_text(struct request *req, int status, const char *text);
/* A body of any other type. */
int reply_raw(struct request *req, int status, const char *type, const char *body);

/* Headers of this one reply, before it is begun: "Name: value". Control characters are refused by abort(): no client's text here. */
void reply_header(struct request *req, const char *name, const char *value);

/*
 * Hands the client over to the gateway: X-Accel-Redirect: <path>?<args>. The
 * path is ours alone ("/.gateway/http/logs/<hex id>"); args are pairs of key
 * and value, percent-encoded here, ended by NULL; a pair with value NULL is left out.
 *
 *	reply_handover(req, path, "api", req->api, "seq", seq, NULL);
 */
int reply_handover(struct request *req, const char *path, ...) __attribute__((sentinel));

/*
 * The same for a route whose body is `upload`: the body follows to the
 * gateway; nothing else can be answered, so an error goes there too.
 */
int reply_upload(struct request *req, const char *path, ...) __attribute__((sentinel));

/* Nor can the worker that is asked take it itself: the request comes again, with its body, and with the parameter SOCKERLESS_UPLOAD. */
int reply_upload_here(struct request *req);

/*
 * A reply of unknown length: begin (headers are sent at once), then writes,
 * each flushed to the client; the end is the handler's return. write returns
 * false when the client has left: stop then. After begin an error can only be
 * told within the stream.
 */
int reply_stream_begin(struct request *req, int status, const char *content_type);
bool reply_stream_write(struct request *req, const void *data, size_t len);
/* One JSON value and CR LF, as dockerd's progress streams. `value` is borrowed. */
bool reply_stream_json(struct request *req, struct json_object *value);

#endif
