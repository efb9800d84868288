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

static void repairs_what_is_no_utf8(void **state)
{
	static const struct {
		const char *text, *json;
	} table[] = {
		{ "", "\"\"" },
		{ "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3", "\"a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3\"" },
		{ "\xff", "\"\xef\xbf\xbd\"" },
		{ "a\xc3", "\"a\xef\xbf\xbd\"" },
		{ "\xe2\x82z", "\"\xef\xbf\xbd\xef\xbf\xbdz\"" },
		{ "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },                  /* overlong */
		{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* surrogate */
		{ "\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		CLEANUP_JSON struct json_object *o = json_string(table[i].text);

		assert_string_equal(json_text(o), table[i].json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_table),
		cmocka_unit_test(refuses_deep_nesting),
		cmocka_unit_test(repairs_what_is_no_utf8),
		cmocka_unit_test(getters_survive_other_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
