#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/registry/turn.h"

static char path[] = "/tmp/test-turn-XXXXXX";

static struct turn opened(const char *key)
{
	struct turn t = TURN_NONE;
	struct err e;

	assert_int_equal(turn_open(path, key, &t, &e), 0);
	return t;
}

static void one_at_a_time(void **state)
{
	struct turn a = opened("x"), b = opened("x"), other = opened("y");
	struct err e;

	assert_int_equal(turn_try(&a, &e), 1);
	assert_int_equal(turn_try(&b, &e), 0);
	assert_int_equal(turn_try(&other, &e), 1);
	turn_tell(&a, 1234567890123);
	assert_int_equal(turn_progress(&b), 1234567890123);
	assert_int_equal(turn_progress(&other), 0);
	turn_close(&a);
	/* A new turn begins at nothing. */
	assert_int_equal(turn_try(&b, &e), 1);
	assert_int_equal(turn_progress(&b), 0);
	turn_close(&b);
	turn_close(&other);
}

static void given_back_by_the_dead(void **state)
{
	struct turn a = opened("x");
	struct err e;
	pid_t child = fork();

	if (child == 0) {
		struct turn t = opened("x");

		_exit(turn_try(&t, &e) == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &(int){ 0 }, 0), child);
	assert_int_equal(turn_try(&a, &e), 1);
	turn_close(&a);
}

static void nowhere(void **state)
{
	struct turn t = TURN_NONE;
	struct err e;

	assert_true(turn_open("/nosuch/directory/turns", "x", &t, &e) < 0);
	assert_int_equal(t.fd, -1);
	turn_tell(&t, 1);
	turn_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(given_back_by_the_dead),
		cmocka_unit_test(nowhere),
	};
	int fd = mkstemp(path), rc;

	if (fd < 0)
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	close(fd);
	unlink(path);
	return rc;
}
