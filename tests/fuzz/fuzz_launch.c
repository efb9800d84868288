/* The spec of an Invoke payload, a NUL, and the `open` of an exec in it, as the agent reads them. */
#include "tests/fuzz/fuzz.h"

#include "agent-gateway/agent/launch.h"

static void check(const struct launch *l)
{
	FUZZ_CHECK(l->args && l->args[0] && l->env && l->cwd);
	for (char **s = l->env; *s; s++)
		FUZZ_CHECK(strlen(*s) <= SIZE_MAX / 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	CLEANUP_JSON struct json_object *spec = NULL;
	CLEANUP_JSON struct json_object *open = NULL;
	struct launch container = { 0 }, exec = { 0 };
	struct err e = { 0 };
	size_t len;
	char *text = fuzz_text(&in, '\0', &len);

	(void)json_parse(text, len, &spec, &e);
	free(text);
	text = fuzz_rest(&in, &len);
	(void)json_parse(text, len, &open, &e);
	free(text);
	if (launch_of_spec(spec, &container, &e) == 0) {
		check(&container);
		if (launch_of_open(open, &container, &exec, &e) == 0)
			check(&exec);
		launch_free(&exec);
	}
	launch_free(&container);
	return 0;
}
