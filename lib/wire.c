#include "lib/wire.h"

/* Each type's allowed flags and payload lengths. */
static const struct {
	const char *name;
	uint8_t flags;
	size_t min, max;
} types[WIRE_TYPES] = {
	[WIRE_HELLO] = { "hello", 0, 2, WIRE_PAYLOAD_MAX },
	[WIRE_SPEC] = { "spec", 0, 2, WIRE_PAYLOAD_MAX },
	[WIRE_STARTED] = { "started", 0, 2, WIRE_PAYLOAD_MAX },
	[WIRE_FAILED] = { "failed", 0, 2, WIRE_PAYLOAD_MAX },
	[WIRE_OPEN] = { "open", 0, 2, WIRE_MESSAGE_MAX - WIRE_HEAD },
	[WIRE_DATA] = { "data", WIRE_FLAG_CHANNEL, 1, WIRE_PAYLOAD_MAX + WIRE_STAMP },
	[WIRE_ACK] = { "ack", WIRE_FLAG_CHANNEL, 8, 8 },
	[WIRE_WINDOW] = { "window", WIRE_FLAG_CHANNEL, 4, 4 },
	[WIRE_END] = { "end", WIRE_FLAG_CHANNEL, 0, 0 },
	[WIRE_SIGNAL] = { "signal", 0, 2, WIRE_PAYLOAD_MAX },
	[WIRE_RESIZE] = { "resize", 0, 2, WIRE_PAYLOAD_MAX },
	[WIRE_EXIT] = { "exit", 0, 2, WIRE_PAYLOAD_MAX },
	[WIRE_ERROR] = { "error", 0, 2, WIRE_PAYLOAD_MAX },
	[WIRE_HEALTH] = { "health", 0, 2, WIRE_PAYLOAD_MAX },
	[WIRE_STATS] = { "stats", 0, 0, WIRE_PAYLOAD_MAX },
	[WIRE_PAUSE] = { "pause", 0, 2, WIRE_PAYLOAD_MAX },
	[WIRE_PING] = { "ping", WIRE_FLAG_PONG, 0, 64 },
};

void wire_put_u32(uint8_t *at, uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		at[i] = (uint8_t)v;
}

void wire_put_u64(uint8_t *at, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		at[i] = (uint8_t)v;
}

uint32_t wire_get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

uint64_t wire_get_u64(const uint8_t *at)
{
	return (uint64_t)wire_get_u32(at) << 32 | wire_get_u32(at + 4);
}

void wire_put_head(uint8_t head[WIRE_HEAD], enum wire_type type, uint8_t flags, uint32_t stream)
{
	head[0] = (uint8_t)type;
	head[1] = flags;
	head[2] = head[3] = 0;
	wire_put_u32(head + 4, stream);
}

bool wire_parse(const uint8_t *data, size_t len, struct wire_message *ret)
{
	size_t payload = len - WIRE_HEAD;

	if (len < WIRE_HEAD || data[0] == 0 || data[0] >= WIRE_TYPES || data[2] || data[3])
		return false;
	if (data[1] & ~types[data[0]].flags || payload < types[data[0]].min || payload > types[data[0]].max)
		return false;
	*ret = (struct wire_message){ .type = (enum wire_type)data[0], .flags = data[1], .stream = wire_get_u32(data + 4),
				      .payload = data + WIRE_HEAD, .len = payload };
	return true;
}

const char *wire_type_name(enum wire_type type)
{
	return type > 0 && type < WIRE_TYPES ? types[type].name : "unknown";
}
