/* What a client types at a terminal: the keys in hex, a newline, the input. However it is cut, the same comes out. */
#include "tests/fuzz/fuzz.h"

#include "agent-gateway/detach_keys.h"
#include "lib/buf.h"

static bool filter(const char *keys, struct fuzz_input in, uint8_t cut, struct buf *out)
{
	struct detach_keys d;
	bool detached = false;

	detach_keys_init(&d, keys);
	while (in.len && !detached) {
		size_t n = fuzz_cut(&cut, in.len), len = SIZE_MAX;
		uint8_t *typed = malloc(n + DETACH_KEYS_MAX);

		FUZZ_CHECK(typed && d.n && d.matched < d.n);
		detached = detach_keys_filter(&d, in.data, n, typed, &len);
		FUZZ_CHECK(len <= n + DETACH_KEYS_MAX);
		buf_append(out, typed, len);
		free(typed);
		in.data += n;
		in.len -= n;
	}
	return detached;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint8_t how = fuzz_byte(&in);
	char *keys = fuzz_text(&in, '\n', NULL);
	struct buf whole = BUF_INIT, parts = BUF_INIT;

	FUZZ_CHECK(filter(keys, in, 0, &whole) == filter(keys, in, how | 2, &parts));
	FUZZ_CHECK(whole.len == parts.len && (!whole.len || !memcmp(whole.data, parts.data, whole.len)));
	FUZZ_CHECK(whole.len <= in.len);
	buf_free(&whole);
	buf_free(&parts);
	free(keys);
	return 0;
}
