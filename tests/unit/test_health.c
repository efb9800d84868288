#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/docker/health.h"
#include "lib/json.h"

#define SECOND 1000000000LL

static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;

	assert_int_equal(json_parse(text, strlen(text), &o, NULL), 0);
	return o;
}

static void says_what_is_executed(void **state)
{
	static const struct {
		const char *config, *args; /* NULL: nothing */
	} table[] = {
		{ "{}", NULL },
		{ "{\"Healthcheck\":{}}", NULL },
		{ "{\"Healthcheck\":{\"Test\":[]}}", NULL },
		{ "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}", NULL },
		{ "{\"Healthcheck\":{\"Test\":[\"FOO\",\"x\"]}}", NULL },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD\"]}}", NULL },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\"]}}", NULL },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",\"b\"]}}", "[\"a\",\"b\"]" },
		{ "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a b\"]}}", "[\"/bin/sh\",\"-c\",\"a b\"]" },
		{ "{\"Shell\":[\"/bin/bash\",\"-ec\"],\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a\"]}}", "[\"/bin/bash\",\"-ec\",\"a\"]" },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		CLEANUP_JSON struct json_object *config = parse(table[i].config);
		CLEANUP_JSON struct json_object *args = health_args(config);

		if (table[i].args)
			assert_string_equal(json_text(args), table[i].args);
		else
			assert_null(args);
	}
}

static void reads_settings(void **state)
{
	CLEANUP_JSON struct json_object *o = parse("{\"Interval\":1,\"Timeout\":2,\"StartPeriod\":3,\"StartInterval\":4,\"Retries\":5}");
	struct health_check c;

	health_check_read(o, &c);
	assert_true(c.interval == 1 && c.timeout == 2 && c.start_period == 3 && c.start_interval == 4 && c.retries == 5);
	health_check_read(NULL, &c);
	assert_true(c.interval == 30 * SECOND && c.timeout == 30 * SECOND && c.start_period == 0 && c.start_interval == 5 * SECOND && c.retries == 3);
}

static void moves(void **state)
{
	static const struct health_check check = { 30, 30, 100, 5, 2 };
	static const struct {
		struct health before;
		int code;
		int64_t since;
		struct health after;
		int64_t wait; /* after it, at the same time */
	} table[] = {
		{ { HEALTH_STARTING, 0 }, 0, 1, { HEALTH_HEALTHY, 0 }, 30 },
		{ { HEALTH_STARTING, 0 }, 1, 99, { HEALTH_STARTING, 0 }, 5 },
		{ { HEALTH_STARTING, 0 }, 1, 100, { HEALTH_STARTING, 1 }, 30 },
		{ { HEALTH_STARTING, 1 }, -1, 200, { HEALTH_UNHEALTHY, 2 }, 30 },
		{ { HEALTH_HEALTHY, 0 }, 1, 1, { HEALTH_HEALTHY, 1 }, 30 },
		{ { HEALTH_HEALTHY, 1 }, 1, 1, { HEALTH_UNHEALTHY, 2 }, 30 },
		{ { HEALTH_UNHEALTHY, 7 }, 1, 1, { HEALTH_UNHEALTHY, 8 }, 30 },
		{ { HEALTH_UNHEALTHY, 8 }, 0, 1, { HEALTH_HEALTHY, 0 }, 30 },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct health h = table[i].before;

		health_probed(&check, &h, table[i].code, table[i].since);
		assert_int_equal(h.status, table[i].after.status);
		assert_int_equal(h.streak, table[i].after.streak);
		assert_int_equal(health_wait(&check, &h, table[i].since), table[i].wait);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(says_what_is_executed), cmocka_unit_test(reads_settings), cmocka_unit_test(moves) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
