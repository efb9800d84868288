/* The "JSON 1.1" protocol of CloudWatch Logs and ECR: POST / with a target header. */
#ifndef SOCKERLESS_AWS_JSON11_H
#define SOCKERLESS_AWS_JSON11_H

#include <json-c/json.h>
#include <stddef.h>

#include "lib/aws/http.h"
#include "lib/err.h"

/* `target`: "Logs_20140328.GetLogEvents". *ret (may be NULL) is the reply, owned by the caller; `limit` as in aws_request. */
int aws_json11_call(struct aws_client *c, enum aws_service service, const char *target, struct json_object *body, size_t limit,
		    struct json_object **ret, struct err *e);

#endif
