#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"

static const struct {
	const char *text;
	int result;
} cases[] = {
	{ "{}", 0 },
	{ " {\"a\": [1, 2.5, null, true, \"x\"]} \n", 0 },
	{ "1", 0 },
	{ "null", 0 },
	{ "", -1 },
	{ "{", -1 },
	{ "{\"a\":1", -1 },
	{ "{} x", -1 },
	{ "{\"a\":1}{\"b\":2}", -1 },
	{ "[1,]", -1 },
	{ "\"\xff\xfe\"", -1 },
	{ "nul", -1 },
};

static void parses_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_object *o = NULL;
		struct err e = { 0 };
		int rc = json_parse(cases[i].text, strlen(cases[i].text), &o, &e);

		if (rc != cases[i].result)
			fail_msg("\"%s\" gave %d (%s)", cases[i].text, rc, e.text);
		json_object_put(o);
	}
}

static void refuses_deep_nesting(void **state)
{
	char deep[20001];
	struct json_object *o = NULL;
	struct err e = { 0 };

	(void)state;
	memset(deep, '[', 10000);
	memset(deep + 10000, ']', 10000);
	assert_int_equal(json_parse(deep, 20000, &o, &e), -1);
	assert_int_equal(e.kind, ERR_INVALID);
}

static void getters_survive_other_types(void **state)
{
	CLEANUP_JSON struct json_object *o = NULL;
	const char *text = "{\"s\":\"x\",\"i\":7,\"b\":true,\"o\":{\"k\":{\"z\":1}}}";

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
	assert_string_equal(json_str(o, "s", "d"), "x");
	assert_string_equal(json_str(o, "i", "d"), "d");
	assert_int_equal(json_int(o, "i", 0), 7);
	assert_int_equal(json_int(o, "s", 3), 3);
	assert_true(json_flag(o, "b", false));
	assert_null(json_array(o, "o"));
	assert_int_equal(json_object_get_int(json_path(o, "o", "k", "z", NULL)), 1);
	assert_null(json_path(o, "s", "k", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_table),
		cmocka_unit_test(refuses_deep_nesting),
		cmocka_unit_test(getters_survive_other_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
