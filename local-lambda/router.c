#include "local-lambda/router.h"

#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "local-lambda/sigv4_verify.h"
#include "local-lambda/uuid.h"

#define JSON11_BODY (2u << 20)
#define STRANGERS_BODY (64u << 10)

enum service { SERVICE_LAMBDA, SERVICE_LOGS, SERVICE_ECR };

static const struct {
	const char *signing_name;
	const char *target;
} services[] = {
	[SERVICE_LAMBDA] = { "lambda", NULL },
	[SERVICE_LOGS] = { "logs", LOGS_TARGET },
	[SERVICE_ECR] = { "ecr", ECR_TARGET },
};

/* It can't be genuine otherwise; whether it is shows once the body is here. */
static bool names_our_key(const struct router *r, const struct request *request)
{
	const char *header = request_header(request, "authorization");
	const char *credential = header ? strstr(header, "Credential=") : NULL;
	size_t len = strlen(r->config->access_key_id);

	return credential && !strncmp(credential + 11, r->config->access_key_id, len) && credential[11 + len] == '/';
}

size_t router_body_limit(void *ctx, const struct request *request)
{
	struct router *r = ctx;

	if (!names_our_key(r, request))
		return STRANGERS_BODY;
	return !strcmp(request->path, "/") ? JSON11_BODY : lambda_api_body_limit(request->method, request->path);
}

static enum service service_of(const struct request *request, const char **ret_action)
{
	const char *target = request_header(request, "x-amz-target");

	for (size_t i = SERVICE_LOGS; target && i <= SERVICE_ECR; i++) {
		size_t len = strlen(services[i].target);

		if (!strncmp(target, services[i].target, len)) {
			*ret_action = target + len;
			return (enum service)i;
		}
	}
	return SERVICE_LAMBDA;
}

static bool is_genuine(struct router *r, const struct request *request, enum service service, struct reply *reply)
{
	const struct sigv4_expected x = { .access_key_id = r->config->access_key_id, .secret_access_key = r->config->secret_access_key,
					  .session_token = r->config->session_token, .region = r->config->region,
					  .service = services[service].signing_name, .now = time(NULL) };
	struct sigv4_failure why;

	if (sigv4_verify(request, &x, &why) == 0)
		return true;
	log_debug("refused: %s: %s", why.type, why.text);
	if (service == SERVICE_LAMBDA)
		reply_rest_error(reply, 403, why.type, "%s", why.text);
	else
		reply_json11_error(reply, 400, why.type, "%s", why.text);
	return false;
}

static bool is_throttled(struct router *r, enum service service, const char *action)
{
	return r->config->rate_limit && service == SERVICE_LOGS && (!strcmp(action, "GetLogEvents") || !strcmp(action, "FilterLogEvents")) &&
	       !bucket_take(&r->log_reads);
}

static void call_json11(struct router *r, enum service service, const char *action, struct request *request, struct reply *reply)
{
	CLEANUP_JSON struct json_object *input = NULL;
	struct err e = { 0 };

	if (request->too_large)
		reply_json11_error(reply, 413, "RequestEntityTooLargeException", "Request must be smaller than %u bytes", JSON11_BODY);
	else if (strcmp(request->method, "POST") || json_parse(request->body.data ? request->body.data : "", request->body.len, &input, &e) < 0 ||
		 !json_object_is_type(input, json_type_object))
		reply_json11_error(reply, 400, "SerializationException", "%s", e.kind ? e.text : "the body must be a JSON object");
	else if (is_throttled(r, service, action))
		reply_json11_error(reply, 400, "ThrottlingException", "Rate exceeded");
	else if (service == SERVICE_LOGS)
		logs_api_call(&r->logs, action, input, reply);
	else
		ecr_call(r->ecr, action, input, reply);
}

static bool has_header(const struct reply *reply, const char *name)
{
	for (size_t i = 0; i < reply->header_count; i++)
		if (!strcmp(reply->headers[i].name, name))
			return true;
	return false;
}

void router_handle(void *ctx, struct request *request, struct reply *reply)
{
	struct router *r = ctx;
	const char *action = NULL;
	enum service service = service_of(request, &action);
	char id[37];

	if (service != SERVICE_LAMBDA)
		reply->content_type = "application/x-amz-json-1.1";
	if (request->too_many)
		reply_rest_error(reply, 431, "RequestHeaderFieldsTooLarge", "at most %d headers", MESSAGE_HEADERS_MAX);
	/* What was too large was not kept, so its signature can't be verified; it is refused either way. */
	else if ((request->too_large && names_our_key(r, request)) || is_genuine(r, request, service, reply)) {
		if (service == SERVICE_LAMBDA)
			lambda_api_handle(&r->lambda, request, reply);
		else
			call_json11(r, service, action, request, reply);
	}
	if (!has_header(reply, "x-amzn-RequestId")) {
		uuid_make(id);
		reply_header(reply, "x-amzn-RequestId", "%s", id);
	}
	log_debug("%s %s%s%s: %d", request->method, request->path, action ? " " : "", action ? action : "", reply->status);
}
