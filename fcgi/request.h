/*
 * One request of the Docker API as a handler sees it. request.c is the only
 * file that knows libfcgi; it blocks on the request's connection alone.
 *
 * Every string is owned by the request and lives until the handler returns.
 * Replies: fcgi/reply.h. Handlers: fcgi/route.h.
 */
#ifndef SOCKERLESS_REQUEST_H
#define SOCKERLESS_REQUEST_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/settings.h"
#include "lib/store/store.h"

#define REQUEST_BODY_MAX (4 * 1024 * 1024)
#define REQUEST_QUERY_MAX 512 /* parameters; more are an error */
#define REQUEST_TENANT_MAX 64

/* What lasts as long as the process. */
struct worker {
	const struct settings *settings;
	struct store *store;
	void *aws; /* struct aws_client *: opened by the first handler that needs it, closed by nobody but the process's end */
};

struct request_query {
	const char *key;
	const char *value;
};

struct connection; /* libfcgi's side; request.c */

struct request {
	struct worker *worker;
	const struct settings *settings; /* worker->settings */
	struct store *store;             /* worker->store */
	const char *tenant;              /* never empty; bind it in every statement */

	const char *method;  /* "GET" */
	const char *uri;     /* as the client sent it, query included */
	const char *name;    /* the route's {id}, {name} or {ref...}, decoded; NULL if it has none */
	int minor;           /* API version that the client asked for: 1.<minor>; the newest one without /vX.Y */
	char api[8];         /* the same as text: "1.43" */

	struct request_query *query; /* decoded, in order */
	size_t query_count;

	struct buf body;     /* after request_body() */
	bool body_read;

	bool replied;        /* a reply was begun: no other can follow */
	int status;          /* of that reply */
	bool bare;           /* reply without Docker's headers: page not found, 301 */

	struct connection *connection;
};

/* The first value of a query parameter, "" counts as given; `def` if there is none. */
const char *request_query(const struct request *req, const char *key, const char *def);
/* The next value of a repeated parameter: start with *position 0. NULL: no more. */
const char *request_query_next(const struct request *req, const char *key, size_t *position);
/* As dockerd: "", "0", "no", "false" and "none" (any case) are false, anything else is true; `def` if not given or empty. */
bool request_flag(const struct request *req, const char *key, bool def);

/* A header of the client by its HTTP name ("X-Registry-Auth"); NULL if absent. */
const char *request_header(const struct request *req, const char *name);
/* A parameter that nginx sets ("SOCKERLESS_LISTENER"); NULL if absent. */
const char *request_param(const struct request *req, const char *name);

/* Reads the whole body into req->body (once; again: nothing). ERR_TOO_LARGE beyond REQUEST_BODY_MAX, ERR_INVALID if the client went away. */
int request_body(struct request *req, struct err *e);

/*
 * The body as a JSON object with dockerd's demands and words: Content-Type
 * application/json, one object, nothing behind it. An empty body gives *ret
 * NULL and 0 if `optional`. The caller owns *ret.
 */
int request_json(struct request *req, bool optional, struct json_object **ret, struct err *e);

/*
 * For routes whose body is `stream`: what is there, at least one byte, at most
 * n; blocks until then. 0: end of the body. -1: the client went away or broke
 * the body off, which must not be taken for its end.
 */
ssize_t request_read_some(struct request *req, void *data, size_t n, struct err *e);

/* Reads what is left of such a body and forgets it. */
void request_drain(struct request *req);

/* The client closed its connection (nginx closes ours then). Never blocks. */
bool request_client_left(const struct request *req);

#endif
