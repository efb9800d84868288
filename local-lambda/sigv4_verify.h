/*
 * Verifies AWS Signature Version 4 of a request as AWS does. Written from the
 * rules alone and without lib/aws, so that signer and verifier test each other.
 */
#ifndef SOCKERLESS_LOCAL_SIGV4_VERIFY_H
#define SOCKERLESS_LOCAL_SIGV4_VERIFY_H

#include <stdint.h>

#include "local-lambda/message.h"

#define SIGV4_SKEW_SECONDS 300

struct sigv4_expected {
	const char *access_key_id;
	const char *secret_access_key;
	const char *session_token; /* "": none may be sent */
	const char *region;
	const char *service;
	int64_t now;               /* seconds since 1970 */
};

struct sigv4_failure {
	const char *type; /* AWS's name of the error, static */
	char text[1024];
};

/* 0, or -1 and why. */
int sigv4_verify(const struct request *r, const struct sigv4_expected *x, struct sigv4_failure *why);

#endif
