#include "lib/aws/failure.h"

#include <stdio.h>
#include <string.h>

#include "lib/aws/endpoint.h"
#include "lib/json.h"

/* Types whose status says less than they do: the JSON 1.1 services answer 400 to nearly everything. */
static const struct {
	const char *type;
	enum err_kind kind;
} kinds[] = {
	{ "ResourceNotFoundException", ERR_NOT_FOUND },
	{ "RepositoryNotFoundException", ERR_NOT_FOUND },
	{ "ImageNotFoundException", ERR_NOT_FOUND },
	{ "ResourceConflictException", ERR_CONFLICT },
	{ "ResourceAlreadyExistsException", ERR_CONFLICT },
	{ "RepositoryAlreadyExistsException", ERR_CONFLICT },
	{ "OperationAbortedException", ERR_CONFLICT },
	{ "ThrottlingException", ERR_THROTTLED },
	{ "Throttling", ERR_THROTTLED },
	{ "TooManyRequestsException", ERR_THROTTLED },
	{ "LimitExceededException", ERR_THROTTLED },
	{ "AccessDeniedException", ERR_FORBIDDEN },
	{ "UnrecognizedClientException", ERR_FORBIDDEN },
	{ "InvalidSignatureException", ERR_FORBIDDEN },
	{ "ExpiredTokenException", ERR_FORBIDDEN },
	{ "IncompleteSignatureException", ERR_FORBIDDEN },
	{ "MissingAuthenticationTokenException", ERR_FORBIDDEN },
	{ "RequestExpired", ERR_FORBIDDEN },
	{ "ServiceUnavailableException", ERR_UNAVAILABLE },
};

void aws_failure_type(const char *raw, char ret[64])
{
	const char *hash = strchr(raw, '#');
	size_t len;

	raw = hash ? hash + 1 : raw;
	len = strcspn(raw, ":,; \r\n");
	snprintf(ret, 64, "%.*s", (int)(len < 63 ? len : 63), raw);
}

static enum err_kind kind_of(const struct aws_response *r)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(r->error_type, kinds[i].type))
			return kinds[i].kind;
	if (r->status == 503)
		return ERR_UNAVAILABLE;
	if (r->status >= 500)
		return ERR_UPSTREAM;
	return r->status >= 400 ? err_kind_of_status(r->status) : ERR_UPSTREAM;
}

int aws_failure(enum aws_service service, struct aws_response *r, struct err *e)
{
	CLEANUP_JSON struct json_object *o = NULL;
	const char *text;

	if (r->body && json_parse(r->body, r->body_len, &o, NULL) == 0 && !*r->error_type) {
		const char *type = json_str(o, "__type", json_str(o, "Type", json_str(o, "code", "")));

		/* Lambda's Type is "User" or "Service" beside the header with the true type. */
		if (strcmp(type, "User") && strcmp(type, "Service"))
			aws_failure_type(type, r->error_type);
	}
	text = json_str(o, "message", json_str(o, "Message", json_str(o, "errorMessage", "")));
	if (!*r->error_type)
		return err_set(e, kind_of(r), "%s: status %d%s%s", aws_service_title(service), r->status, *text ? ": " : "", text);
	return err_set(e, kind_of(r), "%s: %s%s%s", aws_service_title(service), r->error_type, *text ? ": " : "", text);
}

int aws_failure_curl(enum aws_service service, CURLcode code, const char *detail, struct err *e)
{
	enum err_kind kind = code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : code == CURLE_OUT_OF_MEMORY ? ERR_INTERNAL : ERR_UNAVAILABLE;

	return err_set(e, kind, "%s: %s", aws_service_title(service), detail && *detail ? detail : curl_easy_strerror(code));
}

bool aws_failure_is_clock(const struct aws_response *r)
{
	static const char *const types[] = { "InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture" };

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (!strcmp(r->error_type, types[i]))
			return true;
	return false;
}
