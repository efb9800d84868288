#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/lifecycle.h"

/* Every state with every event: what isn't listed is refused. A row is a state, in the order of enum container_state. */
static void moves(void **state)
{
	enum { X = -1, CREATED = STATE_CREATED, STARTING = STATE_STARTING, RUNNING = STATE_RUNNING, PAUSED = STATE_PAUSED,
	       RESTARTING = STATE_RESTARTING, EXITED = STATE_EXITED, REMOVING = STATE_REMOVING };
	static const int table[STATE_COUNT][EVENT_COUNT] = {
		/*                created  start     started  failed   exited  restart     pause   unpause  remove */
		[STATE_CREATING] = { CREATED, X,        X,       X,       X,      X,          X,      X,       REMOVING },
		[CREATED]        = { X,       STARTING, X,       X,       X,      X,          X,      X,       REMOVING },
		[STARTING]       = { X,       X,        RUNNING, CREATED, EXITED, RESTARTING, X,      X,       REMOVING },
		[RUNNING]        = { X,       X,        X,       X,       EXITED, RESTARTING, PAUSED, X,       REMOVING },
		[PAUSED]         = { X,       X,        X,       X,       EXITED, RESTARTING, X,      RUNNING, REMOVING },
		[RESTARTING]     = { X,       STARTING, X,       X,       EXITED, X,          X,      X,       REMOVING },
		[EXITED]         = { X,       STARTING, X,       X,       X,      RESTARTING, X,      X,       REMOVING },
		[REMOVING]       = { X,       X,        X,       X,       X,      X,          X,      X,       X },
	};

	for (int s = 0; s < STATE_COUNT; s++)
		for (int ev = 0; ev < EVENT_COUNT; ev++)
			assert_int_equal(lifecycle_next((enum container_state)s, (enum container_event)ev), table[s][ev]);
}

static void names(void **state)
{
	for (int s = 0; s < STATE_COUNT; s++)
		assert_int_equal(state_from_name(state_name((enum container_state)s)), s);
	assert_int_equal(state_from_name("dead"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(moves), cmocka_unit_test(names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
