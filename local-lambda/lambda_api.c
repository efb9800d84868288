#include "local-lambda/lambda_api.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

#define FUNCTIONS_PATH "/2015-03-31/functions"
#define TAGS_PATH "/2017-03-31/tags/"
#define SMALL_BODY (1u << 20)

enum rate { RATE_NONE, RATE_CONTROL, RATE_GET };

/* `suffix` is what follows the function's name; "-" where the path has no name. */
static const struct route {
	const char *method;
	const char *prefix;
	const char *suffix;
	void (*call)(struct lambda_call *c);
	enum rate rate;
	bool body;
	const char *operation;
} routes[] = {
	{ "POST", FUNCTIONS_PATH, "-", lambda_create, RATE_CONTROL, true, "CreateFunction" },
	{ "GET", FUNCTIONS_PATH, "-", lambda_list, RATE_CONTROL, false, "ListFunctions" },
	{ "GET", FUNCTIONS_PATH "/", "", lambda_get, RATE_GET, false, "GetFunction" },
	{ "DELETE", FUNCTIONS_PATH "/", "", lambda_delete, RATE_CONTROL, false, "DeleteFunction" },
	{ "GET", FUNCTIONS_PATH "/", "/configuration", lambda_get_configuration, RATE_CONTROL, false, "GetFunctionConfiguration" },
	{ "PUT", FUNCTIONS_PATH "/", "/configuration", lambda_update_configuration, RATE_CONTROL, true, "UpdateFunctionConfiguration" },
	{ "PUT", FUNCTIONS_PATH "/", "/code", lambda_update_code, RATE_CONTROL, true, "UpdateFunctionCode" },
	{ "POST", FUNCTIONS_PATH "/", "/invocations", lambda_invoke, RATE_NONE, false, "InvokeFunction" },
	{ "GET", TAGS_PATH, "", lambda_list_tags, RATE_CONTROL, false, "ListTags" },
	{ "POST", TAGS_PATH, "", lambda_tag, RATE_CONTROL, true, "TagResource" },
	{ "DELETE", TAGS_PATH, "", lambda_untag, RATE_CONTROL, false, "UntagResource" },
};

/* The route, and where the name begins and ends in the path. */
static const struct route *match(const char *method, const char *path, const char **ret_name, size_t *ret_len)
{
	size_t path_len = strlen(path);

	if (path_len > 1 && path[path_len - 1] == '/')
		path_len--;
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		const struct route *r = &routes[i];
		size_t prefix = strlen(r->prefix), suffix = strlen(r->suffix), len;

		if (strcmp(r->method, method) || path_len < prefix || strncmp(path, r->prefix, prefix))
			continue;
		len = strcspn(path + prefix, "/");
		*ret_name = path + prefix;
		*ret_len = len;
		if (!strcmp(r->suffix, "-") ? path_len == prefix : len && path_len == prefix + len + suffix && !strncmp(path + prefix + len, r->suffix, suffix))
			return r;
	}
	return NULL;
}

size_t lambda_api_body_limit(const char *method, const char *path)
{
	const char *name;
	size_t len;
	const struct route *r = match(method, path, &name, &len);

	if (r && r->call == lambda_invoke)
		return LIMIT_PAYLOAD;
	return r && r->call == lambda_create ? LIMIT_CONTROL_BODY : SMALL_BODY;
}

void lambda_fail(struct reply *reply, const struct err *e)
{
	switch (e->kind) {
	case ERR_INVALID:
		reply_rest_error(reply, 400, "InvalidParameterValueException", "%s", e->text);
		break;
	case ERR_CONFLICT:
		reply_rest_error(reply, 409, "ResourceConflictException", "%s", e->text);
		break;
	case ERR_THROTTLED:
		reply_header(reply, "Retry-After", "%d", 1);
		reply_rest_error(reply, 429, "TooManyRequestsException", "%s", e->text);
		break;
	default:
		reply_rest_error(reply, 500, "ServiceException", "%s", e->text);
	}
}

