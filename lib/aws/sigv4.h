/*
 * AWS Signature Version 4: a pure function from a request to the value of its
 * Authorization header. Signs and, given what a peer claims to have signed,
 * verifies: the caller compares the two headers.
 */
#ifndef SOCKERLESS_AWS_SIGV4_H
#define SOCKERLESS_AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SIGV4_HASH_SIZE 65 /* 64 hex digits and a NUL */
#define SIGV4_DATE_SIZE 17 /* 20150830T123600Z and a NUL */
#define SIGV4_HEADERS_MAX 32
#define SIGV4_QUERY_MAX 64

struct sigv4_header {
	const char *name; /* any case */
	const char *value;
};

struct sigv4_request {
	const char *method;
	const char *path;  /* as on the wire, with its escapes; begins with '/' */
	const char *query; /* as on the wire, without '?'; NULL or "": none */
	/*
	 * Every one of these is signed; host must be among them. x-amz-date and
	 * (with a session token) x-amz-security-token are added when absent.
	 */
	const struct sigv4_header *headers;
	size_t n_headers;
	const char *payload_hash; /* hex SHA-256 of the body, or UNSIGNED-PAYLOAD */
	time_t time;
	const char *access_key_id;
	const char *secret_access_key;
	const char *session_token; /* NULL: none */
	const char *region;
	const char *service;
};

/* 20150830T123600Z for a time in seconds since the epoch. */
void sigv4_date(time_t t, char ret_date[SIGV4_DATE_SIZE]);

/* Hex SHA-256 of `len` bytes. */
int sigv4_hash(const void *data, size_t len, char ret_hash[SIGV4_HASH_SIZE], struct err *e);

/* RFC 3986: all but unreserved characters become %XX; '/' stays if keep_slash. For building wire paths and queries. */
void sigv4_escape(struct buf *b, const char *text, bool keep_slash);

/* Appends the canonical request. ERR_INVALID: too many headers or parameters. */
int sigv4_canonical(const struct sigv4_request *r, struct buf *ret, struct err *e);

/* Appends "AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=..." to an empty buffer. */
int sigv4_sign(const struct sigv4_request *r, struct buf *ret_authorization, struct err *e);

#endif
