/* A page of GetLogEvents. */
#include "tests/fuzz/fuzz.h"

#include "lib/aws/json11.h"
#include "lib/aws/logs.h"
#include "lib/json.h"

/* The linker puts this in the place of the call (--wrap): the client is the reply. */
int __wrap_aws_json11_call(struct aws_client *c, enum aws_service service, const char *target, struct json_object *body, size_t limit,
			   struct json_object **ret, struct err *e);
int __wrap_aws_json11_call(struct aws_client *c, enum aws_service service, const char *target, struct json_object *body, size_t limit,
			   struct json_object **ret, struct err *e)
{
	const struct fuzz_input *in = (const void *)c;

	return json_parse((const char *)in->data, in->len, ret, e);
}

static int each(void *arg, const struct logs_event *ev, struct err *e)
{
	size_t *count = arg;

	FUZZ_CHECK(ev->message && strlen(ev->message) <= ev->len);
	return ++*count > 3 ? err_set(e, ERR_INTERNAL, "enough") : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct logs_query q = { .group = "/aws/lambda/f", .stream = "s", .token = "f/1" };
	struct fuzz_input in = { data, size };
	struct err e = { 0 };
	char *token = NULL;
	size_t count = 0;
	bool end;

	if (logs_get_events((struct aws_client *)&in, &q, each, &count, &token, &end, &e) == 0)
		FUZZ_CHECK(token);
	else
		FUZZ_CHECK(!token && e.kind && *e.text);
	free(token);
	return 0;
}
