#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/docker/restart_policy.h"

static void decides(void **state)
{
	static const struct {
		const char *policy;
		int max;
		struct restart_end end;
		struct restart_history before, after;
		bool again;
	} table[] = {
		/* policy, its limit; code, stopped, failed, ms; before: count, pause, failures; after */
		{ "no", 0, { 1, false, false, 0 }, { 0 }, { 0 }, false },
		{ "", 0, { 1, false, false, 0 }, { 0 }, { 0 }, false },
		{ "nonsense", 0, { 1, false, false, 0 }, { 0 }, { 0 }, false },
		{ "always", 0, { 0, false, false, 0 }, { 0 }, { 1, 100, 0 }, true },
		{ "always", 0, { 0, true, false, 0 }, { 0 }, { 0 }, false },
		{ "always", 0, { 1, false, false, 9999 }, { 1, 100, 0 }, { 2, 200, 0 }, true },
		{ "always", 0, { 1, false, false, 10000 }, { 5, 3200, 0 }, { 6, 100, 0 }, true },
		{ "always", 0, { 1, false, false, 0 }, { 9, 51200, 0 }, { 10, 60000, 0 }, true },
		{ "always", 0, { 1, false, false, 0 }, { 10, 60000, 0 }, { 11, 60000, 0 }, true },
		{ "unless-stopped", 0, { 0, false, false, 0 }, { 0 }, { 1, 100, 0 }, true },
		{ "unless-stopped", 0, { 143, true, false, 0 }, { 0 }, { 0 }, false },
		{ "on-failure", 0, { 0, false, false, 0 }, { 0 }, { 0 }, false },
		{ "on-failure", 0, { 1, false, false, 0 }, { 50, 100, 0 }, { 51, 200, 0 }, true },
		{ "on-failure", 2, { 1, false, false, 0 }, { 1, 100, 0 }, { 2, 200, 0 }, true },
		{ "on-failure", 2, { 1, false, false, 0 }, { 2, 200, 0 }, { 2, 200, 0 }, false },
		{ "on-failure", 2, { 137, true, false, 0 }, { 0 }, { 0 }, false },
		/* Lambda fails: the pauses grow, RestartCount doesn't, and at last it stays ended. */
		{ "always", 0, { 128, false, true, 0 }, { 3, 400, 0 }, { 3, 800, 1 }, true },
		{ "always", 0, { 128, false, true, 99999 }, { 3, 400, 1 }, { 3, 800, 2 }, true },
		{ "always", 0, { 128, false, true, 0 }, { 3, 51200, 9 }, { 3, 51200, 9 }, false },
		{ "always", 0, { 128, true, true, 0 }, { 3, 400, 0 }, { 3, 400, 0 }, false },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct restart_policy p = restart_policy_of(table[i].policy, table[i].max);
		struct restart_history h = table[i].before;

		assert_int_equal(restart_next(&p, &table[i].end, &h), table[i].again);
		assert_int_equal(h.count, table[i].after.count);
		assert_int_equal(h.pause_ms, table[i].after.pause_ms);
		assert_int_equal(h.failures, table[i].after.failures);
	}
}

static void starts_with_everything(void **state)
{
	static const struct {
		const char *policy;
		bool stopped, starts;
	} table[] = {
		{ "no", false, false }, { "on-failure", false, false }, { "always", false, true }, { "always", true, true },
		{ "unless-stopped", false, true }, { "unless-stopped", true, false },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct restart_policy p = restart_policy_of(table[i].policy, 0);

		assert_int_equal(restart_at_boot(&p, table[i].stopped), table[i].starts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(decides), cmocka_unit_test(starts_with_everything) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
