/* WebSocket frames: however the bytes are cut, the same messages come out; no message is above its limit. */
#include "tests/fuzz/fuzz.h"

#include "lib/buf.h"
#include "lib/ws.h"

#define MESSAGE_MAX 5000

/* What the parser said: opcode, length and bytes of each message. */
static bool note(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	FUZZ_CHECK(len <= (opcode & 8 ? 125 : MESSAGE_MAX));
	FUZZ_CHECK(opcode != WS_CONTINUATION);
	buf_printf(arg, "%d %zu:", (int)opcode, len);
	buf_append(arg, data, len);
	return true;
}

static bool parse(bool server, struct fuzz_input in, uint8_t cut, struct buf *seen)
{
	struct ws_parser p;
	bool ok = true;

	ws_parser_init(&p, server, MESSAGE_MAX);
	while (ok && in.len) {
		size_t n = fuzz_cut(&cut, in.len);
		char *part;

		part = fuzz_copy(in.data, n);
		ok = ws_parse(&p, (const uint8_t *)part, n, note, seen);
		free(part);
		in.data += n;
		in.len -= n;
	}
	FUZZ_CHECK(p.message.len <= MESSAGE_MAX && p.control.len <= 125);
	ws_parser_free(&p);
	return ok;
}

/* What ws_put_head writes, the parser takes. */
static void check_written(const uint8_t *data, size_t len, bool masked)
{
	static const uint8_t mask[4] = { 0x5a, 0, 0xff, 0x81 };
	struct buf frame = BUF_INIT, seen = BUF_INIT, expected = BUF_INIT;
	uint8_t head[WS_HEAD_MAX];

	if (len > MESSAGE_MAX)
		return;
	buf_append(&frame, head, ws_put_head(head, WS_BINARY, len, masked ? mask : NULL));
	buf_append(&frame, data, len);
	if (masked && len)
		ws_mask((uint8_t *)frame.data + frame.len - len, len, mask, 0);
	note(&expected, WS_BINARY, data, len);
	FUZZ_CHECK(parse(masked, (struct fuzz_input){ (uint8_t *)frame.data, frame.len }, 0, &seen));
	FUZZ_CHECK(seen.len == expected.len && !memcmp(seen.data, expected.data, seen.len));
	buf_free(&frame);
	buf_free(&seen);
	buf_free(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct buf whole = BUF_INIT, parts = BUF_INIT;
	uint8_t how = fuzz_byte(&in);
	bool server = how & 1;

	FUZZ_CHECK(parse(server, in, 0, &whole) == parse(server, in, how | 2, &parts));
	FUZZ_CHECK(whole.len == parts.len && (!whole.len || !memcmp(whole.data, parts.data, whole.len)));
	check_written(in.data, in.len, server);
	buf_free(&whole);
	buf_free(&parts);
	return 0;
}
