#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "local-lambda/relay.h"
#include "local-lambda/relay_pair.h"

struct fixture {
	struct relay_pair pair;
	int inside, target; /* the far ends */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	int a[2], b[2];

	assert_non_null(f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b), 0);
	f->inside = a[0];
	f->pair.fd[0] = a[1];
	f->pair.fd[1] = b[1];
	f->target = b[0];
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->inside);
	close(f->pair.fd[0]);
	close(f->pair.fd[1]);
	if (f->target >= 0)
		close(f->target);
	free(f);
	return 0;
}

static void half_close_keeps_the_answer(void **state)
{
	struct fixture *f = *state;
	char text[16];

	assert_int_equal(write(f->inside, "ask", 3), 3);
	assert_int_equal(shutdown(f->inside, SHUT_WR), 0);
	assert_true(relay_pair_pump(&f->pair));
	assert_true(relay_pair_pump(&f->pair));
	assert_int_equal(read(f->target, text, sizeof text), 3);
	assert_int_equal(read(f->target, text, sizeof text), 0);
	/* Nothing more to read from inside: only the answer is waited for. */
	assert_int_equal(relay_pair_interest(&f->pair, 0), 0);
	assert_int_equal(relay_pair_interest(&f->pair, 1), EPOLLIN);
	assert_int_equal(write(f->target, "answer", 6), 6);
	assert_int_equal(shutdown(f->target, SHUT_WR), 0);
	assert_true(relay_pair_pump(&f->pair));
	assert_false(relay_pair_pump(&f->pair));
	assert_int_equal(read(f->inside, text, sizeof text), 6);
	assert_int_equal(read(f->inside, text, sizeof text), 0);
}

static void a_stalled_reader_stops_the_writer(void **state)
{
	static char chunk[4096];
	struct fixture *f = *state;
	size_t sent = 0, got = 0;
	ssize_t n;

	for (int quiet = 0; quiet < 3;) {
		n = write(f->inside, chunk, sizeof chunk);
		quiet = n < 0 ? quiet + 1 : 0;
		sent += n > 0 ? (size_t)n : 0;
		assert_true(relay_pair_pump(&f->pair));
	}
	/* Full: it doesn't read on, it waits until it can write. */
	assert_int_equal(relay_pair_interest(&f->pair, 0) & EPOLLIN, 0);
	assert_int_equal(relay_pair_interest(&f->pair, 1) & EPOLLOUT, EPOLLOUT);
	while (got < sent) {
		n = read(f->target, chunk, sizeof chunk);
		got += n > 0 ? (size_t)n : 0;
		assert_true(relay_pair_pump(&f->pair));
	}
	assert_int_equal(got, sent);
}

static void a_reader_that_left_ends_it(void **state)
{
	struct fixture *f = *state;

	close(f->target);
	f->target = -1;
	assert_int_equal(write(f->inside, "x", 1), 1);
	assert_false(relay_pair_pump(&f->pair));
}

static void addresses(void **state)
{
	static const char *const wrong[] = {
		"", "169.254.100.1:9002", "a:1=127.0.0.1:2", "169.254.100.1:0=127.0.0.1:2", "169.254.100.1:9002=127.0.0.1:65536",
		"169.254.100.1:9002=127.0.0.1:", "169.254.100.1:9002=127.0.0.1:1x", "169.254.100.1:9002=[::1]:1",
	};
	struct sockaddr_in inside, target;
	struct err e;

	assert_int_equal(relay_parse("169.254.100.1:9002=127.0.0.1:2377", &inside, &target, &e), 0);
	assert_int_equal(ntohl(inside.sin_addr.s_addr), 0xa9fe6401);
	assert_int_equal(ntohs(inside.sin_port), 9002);
	assert_int_equal(ntohs(target.sin_port), 2377);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_true(relay_parse(wrong[i], &inside, &target, &e) < 0);
		assert_int_equal(e.kind, ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(half_close_keeps_the_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stalled_reader_stops_the_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reader_that_left_ends_it, setup, teardown),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
