/* Output in pieces as `docker logs` puts it together: no byte is lost, added or moved within its channel. */
#include "tests/fuzz/fuzz.h"

#include "agent-gateway/log_lines.h"

struct seen {
	struct buf channel[SPOOL_CHANNELS];
};

static bool line(void *arg, unsigned int channel, int64_t time, const char *text, size_t len)
{
	struct seen *s = arg;

	FUZZ_CHECK(channel < SPOOL_CHANNELS && len > 0 && len <= LOG_LINE_MAX && time > 0);
	FUZZ_CHECK(!memchr(text, '\n', len - 1));
	buf_append(&s->channel[channel], text, len);
	return true;
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

/* Each record: a byte with channel, run and a shift; a byte with the length before it; the bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct seen seen = { 0 }, given = { 0 };
	struct log_lines l;
	int64_t time = 1;

	log_lines_init(&l, true, true);
	while (in.len > 2) {
		uint8_t how = fuzz_byte(&in);
		size_t len = (size_t)fuzz_byte(&in) << (how >> 5);
		struct spool_record r = { .run = how >> 2 & 1, .channel = how & 1, .time = time++, .data = in.data };

		r.len = len < in.len ? len : in.len;
		if (!r.len)
			continue;
		buf_append(&given.channel[r.channel], r.data, r.len);
		FUZZ_CHECK(log_lines_feed(&l, &r, line, &seen));
		in.data += r.len;
		in.len -= r.len;
	}
	FUZZ_CHECK(log_lines_flush(&l, line, &seen));
	for (int i = 0; i < SPOOL_CHANNELS; i++) {
		FUZZ_CHECK(same(&given.channel[i], &seen.channel[i]));
		buf_free(&given.channel[i]);
		buf_free(&seen.channel[i]);
	}
	log_lines_free(&l);
	return 0;
}
