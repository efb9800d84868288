#include "agent-gateway/spool_tail.h"

#include <string.h>

/* How a channel's last output in a segment ends. */
enum ending { NOTHING, NEWLINE, WITHIN_LINE };

static void look_at(const struct spool_record *r, const struct spool_tail *t, uint64_t *lines, enum ending ending[SPOOL_CHANNELS])
{
	const uint8_t *at = r->data, *end = r->data + r->len;

	if (!t->want[r->channel] || !r->len)
		return;
	ending[r->channel] = end[-1] == '\n' ? NEWLINE : WITHIN_LINE;
	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		(*lines)++;
		at++;
	}
}

static int look_through(struct spool *s, const struct spool_tail *t, uint64_t *lines, enum ending ending[SPOOL_CHANNELS], struct err *e)
{
	struct spool_position p = { .segment = t->next };
	BUF_CLEANUP struct buf data = BUF_INIT;

	for (;;) {
		size_t at = 0;

		buf_reset(&data);
		if (spool_read(s, &p, &data, e) < 0)
			return -1;
		if (!data.len || p.segment != t->next)
			return 0;
		while (at < data.len) {
			struct spool_record r;
			long n = spool_record_peek((uint8_t *)data.data + at, data.len - at, &r);

			if (n <= 0)
				break;
			look_at(&r, t, lines, ending);
			at += (size_t)n;
		}
	}
}

/* 1: it will do; 0: an older segment tells. It is given up if a line crosses its beginning. */
static int judge_candidate(struct spool_tail *t, const enum ending ending[SPOOL_CHANNELS])
{
	bool sure = true;

	for (int ch = 0; ch < SPOOL_CHANNELS && t->candidate; ch++) {
		if (t->unsure[ch] && ending[ch] == WITHIN_LINE)
			t->candidate = 0;
		t->unsure[ch] = t->unsure[ch] && ending[ch] == NOTHING;
		sure = sure && !t->unsure[ch];
	}
	return t->candidate && sure;
}

/* A channel that this run hasn't used yet begins a line. */
static int begin_candidate(struct spool *s, struct spool_tail *t, struct err *e)
{
	struct spool_offsets o;
	bool sure = true;

	if (spool_begin(s, t->next, &o, e) < 0)
		return -1;
	t->candidate = t->next;
	for (int ch = 0; ch < SPOOL_CHANNELS; ch++) {
		t->unsure[ch] = t->want[ch] && o.offset[ch] > 0;
		sure = sure && !t->unsure[ch];
	}
	return sure;
}

int spool_tail(struct spool *s, struct spool_tail *t, struct spool_position *ret, struct err *e)
{
	enum ending ending[SPOOL_CHANNELS] = { NOTHING };
	uint64_t first, last, lines = 0;
	int found = 0;

	spool_segments(s, &first, &last);
	if (!t->next)
		t->next = last;
	if (!last || t->next < first) {
		found = 1; /* what went before is gone */
	} else {
		if (look_through(s, t, &lines, ending, e) < 0)
			return -1;
		found = judge_candidate(t, ending);
		t->found += lines;
		if (!t->candidate && t->found >= t->lines)
			found = begin_candidate(s, t, e);
		if (found < 0)
			return -1;
		t->next--;
		found = found || t->next < first;
	}
	*ret = (struct spool_position){ .segment = t->candidate };
	return found;
}