void lambda_arn(const struct lambda_api *a, struct buf *out, const char *name)
{
	buf_printf(out, "arn:aws:lambda:%s:" LOCAL_ACCOUNT_ID ":function:%s", a->config->region, name);
}

void lambda_not_found(struct lambda_call *c, const char *name)
{
	BUF_CLEANUP struct buf arn = BUF_INIT;

	lambda_arn(c->api, &arn, name);
	reply_rest_error(c->reply, 404, "ResourceNotFoundException", "Function not found: %s", arn.failed ? name : arn.data);
}

char *lambda_name_of(const struct lambda_api *a, const char *text)
{
	BUF_CLEANUP struct buf full = BUF_INIT;
	const char *begin = text;
	char *name, *qualifier;

	lambda_arn(a, &full, "");
	if (full.failed)
		return NULL;
	/* From the longest form to the shortest: ARN, account:function:name, function:name, name. */
	if (!strncmp(text, full.data, full.len))
		begin = text + full.len;
	else if (!strncmp(text, LOCAL_ACCOUNT_ID ":function:", sizeof LOCAL_ACCOUNT_ID + 9))
		begin = text + sizeof LOCAL_ACCOUNT_ID + 9;
	else if (!strncmp(text, "function:", 9))
		begin = text + 9;
	name = strdup(begin);
	qualifier = name ? strchr(name, ':') : NULL;
	if (qualifier && !strcmp(qualifier, ":$LATEST"))
		*qualifier = '\0';
	if (name && limits_name_ok(name))
		return name;
	free(name);
	return NULL;
}

static bool admit(struct lambda_api *a, enum rate rate, struct reply *reply)
{
	struct bucket *b = rate == RATE_GET ? &a->get : &a->control;

	if (rate == RATE_NONE || !a->config->rate_limit || bucket_take(b))
		return true;
	reply_header(reply, "Retry-After", "%d", 1);
	reply_rest_error(reply, 429, "TooManyRequestsException", "Rate exceeded");
	return false;
}

static bool take_name(struct lambda_call *c, const char *text, size_t len)
{
	CLEANUP_FREE char *decoded = percent_decode(text, len);
	CLEANUP_FREE char *qualifier = request_query(c->request, "Qualifier");

	c->name = decoded ? lambda_name_of(c->api, decoded) : NULL;
	if (c->name && (!qualifier || !strcmp(qualifier, "$LATEST")))
		return true;
	if (c->name)
		lambda_not_found(c, decoded);
	else
		reply_rest_error(c->reply, 400, "InvalidParameterValueException", "1 validation error detected: Value '%.256s' at 'functionName' failed to satisfy constraint: "
				 "Member must satisfy regular expression pattern", decoded ? decoded : "");
	return false;
}

static bool take_body(struct lambda_call *c)
{
	struct err e = { 0 };

	if (json_parse(c->request->body.data ? c->request->body.data : "", c->request->body.len, &c->input, &e) == 0 &&
	    json_object_is_type(c->input, json_type_object))
		return true;
	reply_rest_error(c->reply, 400, "InvalidRequestContentException", "Could not parse request body into json: %s", e.kind ? e.text : "no object");
	return false;
}

void lambda_api_handle(struct lambda_api *a, struct request *request, struct reply *reply)
{
	struct lambda_call c = { .api = a, .request = request, .reply = reply };
	const char *name;
	size_t len;
	const struct route *r = match(request->method, request->path, &name, &len);

	if (!r) {
		reply_rest_error(reply, 404, "UnknownOperationException", "%s %.256s isn't among the calls that are played here", request->method, request->path);
		return;
	}
	if (request->too_large)
		reply_rest_error(reply, 413, "RequestTooLargeException", "Request must be smaller than %zu bytes for the %s operation",
				 lambda_api_body_limit(request->method, request->path), r->operation);
	else if (admit(a, r->rate, reply) && (!strcmp(r->suffix, "-") || take_name(&c, name, len)) && (!r->body || take_body(&c)))
		r->call(&c);
	free(c.name);
	json_object_put(c.input);
}
