/* zstd layers: the first byte is how many of the rest come at a time. */
#include "tests/fuzz/fuzz.h"

#include "lib/registry/unzstd.h"

#define OUT_MAX (4 << 20)

static int take(void *arg, const void *data, size_t len, struct err *e)
{
	size_t *total = arg;

	FUZZ_CHECK(data && len);
	*total += len;
	return *total > OUT_MAX ? err_set(e, ERR_TOO_LARGE, "enough") : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t step = 1 + fuzz_byte(&in), total = 0;
	struct unzstd *u = NULL;
	struct err e = { 0 };
	int rc;

	FUZZ_CHECK(unzstd_begin(take, &total, &u, &e) == 0);
	do {
		size_t n = step < in.len ? step : in.len;

		rc = unzstd_write(u, in.data, n, &e);
		in.data += n;
		in.len -= n;
	} while (rc == 0 && in.len);
	if (rc == 0)
		rc = unzstd_end(u, &e);
	FUZZ_CHECK(rc == 0 || (e.kind && *e.text));
	unzstd_free(u);
	return 0;
}
