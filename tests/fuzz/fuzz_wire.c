/* Messages between gateway and agent: what is parsed can be written again. */
#include "tests/fuzz/fuzz.h"

#include "lib/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_message m = { 0 };
	uint8_t head[WIRE_HEAD];

	if (!wire_parse(data, size, &m))
		return 0;
	FUZZ_CHECK(m.type > 0 && m.type < WIRE_TYPES && wire_type_name(m.type));
	FUZZ_CHECK(m.payload == data + WIRE_HEAD && m.len == size - WIRE_HEAD && size <= WIRE_MESSAGE_MAX);
	if (m.type == WIRE_ACK)
		(void)wire_get_u64(m.payload);
	if (m.type == WIRE_WINDOW)
		(void)wire_get_u32(m.payload);
	wire_put_head(head, m.type, m.flags, m.stream);
	FUZZ_CHECK(!memcmp(head, data, WIRE_HEAD));
	return 0;
}
