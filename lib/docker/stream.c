#include "lib/docker/stream.h"

#include <string.h>

void stream_put_head(uint8_t head[STREAM_HEAD], enum stream_kind kind, uint32_t len)
{
	memset(head, 0, STREAM_HEAD);
	head[0] = (uint8_t)kind;
	for (int i = 7; i >= 4; i--, len >>= 8)
		head[i] = (uint8_t)len;
}
