#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/docker/time.h"

static void formats(void **state)
{
	static const struct {
		int64_t ns;
		const char *text, *fixed;
	} cases[] = {
		{ 0, "0001-01-01T00:00:00Z", "1970-01-01T00:00:00.000000000Z" },
		{ 1000000000, "1970-01-01T00:00:01Z", "1970-01-01T00:00:01.000000000Z" },
		{ 1700000000123456000, "2023-11-14T22:13:20.123456Z", "2023-11-14T22:13:20.123456000Z" },
		{ 1700000000000000001, "2023-11-14T22:13:20.000000001Z", "2023-11-14T22:13:20.000000001Z" },
	};
	char text[TIME_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		time_format(text, cases[i].ns);
		assert_string_equal(text, cases[i].text);
		time_format_fixed(text, cases[i].ns);
		assert_string_equal(text, cases[i].fixed);
	}
}

static void parses(void **state)
{
	static const struct {
		const char *text;
		int64_t ns; /* -1: refused */
	} cases[] = {
		{ "", 0 },
		{ "0", 0 },
		{ "1700000000", 1700000000000000000 },
		{ "1700000000.5", 1700000000500000000 },
		{ "1700000000.000000001", 1700000000000000001 },
		{ "1700000000.0000000019", 1700000000000000001 },
		{ "x", -1 },
		{ "-1", -1 },
		{ "1.5s", -1 },
		{ "99999999999999999999", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t ns = -1;

		time_parse_unix(cases[i].text, &ns);
		if (ns != cases[i].ns)
			fail_msg("\"%s\" gave %lld", cases[i].text, (long long)ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(parses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
