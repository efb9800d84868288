#include "agent-gateway/spool_record.h"

#include <string.h>
#include <zlib.h>

#include "lib/wire.h"

static const char magic[8] = "SKLSPL01";

void spool_head_put(uint8_t at[SPOOL_HEAD], const struct spool_offsets *o)
{
	memcpy(at, magic, sizeof magic);
	wire_put_u32(at + 12, o->run);
	wire_put_u64(at + 16, o->offset[0]);
	wire_put_u64(at + 24, o->offset[1]);
	wire_put_u32(at + 8, (uint32_t)crc32(0, at + 12, SPOOL_HEAD - 12));
}

bool spool_head_get(const uint8_t at[SPOOL_HEAD], struct spool_offsets *ret)
{
	if (memcmp(at, magic, sizeof magic) || wire_get_u32(at + 8) != (uint32_t)crc32(0, at + 12, SPOOL_HEAD - 12))
		return false;
	ret->run = wire_get_u32(at + 12);
	ret->offset[0] = wire_get_u64(at + 16);
	ret->offset[1] = wire_get_u64(at + 24);
	return true;
}

static uint32_t checksum(const uint8_t *at, const uint8_t *data, size_t len)
{
	return (uint32_t)crc32(crc32(0, at + 4, SPOOL_RECORD - 4), data, (uInt)len);
}

void spool_record_lay(uint8_t at[SPOOL_RECORD], const struct spool_record *r)
{
	wire_put_u32(at, 0);
	wire_put_u32(at + 4, (uint32_t)r->len);
	wire_put_u32(at + 8, r->run);
	wire_put_u32(at + 12, r->channel);
	wire_put_u64(at + 16, r->offset);
	wire_put_u64(at + 24, (uint64_t)r->time);
}

void spool_record_put(uint8_t at[SPOOL_RECORD], const struct spool_record *r)
{
	spool_record_lay(at, r);
	wire_put_u32(at, checksum(at, r->data, r->len));
}

long spool_record_peek(const uint8_t *data, size_t len, struct spool_record *ret)
{
	struct spool_record r;

	if (len < SPOOL_RECORD)
		return 0;
	r.len = wire_get_u32(data + 4);
	r.run = wire_get_u32(data + 8);
	r.channel = wire_get_u32(data + 12);
	r.offset = wire_get_u64(data + 16);
	r.time = (int64_t)wire_get_u64(data + 24);
	r.data = data + SPOOL_RECORD;
	if (r.len == 0 || r.len > SPOOL_RECORD_MAX || r.channel >= SPOOL_CHANNELS)
		return -1;
	if (len < SPOOL_RECORD + r.len)
		return 0;
	*ret = r;
	return (long)(SPOOL_RECORD + r.len);
}

long spool_record_get(const uint8_t *data, size_t len, struct spool_record *ret)
{
	struct spool_record r;
	long whole = spool_record_peek(data, len, &r);

	if (whole > 0 && wire_get_u32(data) != checksum(data, r.data, r.len))
		return -1;
	if (whole > 0)
		*ret = r;
	return whole;
}
