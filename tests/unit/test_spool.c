#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent-gateway/log_lines.h"
#include "agent-gateway/spool.h"
#include "agent-gateway/spool_recover.h"
#include "agent-gateway/spool_tail.h"

static char base[] = "/tmp/test_spool.XXXXXX";
static char dir[64];

static int make_dir(void **state)
{
	if (!mkdtemp(base))
		return -1;
	snprintf(dir, sizeof dir, "%s/c", base);
	return 0;
}

static int remove_dir(void **state)
{
	return spool_remove(dir, NULL) < 0 ? -1 : rmdir(base);
}

static int empty(void **state)
{
	return spool_remove(dir, NULL);
}

static struct spool *opened(uint64_t limit)
{
	const struct spool_limits limits = { .total = limit };
	struct spool *s = NULL;

	assert_int_equal(spool_open(&s, dir, &limits, NULL), 0);
	return s;
}

static int append(struct spool *s, uint32_t run, unsigned int channel, uint64_t offset, const char *text)
{
	struct spool_record r = { .run = run, .channel = channel, .offset = offset, .time = 1, .data = (const uint8_t *)text,
				  .len = strlen(text) };

	return spool_append(s, &r, NULL);
}

static void assert_content(struct spool *s, const char *expected)
{
	BUF_CLEANUP struct buf raw = BUF_INIT, text = BUF_INIT;
	struct spool_position p = { 0 };
	size_t at = 0, before;

	do {
		before = raw.len;
		assert_int_equal(spool_read(s, &p, &raw, NULL), 0);
	} while (raw.len > before);
	while (at < raw.len) {
		struct spool_record r;
		long n = spool_record_get((uint8_t *)raw.data + at, raw.len - at, &r);

		assert_true(n > 0);
		buf_append(&text, r.data, r.len);
		at += (size_t)n;
	}
	assert_string_equal(text.data ? text.data : "", expected);
}

static void each_byte_once(void **state)
{
	struct spool *s = opened(1 << 20);
	struct spool_offsets o;

	assert_content(s, "");
	assert_int_equal(append(s, 1, 0, 0, "abc"), 0);
	assert_int_equal(append(s, 1, 0, 0, "abc"), 0);
	assert_int_equal(append(s, 1, 0, 1, "bcde"), 0);
	assert_int_equal(append(s, 1, 0, 9, "x"), -1);
	assert_int_equal(append(s, 1, 1, 0, "ERR"), 0);
	assert_content(s, "abcdeERR");
	assert_int_equal(append(s, 2, 0, 0, "new"), 0);
	assert_int_equal(append(s, 1, 0, 5, "late"), 0);
	spool_offsets(s, &o);
	assert_int_equal(o.run, 2);
	assert_int_equal(o.offset[0], 3);
	assert_int_equal(o.offset[1], 0);
	assert_content(s, "abcdeERRnew");
	spool_close(s);
}

/* Whatever the last bytes are: whole records stay, the rest is cut, and what follows is appended there. */
static void a_torn_tail_is_cut(void **state)
{
	char path[SPOOL_PATH_MAX];

	for (off_t torn = 1; torn < 40; torn++) {
		struct spool *s = opened(1 << 20);
		struct spool_offsets o;
		off_t size;
		int fd;

		assert_int_equal(append(s, 1, 0, 0, "first"), 0);
		assert_int_equal(append(s, 1, 0, 5, "second"), 0);
		spool_close(s);
		spool_path(path, dir, 1);
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		size = lseek(fd, 0, SEEK_END);
		assert_int_equal(ftruncate(fd, size - (torn < 38 ? torn : 38)), 0);
		close(fd);
		s = opened(1 << 20);
		spool_offsets(s, &o);
		assert_int_equal(o.offset[0], 5);
		assert_int_equal(append(s, 1, 0, 5, "again"), 0);
		assert_content(s, "firstagain");
		spool_close(s);
		assert_int_equal(spool_remove(dir, NULL), 0);
	}
}

static void rubbish_at_the_end_is_cut(void **state)
{
	struct spool *s = opened(1 << 20);
	char path[SPOOL_PATH_MAX];
	int fd;

	assert_int_equal(append(s, 1, 0, 0, "first"), 0);
	spool_close(s);
	spool_path(path, dir, 1);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, path, 100), 100);
	close(fd);
	s = opened(1 << 20);
	assert_content(s, "first");
	spool_close(s);
}

static void old_segments_go_but_not_under_a_reader(void **state)
{
	struct spool *s = opened(20u << 16);
	struct spool_position end;
	char *text = malloc(SPOOL_RECORD_MAX + 1);
	uint64_t at = 0;

	assert_non_null(text);
	memset(text, 'x', SPOOL_RECORD_MAX);
	text[SPOOL_RECORD_MAX] = '\0';
	for (int i = 0; i < 35; i++, at += SPOOL_RECORD_MAX)
		assert_int_equal(append(s, 1, 0, at, text), 0);
	free(text);
	spool_end(s, &end);
	assert_int_equal(end.segment, 3);
	spool_trim(s, 1);
	assert_int_equal(access(dir, F_OK), 0);
	spool_trim(s, 2);
	spool_trim(s, 0);
	spool_close(s);
}

