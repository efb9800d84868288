#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/ws.h"

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

/* What came, as text: opcode, ':' and payload for each message, ';' after it. */
static bool note(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	struct buf *seen = arg;

	buf_printf(seen, "%d:", (int)opcode);
	buf_append(seen, data, len);
	buf_putc(seen, ';');
	return true;
}

static void frames(void **state)
{
	const struct {
		bool expect_mask;
		const uint8_t *data;
		size_t len;
		const char *seen;
		bool ok;
	} cases[] = {
		{ false, BYTES(0x82, 2, 'h', 'i'), "2:hi;", true },
		{ false, BYTES(0x82, 0), "2:;", true },
		{ false, BYTES(0x81, 1, 'a', 0x82, 1, 'b'), "1:a;2:b;", true },
		{ false, BYTES(0x02, 1, 'a', 0x00, 1, 'b', 0x80, 1, 'c'), "2:abc;", true },
		{ false, BYTES(0x02, 1, 'a', 0x89, 1, 'p', 0x80, 1, 'c'), "9:p;2:ac;", true },
		{ false, BYTES(0x88, 2, 3, 0xe8 & 0x7f), "8:\x03\x68;", true },
		{ false, BYTES(0x89, 0), "9:;", true },
		{ true, BYTES(0x82, 0x82, 1, 2, 3, 4, 'h' ^ 1, 'i' ^ 2), "2:hi;", true },
		{ true, BYTES(0x82, 0x85, 1, 2, 3, 4, 'h' ^ 1, 'e' ^ 2, 'l' ^ 3, 'l' ^ 4, 'o' ^ 1), "2:hello;", true },
		{ true, BYTES(0x82, 2, 'h', 'i'), "", false },             /* a client must mask */
		{ false, BYTES(0x82, 0x81, 1, 2, 3, 4, 'h'), "", false },  /* a server must not */
		{ false, BYTES(0xc2, 0), "", false },                      /* RSV1 */
		{ false, BYTES(0x83, 0), "", false },                      /* reserved opcode */
		{ false, BYTES(0x8b, 0), "", false },                      /* reserved control opcode */
		{ false, BYTES(0x80, 0), "", false },                      /* continues nothing */
		{ false, BYTES(0x02, 1, 'a', 0x82, 0), "", false },        /* begins within a message */
		{ false, BYTES(0x09, 0), "", false },                      /* a fragmented control frame */
		{ false, BYTES(0x89, 126, 0, 126), "", false },            /* a long control frame */
		{ false, BYTES(0x82, 126, 0, 5), "", false },              /* not the shortest length */
		{ false, BYTES(0x82, 127, 0, 0, 0, 0, 0, 0, 0, 5), "", false },
		{ false, BYTES(0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0), "", false },
		{ false, BYTES(0x82, 126, 3, 0xe9), "", false },           /* 1001 bytes: above the limit */
		{ false, BYTES(0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		/* Whole, and a byte at a time: both see the same. */
		for (int single = 0; single < 2; single++) {
			struct ws_parser p;
			BUF_CLEANUP struct buf seen = BUF_INIT;
			bool ok = true;

			ws_parser_init(&p, cases[i].expect_mask, 1000);
			if (single)
				for (size_t k = 0; ok && k < cases[i].len; k++)
					ok = ws_parse(&p, cases[i].data + k, 1, note, &seen);
			else
				ok = ws_parse(&p, cases[i].data, cases[i].len, note, &seen);
			if (ok != cases[i].ok || strcmp(seen.data ? seen.data : "", cases[i].seen) != 0)
				fail_msg("case %zu, single %d: ok %d, saw %s", i, single, ok, seen.data);
			ws_parser_free(&p);
		}
	}
}

static bool refuse(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	(void)arg;
	(void)opcode;
	(void)data;
	(void)len;
	return false;
}

static void callback_stops(void **state)
{
	struct ws_parser p;

	(void)state;
	ws_parser_init(&p, false, 10);
	assert_false(ws_parse(&p, BYTES(0x82, 1, 'x'), refuse, NULL));
	ws_parser_free(&p);
}

/* The limit holds for the sum of fragments, too. */
static void joined_limit(void **state)
{
	struct ws_parser p;
	BUF_CLEANUP struct buf seen = BUF_INIT;

	(void)state;
	ws_parser_init(&p, false, 3);
	assert_true(ws_parse(&p, BYTES(0x02, 2, 'a', 'b'), note, &seen));
	assert_false(ws_parse(&p, BYTES(0x80, 2, 'c', 'd'), note, &seen));
	ws_parser_free(&p);
}

struct expected {
	const uint8_t *data;
	size_t len;
	int count;
};

static bool compare(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	struct expected *x = arg;

	assert_int_equal(opcode, WS_BINARY);
	assert_int_equal(len, x->len);
	assert_memory_equal(data, x->data, len);
	x->count++;
	return true;
}

static void round_trip(void **state)
{
	static const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536, 100000 };
	static const uint8_t mask[4] = { 0xde, 0xad, 0xbe, 0xef };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
		size_t len = sizes[i / 2], head_len;
		bool masked = i & 1;
		uint8_t head[WS_HEAD_MAX];
		uint8_t *data = malloc(len + 1), *sent = malloc(len + 1);
		struct ws_parser p;
		struct expected x = { .data = data, .len = len };

		assert_non_null(data);
		assert_non_null(sent);
		for (size_t k = 0; k < len; k++)
			data[k] = (uint8_t)(k * 7 + k / 251);
		memcpy(sent, data, len);
		head_len = ws_put_head(head, WS_BINARY, len, masked ? mask : NULL);
		/* Masked in two parts, split where no word ends. */
		if (masked) {
			ws_mask(sent, len / 3, mask, 0);
			ws_mask(sent + len / 3, len - len / 3, mask, len / 3);
		}
		ws_parser_init(&p, masked, 100000);
		assert_true(ws_parse(&p, head, head_len, compare, &x));
		assert_true(ws_parse(&p, sent, len / 2, compare, &x));
		assert_true(ws_parse(&p, sent + len / 2, len - len / 2, compare, &x));
		assert_int_equal(x.count, 1);
		ws_parser_free(&p);
		free(data);
		free(sent);
	}
}

static bool swallow(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	size_t *sum = arg;

	(void)opcode;
	assert_true(len <= 4096);
	for (size_t i = 0; i < len; i++)
		*sum += data[i];
	return true;
}

/* Random bytes, in random parts, with heads that are likely valid: the sanitizers watch. */
static void random_bytes(void **state)
{
	size_t sum = 0;

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		uint8_t data[512];
		struct ws_parser p;
		size_t at = 0;

		for (size_t i = 0; i < sizeof data; i++)
			data[i] = (uint8_t)rand();
		data[0] = (uint8_t)((data[0] & 0x80) | (data[1] % 3));
		data[1] &= (uint8_t)(round & 1 ? 0x3f : 0xff);
		ws_parser_init(&p, round & 2, 4096);
		while (at < sizeof data) {
			size_t part = 1 + (size_t)rand() % (sizeof data - at);

			if (!ws_parse(&p, data + at, part, swallow, &sum))
				break;
			at += part;
		}
		ws_parser_free(&p);
	}
}

static void accept_key(void **state)
{
	char accept[29];

	(void)state;
	ws_accept_key(accept, "dGhlIHNhbXBsZSBub25jZQ==");
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames),
		cmocka_unit_test(callback_stops),
		cmocka_unit_test(joined_limit),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(accept_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
