/*
 * Signed requests to AWS, or to whatever AWS_ENDPOINT_URL names. A client
 * belongs to one thread at a time; threads have a client each.
 *
 *   blocking      aws_call()
 *   with a multi  aws_easy_prepare(), the caller's curl_multi, aws_transfer_finish()
 */
#ifndef SOCKERLESS_AWS_HTTP_H
#define SOCKERLESS_AWS_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "lib/err.h"

enum aws_service { AWS_LAMBDA, AWS_LOGS, AWS_ECR, AWS_SERVICES };

#define AWS_REQUEST_HEADERS 6
#define AWS_RESPONSE_LIMIT (8u << 20) /* bytes of body when a request names no limit: above Lambda's 6 MB payload */

struct aws_header {
	const char *name; /* static */
	char *value;      /* owned by the request */
};

/* Built by the functions of lambda.h, logs.h, ecr.h. Zero it first; free with aws_request_free(). */
struct aws_request {
	enum aws_service service;
	const char *method; /* static */
	char *path;         /* on the wire, escaped; owned */
	char *query;        /* on the wire, without '?'; owned; NULL: none */
	char *body;         /* owned; NULL: none */
	size_t body_len;
	struct aws_header headers[AWS_REQUEST_HEADERS]; /* beside Host, Authorization, X-Amz-Date, X-Amz-Security-Token */
	size_t n_headers;
	long timeout;       /* seconds for the whole exchange; 0: 60 */
	bool retry;         /* idempotent: may be sent again after any failure; never set for Invoke */
	bool retry_refused; /* may be sent again if it certainly wasn't taken up (no connection, 429); never set for Invoke */
	size_t limit;       /* most bytes of body taken; 0: AWS_RESPONSE_LIMIT */
};

struct aws_response {
	int status;             /* 0: no reply arrived */
	char *body;             /* owned, NUL-terminated; "" when empty, NULL only while status is 0 */
	size_t body_len;
	char error_type[64];    /* "ResourceNotFoundException"; "" for 2xx */
	char request_id[64];    /* x-amzn-RequestId */
	char function_error[32]; /* X-Amz-Function-Error; "" if none */
	char *log_result;       /* X-Amz-Log-Result, base64; owned; NULL if none */
	time_t date;            /* Date of the reply; 0 if none */
	long retry_after;       /* seconds; 0 if none */
	bool clock_corrected;   /* refused for our clock, whose error is known now: the next request is signed right */
};

struct aws_client;
struct aws_transfer;

void aws_request_free(struct aws_request *r);
void aws_response_free(struct aws_response *r);
#define AWS_REQUEST_CLEANUP __attribute__((cleanup(aws_request_free)))
#define AWS_RESPONSE_CLEANUP __attribute__((cleanup(aws_response_free)))

/* Takes a copy of `value`. ERR_INTERNAL when the table is full or memory is out. */
int aws_request_header(struct aws_request *r, const char *name, const char *value, struct err *e);

/*
 * Reads AWS_REGION / AWS_DEFAULT_REGION (or the profile's region) and the
 * endpoints (AWS_ENDPOINT_URL_LAMBDA, _CLOUDWATCH_LOGS, _ECR, AWS_ENDPOINT_URL)
 * from the environment. timeout: seconds for an answer to requests that name
 * none themselves. Credentials are looked for at the first request, so
 * that this doesn't block. ERR_INVALID: no region, bad endpoint URL.
 * curl_global_init() must have been called by main().
 */
int aws_client_open(struct aws_client **ret, uint64_t timeout, struct err *e);
void aws_client_close(struct aws_client *c);
static inline void cleanup_aws_client(struct aws_client **c)
{
	aws_client_close(*c);
}
#define AWS_CLIENT_CLEANUP __attribute__((cleanup(cleanup_aws_client)))

/*
 * Sends and waits. 0 for a 2xx reply. Else -1: *ret holds the reply, if one
 * arrived (status, error_type), and e its text with a kind by status; a
 * connection that failed is ERR_UNAVAILABLE, a time limit ERR_TIMEOUT.
 * Requests with `retry` are repeated after 429 (by Retry-After), 5xx and
 * failed connections, four times at most with growing pauses, and once after a
 * reply that says the clock is wrong; see retry_refused for the others. *ret
 * must be zeroed before and freed after, whatever the result.
 */
int aws_call(struct aws_client *c, const struct aws_request *r, struct aws_response *ret, struct err *e);

/*
 * A signed easy handle to be added to a multi. The transfer owns handle and
 * collected reply and keeps its own copy of the body; the request can be freed at once.
 * CURLOPT_PRIVATE is the caller's. NULL on failure. May block for credentials
 * (see aws_credentials_load) when they are stale. The client must outlive the transfer.
 */
CURL *aws_easy_prepare(struct aws_client *c, const struct aws_request *r, struct aws_transfer **ret, struct err *e);

/* After the multi reported `result` and the handle was removed: as aws_call()'s outcome, without any repetition. */
int aws_transfer_finish(struct aws_transfer *t, CURLcode result, struct aws_response *ret, struct err *e);

/* False only if it is certain that no byte of the request left. Valid at any time before the transfer is freed. */
bool aws_transfer_sent(const struct aws_transfer *t);

/* Ends and frees it; the easy handle must not be in a multi any more. NULL is fine. */
void aws_transfer_free(struct aws_transfer *t);

#endif
