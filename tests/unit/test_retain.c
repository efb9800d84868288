#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-gateway/agent/retain.h"
#include "lib/wire.h"

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 31 + offset / 257);
}

static void add(struct retain *r, size_t len, uint64_t time)
{
	uint8_t *data = malloc(len);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(r->end + i);
	retain_add(r, data, len, time);
	free(data);
}

/* Reads everything from `offset`: each byte is right; returns the end. */
static uint64_t read_all(const struct retain *r, uint64_t offset, size_t max)
{
	const uint8_t *data;
	uint64_t time;
	size_t len;

	while ((len = retain_at(r, offset, max, &data, &time)) > 0) {
		assert_true(len <= max);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(data[i], byte_at(offset + i));
		offset += len;
	}
	return offset;
}

static void keeps_times(void **state)
{
	struct retain r;
	const uint8_t *data;
	uint64_t time;

	(void)state;
	assert_true(retain_init(&r));
	add(&r, 5, 100);
	add(&r, 3, 200);
	assert_int_equal(retain_at(&r, 0, 99, &data, &time), 5);
	assert_int_equal(time, 100);
	assert_int_equal(retain_at(&r, 2, 99, &data, &time), 3);
	assert_int_equal(time, 100);
	assert_int_equal(retain_at(&r, 5, 2, &data, &time), 2);
	assert_int_equal(time, 200);
	assert_int_equal(retain_at(&r, 8, 99, &data, &time), 0);
	assert_true(retain_ack(&r, 6));
	assert_int_equal(retain_at(&r, 5, 99, &data, &time), 0);
	assert_int_equal(retain_at(&r, 6, 99, &data, &time), 2);
	assert_false(retain_ack(&r, 5));
	assert_false(retain_ack(&r, 9));
	retain_free(&r);
}

static void bounds(void **state)
{
	struct retain r;

	(void)state;
	assert_true(retain_init(&r));
	assert_int_equal(retain_room(&r), WIRE_RETAIN);
	add(&r, WIRE_RETAIN, 1);
	assert_int_equal(retain_room(&r), 0);
	assert_true(retain_ack(&r, 100));
	assert_int_equal(retain_room(&r), 100);
	add(&r, 100, 2);
	assert_int_equal(read_all(&r, 100, 65536), WIRE_RETAIN + 100);
	assert_true(retain_ack(&r, r.end));
	for (int i = 0; i < RETAIN_READS; i++)
		add(&r, 1, 3);
	assert_int_equal(retain_room(&r), 0);
	retain_free(&r);
}

static void random_use(void **state)
{
	struct retain r;

	(void)state;
	assert_true(retain_init(&r));
	srand(4);
	for (int i = 0; i < 3000; i++) {
		size_t room = retain_room(&r);

		if (room)
			add(&r, 1 + (size_t)rand() % (room < 70000 ? room : 70000), (uint64_t)i);
		assert_int_equal(read_all(&r, r.start + (uint64_t)rand() % (r.end - r.start + 1), 1 + (size_t)rand() % 70000), r.end);
		if (rand() % 3)
			assert_true(retain_ack(&r, r.start + (uint64_t)rand() % (r.end - r.start + 1)));
	}
	retain_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_times),
		cmocka_unit_test(bounds),
		cmocka_unit_test(random_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
