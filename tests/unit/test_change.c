#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/registry/import.h"

/* What an instruction makes of {"Env":["A=0"],"WorkingDir":"/w"}, or the error. */
static const struct {
	const char *instruction, *result, *error;
} cases[] = {
	{ "CMD [\"a\", \"b c\"]", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"Cmd\":[\"a\",\"b c\"]}", NULL },
	{ "cmd a b", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"Cmd\":[\"/bin/sh\",\"-c\",\"a b\"]}", NULL },
	{ "CMD [1]", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"Cmd\":[\"/bin/sh\",\"-c\",\"[1]\"]}", NULL },
	{ "ENTRYPOINT []", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"Entrypoint\":[]}", NULL },
	{ "ENV A=1 B=\"x y\" C='d\"e' F=g\\ h", "{\"Env\":[\"A=1\",\"B=x y\",\"C=d\\\"e\",\"F=g h\"],\"WorkingDir\":\"/w\"}", NULL },
	{ "ENV B x = y ", "{\"Env\":[\"A=0\",\"B=x = y\"],\"WorkingDir\":\"/w\"}", NULL },
	{ "ENV B=", "{\"Env\":[\"A=0\",\"B=\"],\"WorkingDir\":\"/w\"}", NULL },
	{ "ENV B", NULL, "ENV must have two arguments" },
	{ "ENV A=1 B", NULL, "Syntax error - can't find = in \"B\". Must be of the form: name=value" },
	{ "ENV =x", NULL, "Syntax error - can't find = in \"=x\". Must be of the form: name=value" },
	{ "LABEL a=1 b=2", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"Labels\":{\"a\":\"1\",\"b\":\"2\"}}", NULL },
	{ "EXPOSE 80/tcp", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"ExposedPorts\":{\"80/tcp\":{}}}", NULL },
	{ "EXPOSE x", NULL, "invalid containerPort: x" },
	{ "EXPOSE 99999", NULL, "invalid containerPort: 99999" },
	{ "VOLUME [\"/a\"]", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"Volumes\":{\"/a\":{}}}", NULL },
	{ "VOLUME /a /b", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"Volumes\":{\"/a\":{},\"/b\":{}}}", NULL },
	{ "WORKDIR x", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w/x\"}", NULL },
	{ "WORKDIR /y", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/y\"}", NULL },
	{ "USER 1:2", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"User\":\"1:2\"}", NULL },
	{ "STOPSIGNAL SIGINT", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"StopSignal\":\"SIGINT\"}", NULL },
	{ "ONBUILD RUN x", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"OnBuild\":[\"RUN x\"]}", NULL },
	{ "HEALTHCHECK NONE", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\",\"Healthcheck\":{\"Test\":[\"NONE\"]}}", NULL },
	{ "  ", "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\"}", NULL },
	{ "USER", NULL, "USER requires at least one argument" },
	{ "from x", NULL, "from is not a valid change command" },
	{ "NOPE x", NULL, "dockerfile parse error on line 1: unknown instruction: NOPE" },
};

static void applies_table(void **state)
{
	const char *start = "{\"Env\":[\"A=0\"],\"WorkingDir\":\"/w\"}";

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CLEANUP_JSON struct json_object *o = NULL;
		struct err e = { 0 };

		assert_int_equal(json_parse(start, strlen(start), &o, NULL), 0);
		if (image_change(o, cases[i].instruction, &e) < 0) {
			if (!cases[i].error || strcmp(e.text, cases[i].error))
				fail_msg("%s: %s", cases[i].instruction, e.text);
		} else if (!cases[i].result || strcmp(json_text(o), cases[i].result)) {
			fail_msg("%s: %s", cases[i].instruction, json_text(o));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(applies_table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
