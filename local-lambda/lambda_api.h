/* Lambda's REST calls: functions, tags, Invoke. */
#ifndef SOCKERLESS_LOCAL_LAMBDA_API_H
#define SOCKERLESS_LOCAL_LAMBDA_API_H

#include "local-lambda/bucket.h"
#include "local-lambda/functions.h"
#include "local-lambda/message.h"

struct lambda_api {
	const struct local_config *config;
	struct functions *functions;
	struct pool *pool;
	struct bucket control; /* all control-plane calls but GetFunction: 15 a second */
	struct bucket get;     /* GetFunction: 100 a second */
};

/* Bytes that a request to this path may have. */
size_t lambda_api_body_limit(const char *method, const char *path);
/* Invoke blocks for as long as the function runs. */
void lambda_api_handle(struct lambda_api *a, struct request *request, struct reply *reply);

/* The rest is for the files of this API. */

struct lambda_call {
	struct lambda_api *api;
	struct request *request;
	struct reply *reply;
	char *name;                /* of the function; NULL where the path has none */
	struct json_object *input; /* parsed body; NULL if the call has none */
};

/* The error as Lambda would tell it. */
void lambda_fail(struct reply *reply, const struct err *e);
void lambda_not_found(struct lambda_call *c, const char *name);
/* "arn:aws:lambda:region:account:function:name" appended. */
void lambda_arn(const struct lambda_api *a, struct buf *out, const char *name);
/* Name out of a name, partial ARN or ARN with an optional $LATEST; decoded already. NULL if it is none of these; the caller frees. */
char *lambda_name_of(const struct lambda_api *a, const char *text);

void lambda_create(struct lambda_call *c);
void lambda_get(struct lambda_call *c);
void lambda_get_configuration(struct lambda_call *c);
void lambda_list(struct lambda_call *c);
void lambda_update_code(struct lambda_call *c);
void lambda_update_configuration(struct lambda_call *c);
void lambda_delete(struct lambda_call *c);
void lambda_invoke(struct lambda_call *c);
void lambda_list_tags(struct lambda_call *c);
void lambda_tag(struct lambda_call *c);
void lambda_untag(struct lambda_call *c);

#endif
