/* What every reply of the Docker API carries, for worker and gateway alike. */
#ifndef SOCKERLESS_DOCKER_REPLY_H
#define SOCKERLESS_DOCKER_REPLY_H

#include "lib/buf.h"

#define DOCKER_API_VERSION "1.47"
#define DOCKER_API_MINIMUM "1.24"
#define DOCKER_RAW_STREAM "application/vnd.docker.raw-stream"
#define DOCKER_MULTIPLEXED_STREAM "application/vnd.docker.multiplexed-stream"

/* Appends the header lines Api-Version (our own, whatever version the client asked for), Docker-Experimental, Ostype and Server, each with CR LF. */
void reply_headers(struct buf *out);

/* Appends {"message":"..."} and a newline: Docker's error body. */
void reply_error_body(struct buf *out, const char *message);

/* The reason phrase of an HTTP status, as Go's net/http writes it. */
const char *reply_reason(int status);

#endif
