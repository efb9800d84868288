/*
 * The calls of Lambda we use. Those that take a client block (see aws_call);
 * the *_request functions and parsers serve the asynchronous way.
 */
#ifndef SOCKERLESS_AWS_LAMBDA_H
#define SOCKERLESS_AWS_LAMBDA_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/aws/http.h"
#include "lib/err.h"

#define LAMBDA_NAME_MAX 64
#define LAMBDA_PAYLOAD_MAX (6u << 20)

enum lambda_state { LAMBDA_STATE_UNKNOWN, LAMBDA_PENDING, LAMBDA_ACTIVE, LAMBDA_INACTIVE, LAMBDA_FAILED };

/* What CreateFunction is told; all borrowed. NULL, 0 and empty lists leave a field out. */
struct lambda_function {
	const char *name;
	const char *description;
	const char *image_uri;
	const char *role_arn;
	const char *architecture;          /* x86_64 or arm64 */
	unsigned int timeout;              /* seconds */
	unsigned int memory_size;          /* MB */
	unsigned int ephemeral_storage;    /* MB */
	const char *const *entry_point;    /* NULL-terminated */
	const char *const *command;        /* NULL-terminated */
	const char *working_directory;
	struct json_object *environment;   /* object of strings */
	struct json_object *tags;          /* object of strings */
	const char *subnets;               /* comma-separated; no VpcConfig if empty */
	const char *security_groups;       /* comma-separated */
};

struct lambda_status {
	enum lambda_state state;
	char reason_code[64]; /* StateReasonCode */
	char reason[512];     /* StateReason */
	bool updating;        /* LastUpdateStatus is InProgress */
	char update_status[32];
	char description[257];
	char arn[256];
};

struct lambda_listed {
	const char *name;
	const char *arn;
	const char *description; /* "" if none */
};

/* 409: the name is taken (ERR_CONFLICT). ret may be NULL. */
int lambda_create_function(struct aws_client *c, const struct lambda_function *f, struct lambda_status *ret, struct err *e);
/* Another image; takes effect once `updating` of lambda_get_function() has become false. 409: the function changes already. */
int lambda_update_function_code(struct aws_client *c, const char *name, const char *image_uri, struct err *e);
int lambda_get_function(struct aws_client *c, const char *name, struct lambda_status *ret, struct err *e);
/* MB for the invocations from now on. 409 while it is made or changed (ERR_CONFLICT). */
int lambda_update_memory(struct aws_client *c, const char *name, unsigned int mb, struct err *e);
/* A function that is not there is success. */
int lambda_delete_function(struct aws_client *c, const char *name, struct err *e);
/* Calls `each` for every function of account and region, page by page; a negative result of it (with e set) ends the walk. */
int lambda_list_functions(struct aws_client *c, int (*each)(void *arg, const struct lambda_listed *f, struct err *e), void *arg, struct err *e);
/* *ret: object of strings, owned by the caller. `arn` is unqualified. */
int lambda_list_tags(struct aws_client *c, const char *arn, struct json_object **ret, struct err *e);

/* Requests for aws_easy_prepare(): free with aws_request_free(). */
int lambda_get_function_request(const char *name, struct aws_request *ret, struct err *e);
/* RequestResponse with log tail; never repeated. `timeout`: the function's, in seconds; 60 s are added to it. ERR_TOO_LARGE above 6 MB. */
int lambda_invoke_request(const char *name, const void *payload, size_t len, unsigned int timeout, struct aws_request *ret, struct err *e);

/* Reply of GetFunction or CreateFunction. ERR_UPSTREAM: nonsense. */
int lambda_parse_state(const struct aws_response *r, struct lambda_status *ret, struct err *e);

/* What a REPORT line says. */
struct lambda_report {
	bool found;
	char request_id[64];
	double duration_ms;
	int64_t billed_ms;
	int64_t memory_size_mb;
	int64_t max_memory_mb;
	double init_ms;    /* 0: no cold start */
	char status[32];   /* "timeout", "error"; "" if the line has none */
};

struct lambda_result {
	bool failed;             /* the function ended with an error */
	char function_error[32]; /* "Unhandled", "Handled" */
	char error_type[128];    /* errorType of the payload: Sandbox.Timedout, Runtime.ExitError ... */
	char error_message[512];
	char request_id[64];
	char *payload;           /* owned, NUL-terminated */
	size_t payload_len;
	char *log_tail;          /* owned, NUL-terminated; NULL if none */
	size_t log_tail_len;
	struct lambda_report report;
};

void lambda_result_free(struct lambda_result *r);
#define LAMBDA_RESULT_CLEANUP __attribute__((cleanup(lambda_result_free)))

/* A 2xx reply to Invoke. */
int lambda_parse_invoke(const struct aws_response *r, struct lambda_result *ret, struct err *e);

/* Finds the REPORT line of `request_id` (NULL: the last REPORT) in log text; ret->found tells. */
void lambda_parse_report(const char *text, size_t len, const char *request_id, struct lambda_report *ret);

/* "Pending", "Active", ... for a state. */
const char *lambda_state_name(enum lambda_state state);

#endif