static void segments_end_with_a_line(void **state)
{
	const struct spool_limits limits = { .total = 1 << 20, .segment = 1, .files = 2 };
	const size_t line = 1000, lines = 60;
	BUF_CLEANUP struct buf text = BUF_INIT;
	struct spool_position end, p = { 0 };
	BUF_CLEANUP struct buf raw = BUF_INIT;
	struct spool_record r;
	struct spool *s;

	for (size_t i = 0; i < lines; i++)
		buf_printf(&text, "%0*zu\n", (int)line - 1, i);
	assert_false(text.failed);
	assert_int_equal(spool_open(&s, dir, &limits, NULL), 0);
	assert_int_equal(append(s, 1, 0, 0, text.data), 0);
	spool_end(s, &end);
	/* Of four lines or five each: SPOOL_SEGMENT_MIN is the least. */
	assert_in_range(end.segment, lines / 5, lines / 4);
	spool_trim(s, end.segment - 3);
	assert_int_equal(spool_read(s, &p, &raw, NULL), 0);
	assert_int_equal(p.segment, end.segment - 3);
	spool_trim(s, 0);
	p = (struct spool_position){ 0 };
	buf_reset(&raw);
	assert_int_equal(spool_read(s, &p, &raw, NULL), 0);
	assert_int_equal(p.segment, end.segment - 1);
	assert_true(spool_record_get((uint8_t *)raw.data, raw.len, &r) > 0);
	assert_int_equal(r.offset % line, 0);
	assert_int_equal(r.len % line, 0);
	assert_memory_equal(r.data, text.data + r.offset, r.len);
	spool_close(s);
}

#define LINES_MAX 20000

/* Where each line begins in `text`, in the order of logs. */
struct lines {
	struct buf text;
	size_t at[LINES_MAX + 1];
	size_t n;
};

static bool keep_line(void *arg, unsigned int channel, int64_t time, const char *text, size_t len)
{
	struct lines *l = arg;

	assert_true(l->n < LINES_MAX);
	l->at[l->n++] = l->text.len;
	buf_printf(&l->text, "%u:", channel);
	buf_append(&l->text, text, len);
	l->at[l->n] = l->text.len;
	return !l->text.failed;
}

static void read_lines(struct spool *s, struct spool_position p, const bool want[2], struct lines *ret)
{
	struct log_lines lines;
	BUF_CLEANUP struct buf raw = BUF_INIT;
	size_t at;

	buf_reset(&ret->text);
	ret->n = 0;
	log_lines_init(&lines, want[0], want[1]);
	do {
		buf_reset(&raw);
		assert_int_equal(spool_read(s, &p, &raw, NULL), 0);
		for (at = 0; at < raw.len;) {
			struct spool_record r;
			long n = spool_record_get((uint8_t *)raw.data + at, raw.len - at, &r);

			assert_true(n > 0 && log_lines_feed(&lines, &r, keep_line, ret));
			at += (size_t)n;
		}
	} while (raw.len);
	assert_true(log_lines_flush(&lines, keep_line, ret));
	log_lines_free(&lines);
}

/* Runs of which either channel is used, with pieces of lines, some never ended. */
static void fill_by_chance(struct spool *s, unsigned int quiet)
{
	for (uint32_t run = 1; run <= 6; run++) {
		uint64_t offset[2] = { 0 };

		for (int i = rand() % 120; i >= 0; i--) {
			unsigned int channel = rand() % 20 ? quiet : !quiet;
			char text[900];
			size_t len = 1 + (size_t)rand() % (sizeof text - 2), last = rand() % 3 ? len - 1 : len;

			for (size_t at = 0; at < len; at++)
				text[at] = rand() % 200 && at != last ? (char)('a' + rand() % 26) : '\n';
			text[len] = '\0';
			assert_int_equal(append(s, run, channel, offset[channel], text), 0);
			offset[channel] += len;
		}
	}
}

static void the_last_lines_are_found_from_the_end(void **state)
{
	static const bool wants[][2] = { { true, true }, { true, false }, { false, true } };
	static const uint64_t counts[] = { 0, 1, 2, 10, 100, LINES_MAX };
	const struct spool_limits limits = { .total = 1 << 30, .segment = 1 };
	static struct lines all, some;
	int later = 0;

	srand(1);
	for (int round = 0; round < 40; round++) {
		struct spool *s = NULL;

		assert_int_equal(spool_open(&s, dir, &limits, NULL), 0);
		if (round)
			fill_by_chance(s, (unsigned int)round % 2);
		for (size_t w = 0; w < 3; w++) {
			read_lines(s, (struct spool_position){ 0 }, wants[w], &all);
			for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
				struct spool_tail t = { .lines = counts[i], .want = { wants[w][0], wants[w][1] } };
				struct spool_position p;
				size_t n = counts[i] < all.n ? (size_t)counts[i] : all.n;
				int found;

				while (!(found = spool_tail(s, &t, &p, NULL)))
					;
				assert_int_equal(found, 1);
				later += p.segment > 1;
				read_lines(s, p, wants[w], &some);
				assert_true(some.n >= n);
				assert_int_equal(all.text.len - all.at[all.n - n], some.text.len - some.at[some.n - n]);
				if (n)
					assert_memory_equal(all.text.data + all.at[all.n - n], some.text.data + some.at[some.n - n], all.text.len - all.at[all.n - n]);
			}
		}
		spool_close(s);
		assert_int_equal(spool_remove(dir, NULL), 0);
	}
	assert_true(later > 200);
	buf_free(&all.text);
	buf_free(&some.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_byte_once, empty),
		cmocka_unit_test_teardown(a_torn_tail_is_cut, empty),
		cmocka_unit_test_teardown(rubbish_at_the_end_is_cut, empty),
		cmocka_unit_test_teardown(old_segments_go_but_not_under_a_reader, empty),
		cmocka_unit_test_teardown(segments_end_with_a_line, empty),
		cmocka_unit_test_teardown(the_last_lines_are_found_from_the_end, empty),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
