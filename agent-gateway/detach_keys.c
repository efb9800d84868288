#include "agent-gateway/detach_keys.h"

#include <event2/buffer.h>
#include <string.h>

#include "lib/ids.h"

void detach_keys_init(struct detach_keys *d, const char *hex)
{
	*d = (struct detach_keys){ .keys = { 16, 17 }, .n = 2 };
	if (hex && *hex && strlen(hex) / 2 <= DETACH_KEYS_MAX && hex_decode(d->keys, strlen(hex) / 2, hex))
		d->n = strlen(hex) / 2;
}

bool detach_keys_filter(struct detach_keys *d, const uint8_t *in, size_t len, uint8_t *out, size_t *ret_len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (d->n && in[i] == d->keys[d->matched]) {
			if (++d->matched == d->n) {
				d->matched = 0;
				*ret_len = n;
				return true;
			}
			continue;
		}
		memcpy(out + n, d->keys, d->matched);
		n += d->matched;
		d->matched = 0;
		if (d->n && in[i] == d->keys[0] && d->n > 1)
			d->matched = 1;
		else
			out[n++] = in[i];
	}
	*ret_len = n;
	return false;
}

bool detach_keys_move(struct detach_keys *d, struct evbuffer *from, struct evbuffer *to)
{
	uint8_t raw[4096], typed[sizeof raw + DETACH_KEYS_MAX];
	bool detached = false;
	int n;

	while (!detached && (n = evbuffer_remove(from, raw, sizeof raw)) > 0) {
		size_t len;

		detached = detach_keys_filter(d, raw, (size_t)n, typed, &len);
		evbuffer_add(to, typed, len);
	}
	return detached;
}
