#include "agent-gateway/agent/retain.h"

#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"

struct retain_read {
	uint64_t end, time;
};

bool retain_init(struct retain *r)
{
	*r = (struct retain){ .data = malloc(WIRE_RETAIN), .reads = calloc(RETAIN_READS, sizeof *r->reads) };
	return r->data && r->reads;
}

void retain_free(struct retain *r)
{
	free(r->data);
	free(r->reads);
	*r = (struct retain){ 0 };
}

size_t retain_room(const struct retain *r)
{
	return r->count == RETAIN_READS ? 0 : WIRE_RETAIN - (size_t)(r->end - r->start);
}

static struct retain_read *read_at(const struct retain *r, size_t i)
{
	return &r->reads[(r->first + i) % RETAIN_READS];
}

void retain_add(struct retain *r, const void *data, size_t len, uint64_t time)
{
	size_t at = r->end % WIRE_RETAIN, part = WIRE_RETAIN - at < len ? WIRE_RETAIN - at : len;

	memcpy(r->data + at, data, part);
	memcpy(r->data, (const uint8_t *)data + part, len - part);
	r->end += len;
	*read_at(r, r->count++) = (struct retain_read){ .end = r->end, .time = time };
}

bool retain_ack(struct retain *r, uint64_t offset)
{
	if (offset < r->start || offset > r->end)
		return false;
	r->start = offset;
	while (r->count && read_at(r, 0)->end <= offset) {
		r->first = (r->first + 1) % RETAIN_READS;
		r->count--;
	}
	return true;
}

size_t retain_at(const struct retain *r, uint64_t offset, size_t max, const uint8_t **ret_data, uint64_t *ret_time)
{
	size_t low = 0, high = r->count, at = offset % WIRE_RETAIN, len;

	if (offset < r->start || offset >= r->end)
		return 0;
	/* The first read that ends behind the offset. */
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (read_at(r, middle)->end <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	len = (size_t)(read_at(r, low)->end - offset);
	if (len > WIRE_RETAIN - at)
		len = WIRE_RETAIN - at;
	*ret_data = r->data + at;
	*ret_time = read_at(r, low)->time;
	return len < max ? len : max;
}
