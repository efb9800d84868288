#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/wire.h"

static void parses(void **state)
{
	static const struct {
		uint8_t type, flags, reserved;
		size_t payload;
		bool ok;
	} cases[] = {
		{ WIRE_HELLO, 0, 0, 2, true },
		{ WIRE_HELLO, 0, 0, 1, false },
		{ WIRE_HELLO, 1, 0, 2, false },
		{ WIRE_HELLO, 0, 1, 2, false },
		{ 0, 0, 0, 2, false },
		{ WIRE_TYPES, 0, 0, 2, false },
		{ 255, 0, 0, 2, false },
		{ WIRE_DATA, 0, 0, 1, true },
		{ WIRE_DATA, 2, 0, WIRE_PAYLOAD_MAX, true },
		{ WIRE_DATA, 3, 0, WIRE_PAYLOAD_MAX + WIRE_STAMP, true },
		{ WIRE_DATA, 0, 0, WIRE_PAYLOAD_MAX + WIRE_STAMP + 1, false },
		{ WIRE_DATA, 0, 0, 0, false },
		{ WIRE_DATA, 4, 0, 1, false },
		{ WIRE_ACK, 3, 0, 8, true },
		{ WIRE_ACK, 1, 0, 7, false },
		{ WIRE_ACK, 1, 0, 9, false },
		{ WIRE_WINDOW, 1, 0, 4, true },
		{ WIRE_WINDOW, 1, 0, 8, false },
		{ WIRE_END, 2, 0, 0, true },
		{ WIRE_END, 2, 0, 1, false },
		{ WIRE_OPEN, 0, 0, WIRE_MESSAGE_MAX - WIRE_HEAD, true },
		{ WIRE_OPEN, 0, 0, WIRE_MESSAGE_MAX - WIRE_HEAD + 1, false },
		{ WIRE_PING, WIRE_FLAG_PONG, 0, 64, true },
		{ WIRE_PING, 0, 0, 0, true },
		{ WIRE_PING, 0, 0, 65, false },
		{ WIRE_PING, 1, 0, 0, false },
	};
	uint8_t *data = calloc(1, WIRE_MESSAGE_MAX + 1);

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct wire_message m = { .stream = 99 };
		bool ok;

		wire_put_head(data, (enum wire_type)cases[i].type, cases[i].flags, 0x01020304);
		data[3] = cases[i].reserved;
		ok = wire_parse(data, WIRE_HEAD + cases[i].payload, &m);
		if (ok != cases[i].ok)
			fail_msg("case %zu gave %d", i, ok);
		if (!ok) {
			assert_int_equal(m.stream, 99);
			continue;
		}
		assert_int_equal(m.type, cases[i].type);
		assert_int_equal(m.flags, cases[i].flags);
		assert_int_equal(m.stream, 0x01020304);
		assert_int_equal(m.len, cases[i].payload);
		assert_ptr_equal(m.payload, data + WIRE_HEAD);
	}
	free(data);
}

static void short_messages(void **state)
{
	uint8_t head[WIRE_HEAD];
	struct wire_message m;

	(void)state;
	wire_put_head(head, WIRE_END, 0, 1);
	for (size_t len = 0; len < WIRE_HEAD; len++)
		assert_false(wire_parse(head, len, &m));
	assert_true(wire_parse(head, WIRE_HEAD, &m));
}

static void numbers(void **state)
{
	static const uint64_t values[] = { 0, 1, 0x7f, 0xff, 0x0102030405060708, UINT64_MAX };
	uint8_t at[8];

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		wire_put_u64(at, values[i]);
		assert_true(wire_get_u64(at) == values[i]);
		wire_put_u32(at, (uint32_t)values[i]);
		assert_int_equal(wire_get_u32(at), (uint32_t)values[i]);
	}
	wire_put_u32(at, 0x01020304);
	assert_memory_equal(at, "\x01\x02\x03\x04", 4);
}

/* Every message that passes keeps within its type's bounds and the given bytes. */
static void random_bytes(void **state)
{
	(void)state;
	srand(2);
	for (int round = 0; round < 200000; round++) {
		uint8_t data[80];
		size_t len = (size_t)rand() % sizeof data;
		struct wire_message m;

		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)rand();
		if (len > 3 && round & 1) {
			data[0] &= 0x1f;
			data[1] &= 7;
			data[2] = data[3] = 0;
		}
		if (!wire_parse(data, len, &m))
			continue;
		assert_true(m.type > 0 && m.type < WIRE_TYPES);
		assert_int_equal(m.len, len - WIRE_HEAD);
		assert_string_not_equal(wire_type_name(m.type), "unknown");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(short_messages),
		cmocka_unit_test(numbers),
		cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
