/*
 * One request to a registry and its reply: authentication, redirects, error
 * texts. Internal to lib/registry.
 */
#ifndef SOCKERLESS_REGISTRY_TRANSPORT_H
#define SOCKERLESS_REGISTRY_TRANSPORT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/registry/client.h"

#define REGISTRY_REDIRECTS_MAX 10

struct registry {
	char *base;          /* "http://127.0.0.1:5000" */
	char *host;          /* "127.0.0.1:5000" */
	char *repository;
	char *familiar;      /* the name as users write it, for error texts */
	char *user;
	char *password;
	char *token;         /* identity token; a newer one takes its place */
	char *bearer;        /* given by the client; NULL: none */
	bool login;          /* an identity token is asked for */
	char *ca;            /* NULL: the system's alone */
	bool push;
	bool public_only;
	bool refused;        /* public_only has kept a connection from being made */
	long timeout, stall; /* seconds */
	bool (*cancelled)(void *arg); /* NULL: never */
	void *cancelled_arg;
	bool probed;         /* GET /v2/ told how to authenticate */
	char *extra_scope;   /* second repository that a token must allow pulling from */
	char *challenge;     /* WWW-Authenticate; NULL: none demanded */
	char *authorization; /* "Authorization: ..." */
	CURL *easy;
};

struct registry_request {
	const char *method;
	const char *url;         /* whole, or a path below the base that begins with '/' */
	const char *accept;      /* NULL: anything */
	const char *type;        /* Content-Type; NULL: none */
	const char *range;       /* Content-Range; NULL: none */
	int64_t from;            /* the first byte wanted; 0: all */
	const void *body;        /* NULL: none */
	size_t body_len;
	size_t limit;            /* most bytes of body taken into the reply */
	/* Takes the body of a 200 or 206 in place of the reply. */
	int (*write)(void *arg, const void *data, size_t len, struct err *e);
	void *arg;
	bool slow;               /* no time limit but that bytes move */
	long timeout;            /* seconds; 0: the usual */
};

struct registry_reply {
	int status;
	struct buf body;
	char type[128];
	char digest[DIGEST_SIZE]; /* Docker-Content-Digest; "" if none or malformed */
	char *location;           /* absolute; NULL if none */
	char *challenge;
	int64_t length;           /* Content-Length; -1 if none */
	int64_t first;            /* of Content-Range; -1 if none */
	int64_t last;             /* of an upload's Range; -1 if none */
	bool more;                /* a Link header: a list goes on */
	bool broken;              /* none arrived, or not to its end, and another try may do better */
};

void registry_reply_free(struct registry_reply *r);
#define REGISTRY_REPLY_CLEANUP __attribute__((cleanup(registry_reply_free)))

/*
 * 0 with any status when a reply arrived (401 only if authenticating didn't
 * help), -1 when none did or `write` failed. *ret is zeroed first.
 */
int registry_send(struct registry *r, const struct registry_request *q, struct registry_reply *ret, struct err *e);

/* "/v2/<repository>/<kind>/<what>"; kind: "manifests" or "blobs", what: a digest or, of manifests, a tag. */
int registry_path(const struct registry *r, const char *kind, const char *what, struct buf *ret, struct err *e);
/* HEAD of that path. */
int registry_send_head(struct registry *r, const char *kind, const char *what, const char *accept, struct registry_reply *reply, struct err *e);

/* Waits; false: the client left. */
bool registry_pause(const struct registry *r, int seconds);

/* An error from a reply's body: "code: message", kind by status. Returns -1. */
int registry_failure(const struct registry_reply *reply, struct err *e);

/* The first error's code in a reply's body ("MANIFEST_UNKNOWN"), into ret; "" if there is none. */
void registry_error_code(const struct registry_reply *reply, char *ret, size_t cap);

/* auth.c: makes r->authorization answer r->challenge. */
int registry_authenticate(struct registry *r, struct err *e);

/* Value of a parameter in a challenge (free()); NULL if absent. */
char *registry_challenge_value(const char *challenge, const char *key);

/* What every handle here has; a request ends when r->cancelled says so. */
bool registry_easy_defaults(struct registry *r, CURL *easy);

/* curl's failure as Go words it: Get "URL": dial tcp ... Returns -1. */
int registry_failure_curl(CURL *easy, CURLcode code, const char *method, const char *url, struct err *e);

#endif
