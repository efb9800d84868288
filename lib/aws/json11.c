#include "lib/aws/json11.h"

#include <string.h>

#include "lib/aws/endpoint.h"
#include "lib/json.h"

int aws_json11_call(struct aws_client *c, enum aws_service service, const char *target, struct json_object *body, size_t limit,
		    struct json_object **ret, struct err *e)
{
	AWS_REQUEST_CLEANUP struct aws_request r = { .service = service, .method = "POST", .retry = true, .limit = limit };
	AWS_RESPONSE_CLEANUP struct aws_response reply = { 0 };
	const char *text = json_text(body);
	struct err why = { 0 };

	r.path = strdup("/");
	r.body = text ? strdup(text) : NULL;
	if (!r.path || !r.body)
		return err_nomem(e);
	r.body_len = strlen(r.body);
	if (aws_request_header(&r, "content-type", "application/x-amz-json-1.1", e) < 0 ||
	    aws_request_header(&r, "x-amz-target", target, e) < 0 || aws_call(c, &r, &reply, e) < 0)
		return -1;
	if (ret && json_parse(reply.body, reply.body_len, ret, &why) < 0)
		return err_set(e, ERR_UPSTREAM, "%s: %s", aws_service_title(service), why.text);
	return 0;
}
