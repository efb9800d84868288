#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "lib/setting.h"

#define VARIABLE "SOCKERLESS_TEST_SETTING"

static void assert_text(const char *value, const char *def, const char *expected)
{
	char *text = NULL;
	struct err e;

	setenv(VARIABLE, value, 1);
	assert_int_equal(setting_text(&text, VARIABLE, def, &e), 0);
	assert_string_equal(text, expected);
	setting_text_free(&text);
	assert_null(text);
}

static void text_or_its_default(void **state)
{
	char *text = NULL;
	struct err e;

	assert_text("x y", "def", "x y");
	assert_text("", "def", "def");
	assert_text("", "", "");
	unsetenv(VARIABLE);
	assert_int_equal(setting_text(&text, VARIABLE, NULL, &e), -1);
	assert_string_equal(e.text, VARIABLE " must be set");
	assert_null(text);
}

static void number_of_digits_alone(void **state)
{
	static const char *const bad[] = { "-1", "+1", " 1", "1 ", "0x10", "1e3", "101", "18446744073709551616" };
	uint64_t number = 7;
	struct err e;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		setenv(VARIABLE, bad[i], 1);
		assert_int_equal(setting_number(&number, VARIABLE, "5", 100, &e), -1);
		assert_int_equal(e.kind, ERR_INVALID);
		assert_int_equal(number, 7);
	}
	setenv(VARIABLE, "100", 1);
	assert_int_equal(setting_number(&number, VARIABLE, "5", 100, &e), 0);
	assert_int_equal(number, 100);
	unsetenv(VARIABLE);
	assert_int_equal(setting_number(&number, VARIABLE, "5", 100, &e), 0);
	assert_int_equal(number, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_or_its_default),
		cmocka_unit_test(number_of_digits_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
