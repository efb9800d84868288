/*
 * Which handler answers a request: lib/routes.def against the raw URI.
 *
 * A handler is `int route_<name>(struct request *req, struct err *e)`, one
 * for each ROUTE of the table: it makes one reply (fcgi/reply.h) and returns 0,
 * or returns -1 with `e` set and nothing sent; then the error is the reply.
 */
#ifndef SOCKERLESS_ROUTE_H
#define SOCKERLESS_ROUTE_H

#include <stddef.h>

#include "fcgi/request.h"

typedef int route_handler(struct request *req, struct err *e);

#define ROUTE(method, path, pool, body, handler) route_handler route_##handler;
#define MISSING(method, path, status, reason)
#include "lib/routes.def"
#undef ROUTE
#undef MISSING

enum route_result {
	ROUTE_FOUND,     /* a handler, or missing_status and missing_reason */
	ROUTE_UNKNOWN,   /* 404 page not found */
	ROUTE_MOVED,     /* 301 to `location`: the path holds empty or dot segments */
	ROUTE_TOO_NEW,   /* 400: version */
	ROUTE_TOO_OLD,   /* 400: version */
};

struct route_match {
	enum route_result result;
	size_t index;               /* of the route in lib/routes.def */
	const char *handler_name;   /* "container_list"; NULL for a MISSING route */
	int missing_status;
	const char *missing_reason; /* may hold one %s: the name */
	int minor;                  /* of the version asked for, or of the newest */
	char version[16];           /* "1.43", as the client wrote it; "" without a prefix */
	char *name;                 /* owned (free()): the decoded path parameter, or NULL */
	char *location;             /* owned: ROUTE_MOVED's target, query included */
};

/* Pure. `uri` is the request's target as sent, query included; hostile input gives ROUTE_UNKNOWN. ERR_INTERNAL only without memory. */
int route_match(const char *method, const char *uri, struct route_match *ret, struct err *e);
void route_match_free(struct route_match *m);

/* Percent-decodes len bytes into a new string (*ret, free()); `plus`: + is a space. False for %00 and broken escapes. */
bool route_decode(const char *text, size_t len, bool plus, char **ret);

#endif
