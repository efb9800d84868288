/* The body of CreateFunction at local-lambda, a NUL, and one of UpdateFunctionConfiguration. */
#include "tests/fuzz/fuzz.h"

#include "local-lambda/configuration.h"
#include "local-lambda/limits.h"

static void update(struct json_object *config, struct json_object *in)
{
	struct err e = { 0 };

	if (limits_check_configuration(in, &e) < 0) {
		FUZZ_CHECK(e.kind && *e.text);
		return;
	}
	FUZZ_CHECK(configuration_apply(config, in) && configuration_touch(config, NULL) && json_text(config));
	(void)limits_check_tags(json_get(in, "Tags"), json_obj(config, "Environment"), &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	CLEANUP_JSON struct json_object *create = NULL;
	CLEANUP_JSON struct json_object *change = NULL;
	CLEANUP_JSON struct json_object *config = NULL;
	struct err e = { 0 };
	size_t len;
	char *text = fuzz_text(&in, '\0', &len);

	(void)json_parse(text, len, &create, &e);
	free(text);
	text = fuzz_rest(&in, &len);
	(void)json_parse(text, len, &change, &e);
	free(text);
	/* Reading the request refuses anything else. */
	if (!json_object_is_type(create, json_type_object) || limits_check_create(create, &e) < 0)
		return 0;
	config = configuration_new(create, "arn:aws:lambda:us-east-1:000000000000:function:f", "h:1/r@sha256:0");
	FUZZ_CHECK(config && json_text(config));
	if (json_object_is_type(change, json_type_object))
		update(config, change);
	return 0;
}
