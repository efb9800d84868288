#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/docker/dockerfile.h"
#include "lib/json.h"

static int parse(const char *text, const char *target, struct dockerfile *ret, struct err *e)
{
	CLEANUP_JSON struct json_object *args = json_tokener_parse("{\"GIVEN\":\"from/client:2\"}");

	return dockerfile_parse(text, strlen(text), args, target, ret, e);
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *target, *message;
	} cases[] = {
		{ "", "", "dockerfile parse error: file with no instructions" },
		{ "# only\n\n", "", "dockerfile parse error: file with no instructions" },
		{ "ARG A\n", "", "no build stage in current context" },
		{ "RUN x\nFROM a\n", "", "dockerfile parse error on line 1: no build stage in current context" },
		{ "FROM a\n\nbogus x\n", "", "dockerfile parse error on line 3: unknown instruction: BOGUS" },
		{ "FROM a\nVERYLONGINSTRUCTION x\n", "", "dockerfile parse error on line 2: unknown instruction: VERYLONGINSTRUCTION" },
		{ "FROM\n", "", "dockerfile parse error on line 1: FROM requires at least one argument" },
		{ "FROM --platform=x\n", "", "dockerfile parse error on line 1: FROM requires either one or three arguments" },
		{ "FROM a as\n", "", "dockerfile parse error on line 1: FROM requires either one or three arguments" },
		{ "FROM a as b c\n", "", "dockerfile parse error on line 1: FROM requires either one or three arguments" },
		{ "FROM $NOTHING\n", "", "base name ($NOTHING) should not be blank" },
		{ "FROM a\n", "nope", "failed to reach build target nope in Dockerfile" },
		{ "FROM a\n", "1", "failed to reach build target 1 in Dockerfile" },
		{ "FROM a\nRUN --mount=type=secret x\n", "", "the --mount option requires BuildKit, which is not supported here" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		DOCKERFILE_CLEANUP struct dockerfile d = { 0 };
		struct err e = { 0 };

		assert_int_equal(parse(cases[i].text, cases[i].target, &d, &e), -1);
		assert_string_equal(e.text, cases[i].message);
		assert_null(d.steps);
	}
}

static void images(void **state)
{
	static const struct {
		const char *line, *image;
	} cases[] = {
		{ "FROM a", "a" },
		{ "from \t a:1  AS  x  ", "a:1" },
		{ "FROM --platform=linux/amd64 a@sha256:1", "a@sha256:1" },
		{ "FROM $HERE", "value" },
		{ "FROM ${HERE}:1", "value:1" },
		{ "FROM \"$HERE\"", "value" },
		{ "FROM ${GIVEN}", "from/client:2" },
		{ "FROM ${NONE:-other}", "other" },
		{ "FROM ${HERE:-other}", "value" },
		{ "FROM a${HERE:+b}${NONE:+c}", "ab" },
		{ "FROM a${HERE", "a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		DOCKERFILE_CLEANUP struct dockerfile d = { 0 };
		struct err e = { 0 };
		char text[256];

		snprintf(text, sizeof text, "ARG HERE=value\nARG GIVEN=default\nARG NONE\n%s\n", cases[i].line);
		assert_int_equal(parse(text, "", &d, &e), 0);
		assert_int_equal(d.count, 4);
		assert_string_equal(d.steps[3].image, cases[i].image);
		assert_int_equal(d.steps[3].from_stage, -1);
	}
}

static void stages(void **state)
{
	static const char text[] = "# escape=`\nFROM a AS one\nRUN x `\n # comment\n  y\r\nFROM ONE\nCOPY --chown=1 --from=0 /a /b\nFROM b AS last\nCOPY --from=c /d /e\nFROM unwanted\n";
	DOCKERFILE_CLEANUP struct dockerfile d = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(parse(text, "LAST", &d, &e), 0);
	assert_int_equal(d.count, 6);
	assert_int_equal(d.stages, 3);
	assert_string_equal(d.steps[1].text, "RUN x   y");
	assert_int_equal(d.steps[2].from_stage, 0);
	assert_int_equal(d.steps[3].from_stage, 0);
	assert_int_equal(d.steps[5].from_stage, -1);
	assert_string_equal(d.steps[5].image, "c");
	assert_int_equal(d.length, strlen(text) - strlen("FROM unwanted\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(refuses), cmocka_unit_test(images), cmocka_unit_test(stages) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
