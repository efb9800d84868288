#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/store/container.h"

static char dir[] = "/tmp/test_store.XXXXXX";

static int make_store(void **state)
{
	struct err e = { 0 };

	if (!mkdtemp(dir) || store_migrate(dir, &e) < 0 || store_open((struct store **)state, dir, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return -1;
	}
	return 0;
}

static int remove_store(void **state)
{
	char command[64];

	store_close(*state);
	snprintf(command, sizeof command, "rm -r %s", dir);
	return system(command);
}

static void migrating_twice_changes_nothing(void **state)
{
	assert_int_equal(store_migrate(dir, NULL), 0);
}

static void every_statement_can_be_prepared(void **state)
{
	struct err e = { 0 };

	for (int q = 0; q < QUERY_COUNT; q++) {
		/* The wrong number of parameters is told only once the statement is prepared. */
		store_query(*state, (enum query)q, &e, "tttttttttttttttttttttttttttttttttttttttttttttttttttttttt");
		if (!strstr(e.text, "parameters"))
			fail_msg("%s", e.text);
	}
}

static void moves_need_a_row(void **state)
{
	struct err e = { 0 };

	assert_int_equal(container_move(*state, "nosuch", EVENT_START, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void a_rolled_back_event_is_gone(void **state)
{
	struct store *s = *state;

	assert_int_equal(store_begin(s, NULL), 0);
	assert_int_equal(store_run(s, QUERY_EVENT_ADD, NULL, "titttt", "local", (int64_t)1, "container", "die", "id", "{}"), 1);
	store_rollback(s);
	assert_int_equal(store_begin(s, NULL), 0);
	assert_int_equal(store_run(s, QUERY_EVENT_ADD, NULL, "titttt", "local", (int64_t)1, "container", "die", "id", "{}"), 1);
	assert_int_equal(store_last_id(s), 1);
	assert_int_equal(store_commit(s, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(migrating_twice_changes_nothing),
		cmocka_unit_test(every_statement_can_be_prepared),
		cmocka_unit_test(moves_need_a_row),
		cmocka_unit_test(a_rolled_back_event_is_gone),
	};

	return cmocka_run_group_tests(tests, make_store, remove_store);
}
