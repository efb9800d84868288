/*
 * A spool's directory after a crash: its segments, each ended by "\nNEXT\n". What
 * is recovered stays as it is when it is recovered once more, can be read, and
 * takes more output.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#include "agent-gateway/spool.h"
#include "agent-gateway/spool_recover.h"
#include "lib/log.h"

#define SEGMENTS 3
#define LIMIT (1u << 20)

static const char mark[] = "\nNEXT\n";

static void segment_write(const char *dir, uint64_t number, const uint8_t *data, size_t len)
{
	char path[SPOOL_PATH_MAX];
	FILE *f;

	spool_path(path, dir, number);
	f = fopen(path, "we");
	FUZZ_CHECK(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
}

static void segments_write(const char *dir, struct fuzz_input in)
{
	for (uint64_t number = 1; number <= SEGMENTS && (in.len || number == 1); number++) {
		const uint8_t *at = number < SEGMENTS ? memmem(in.data, in.len, mark, sizeof mark - 1) : NULL;
		size_t n = at ? (size_t)(at - in.data) : in.len;

		segment_write(dir, number, in.data, n);
		n += at ? sizeof mark - 1 : 0;
		in.data += n;
		in.len -= n;
	}
}

/* Every record that spool_read gives is whole. */
static size_t records_read(struct spool *s)
{
	struct spool_position at = { 0 };
	struct buf out = BUF_INIT;
	struct err e = { 0 };
	size_t records = 0, before;

	do {
		struct spool_record r;
		long n;

		before = records;
		buf_reset(&out);
		if (spool_read(s, &at, &out, &e) < 0)
			break;
		for (size_t i = 0; i < out.len; i += (size_t)n, records++) {
			n = spool_record_get((const uint8_t *)out.data + i, out.len - i, &r);
			FUZZ_CHECK(n > 0);
		}
	} while (records > before);
	buf_free(&out);
	return records;
}

static void use(const char *dir)
{
	const struct spool_limits limits = { .total = LIMIT };
	struct spool_record r = { .channel = 1, .time = 1, .data = (const uint8_t *)"more", .len = 4 };
	struct spool_offsets offsets, after;
	struct spool *s;
	struct err e = { 0 };

	if (spool_open(&s, dir, &limits, &e) < 0)
		return;
	(void)records_read(s);
	spool_offsets(s, &offsets);
	r.run = offsets.run;
	r.offset = offsets.offset[1];
	if (r.offset <= UINT64_MAX - r.len && spool_append(s, &r, &e) == 0) {
		spool_offsets(s, &after);
		FUZZ_CHECK(after.offset[1] == r.offset + r.len && after.offset[0] == offsets.offset[0]);
	}
	spool_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char dir[] = "/tmp/fuzz_spool.XXXXXX";
	struct spool_recovered first, again;
	struct err e = { 0 };

	setenv("SOCKERLESS_LOG_LEVEL", "error", 1);
	log_init("fuzz_spool");
	FUZZ_CHECK(mkdtemp(dir));
	segments_write(dir, (struct fuzz_input){ data, size });
	if (spool_recover(dir, &first, &e) == 0) {
		FUZZ_CHECK(first.total <= size && first.size <= first.total);
		FUZZ_CHECK(spool_recover(dir, &again, &e) == 0);
		FUZZ_CHECK(!memcmp(&first, &again, sizeof first));
		use(dir);
	}
	FUZZ_CHECK(spool_remove(dir, &e) == 0);
	return 0;
}
