#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/docker/detach_keys.h"
#include "lib/docker/duration.h"
#include "lib/docker/filters.h"
#include "lib/docker/signals.h"
#include "lib/json.h"

#define SECOND 1000000000LL
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

static void tells_durations(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} table[] = {
		{ -5, "Less than a second" },     { 0, "Less than a second" },        { SECOND - 1, "Less than a second" },
		{ SECOND, "1 second" },           { 2 * SECOND, "2 seconds" },        { 59 * SECOND, "59 seconds" },
		{ 60 * SECOND, "About a minute" }, { 119 * SECOND, "About a minute" }, { 120 * SECOND, "2 minutes" },
		{ 3599 * SECOND, "59 minutes" },  { HOUR, "About an hour" },          { HOUR + 1799 * SECOND, "About an hour" },
		{ HOUR + 1800 * SECOND, "2 hours" }, { 47 * HOUR, "47 hours" },       { 48 * HOUR, "2 days" },
		{ 13 * DAY, "13 days" },          { 14 * DAY, "2 weeks" },            { 59 * DAY, "8 weeks" },
		{ 60 * DAY, "2 months" },         { 729 * DAY, "24 months" },         { 730 * DAY, "2 years" },
	};
	char text[DURATION_TEXT_MAX];

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		duration_format(text, table[i].ns);
		assert_string_equal(text, table[i].text);
	}
}

static void reads_detach_keys(void **state)
{
	static const struct {
		const char *text, *hex;
	} table[] = {
		{ "", "" }, { "ctrl-p,ctrl-q", "1011" }, { "a", "61" }, { "ctrl-x,x", "1878" }, { "ctrl-@,ctrl-[,ctrl-_", "001b1f" },
		{ "ctrl-\\,ctrl-],ctrl-^", "1c1d1e" }, { "DEL", "7f" },
	};
	static const char *const wrong[] = { "ctrl-", "ctrl-A", "ctrl-pp", ",", "a,", "ab", "del", "ctrl-p;ctrl-q",
					     "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a" };
	char hex[DETACH_KEYS_HEX_MAX];
	struct err e;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		assert_int_equal(detach_keys_hex(table[i].text, hex, &e), 0);
		assert_string_equal(hex, table[i].hex);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(detach_keys_hex(wrong[i], hex, &e), -1);
		assert_int_equal(e.kind, ERR_INVALID);
	}
}

static void reads_signals(void **state)
{
	static const struct {
		const char *text;
		int number;
		const char *name;
	} table[] = {
		{ "SIGKILL", 9, "KILL" }, { "KILL", 9, "KILL" }, { "kill", 9, "KILL" }, { "9", 9, "KILL" }, { "15", 15, "TERM" },
		{ "SIGWINCH", 28, "WINCH" }, { "IOT", 6, "ABRT" }, { "SIGIO", 29, "POLL" }, { "POLL", 29, "POLL" }, { "RTMIN", 34, "34" }, { "SIGRTMIN+1", 35, "35" },
		{ "RTMAX", 64, "64" }, { "RTMAX-1", 63, "63" }, { "64", 64, "64" }, { "32", 32, "32" }, { "rtmin+15", 49, "49" },
	};
	static const char *const wrong[] = { "", "0", "65", "-1", "+9", "9 ", " 9", "FOO", "SIG", "SIGSIGKILL", "RTMIN+16", "RTMAX-15", "RTMIN+",
					     "999999999999", "KILL\n" };
	char name[SIGNAL_TEXT_MAX];

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		assert_int_equal(signal_parse(table[i].text), table[i].number);
		signal_format(name, table[i].number);
		assert_string_equal(name, table[i].name);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(signal_parse(wrong[i]), -1);
	for (int i = 1; i <= 64; i++) {
		signal_format(name, i);
		assert_int_equal(signal_parse(name), i);
	}
}

static void reads_filters(void **state)
{
	static const char *const same[] = { "{\"label\":{\"a=b\":true,\"c\":true}}", "{\"label\":[\"a=b\",\"c\"]}" };
	static const char *const wrong[] = { "[", "[]", "1", "{\"a\":1}", "{\"a\":\"b\"}", "{\"a\":[1]}", "{\"a\":{\"b\":1}}", "{\"a\":null}", "{} {}" };
	static const char *const accepted[] = { "label", NULL };
	static const char *const others[] = { "name", NULL };
	struct json_object *f;
	struct err e;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(filters_parse(same[i], &f, &e), 0);
		assert_int_equal(filters_count(f, "label"), 2);
		assert_string_equal(filters_value(f, "label", 0), "a=b");
		assert_int_equal(filters_check(f, accepted, &e), 0);
		assert_int_equal(filters_check(f, others, &e), -1);
		assert_string_equal(e.text, "invalid filter 'label'");
		json_object_put(f);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(filters_parse(wrong[i], &f, &e), -1);
		assert_string_equal(e.text, "invalid filter");
	}
	assert_int_equal(filters_parse("", &f, &e), 0);
	assert_int_equal(filters_count(f, "label"), 0);
	assert_true(filters_exact(f, "label", "x"));
	assert_true(filters_match(f, "label", "x"));
	assert_true(filters_match_labels(f, "label", NULL));
	assert_int_equal(filters_boolean(f, "label", 5, &e), 5);
	json_object_put(f);
}

static bool name_matches(const char *pattern, const char *text)
{
	struct json_object *f = json_object_new_object(), *list = json_object_new_array();
	bool result;

	json_object_array_add(list, json_object_new_string(pattern));
	json_object_object_add(f, "name", list);
	result = filters_match(f, "name", text);
	json_object_put(f);
	return result;
}

static void matches_expressions(void **state)
{
	assert_true(name_matches("^a.c$", "abc"));
	assert_true(name_matches("b", "abc"));
	assert_true(name_matches("", "abc"));
	assert_false(name_matches("^b", "abc"));
	assert_false(name_matches("[", "abc"));
	assert_true(name_matches("[", "a[c"));
	assert_false(name_matches("((a{1,255}){1,255}){1,255}", "aaa"));
	assert_false(name_matches("(a)\\1", "aa"));
}

static void matches_labels(void **state)
{
	static const char text[] = "{\"k\":\"v\",\"e\":\"\",\"q\":\"a=b\"}";
	struct json_object *f, *labels;
	struct err e;

	assert_int_equal(json_parse(text, strlen(text), &labels, &e), 0);
	assert_int_equal(filters_parse("{\"label\":[\"k\",\"k=v\",\"e=\",\"q=a=b\"]}", &f, &e), 0);
	assert_true(filters_match_labels(f, "label", labels));
	assert_false(filters_match_labels(f, "label", NULL));
	json_object_put(f);
	assert_int_equal(filters_parse("{\"label\":[\"k\",\"k=w\"]}", &f, &e), 0);
	assert_false(filters_match_labels(f, "label", labels));
	json_object_put(f);
	json_object_put(labels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_durations), cmocka_unit_test(reads_detach_keys), cmocka_unit_test(reads_signals), cmocka_unit_test(reads_filters),
		cmocka_unit_test(matches_expressions), cmocka_unit_test(matches_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
