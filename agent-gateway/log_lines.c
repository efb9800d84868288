#include "agent-gateway/log_lines.h"

#include <string.h>

void log_lines_init(struct log_lines *l, bool out, bool err)
{
	*l = (struct log_lines){ .want = { out, err } };
}

void log_lines_free(struct log_lines *l)
{
	for (int ch = 0; ch < SPOOL_CHANNELS; ch++)
		buf_free(&l->channel[ch].part);
}

static bool flush_one(struct log_lines *l, unsigned int ch, log_line_fn *fn, void *arg)
{
	struct buf *part = &l->channel[ch].part;
	bool go_on = true;

	if (part->len)
		go_on = fn(arg, ch, l->channel[ch].time, part->data, part->len);
	buf_reset(part);
	return go_on;
}

bool log_lines_flush(struct log_lines *l, log_line_fn *fn, void *arg)
{
	return flush_one(l, 0, fn, arg) && flush_one(l, 1, fn, arg);
}

/* Adds a piece of a line; a whole one that came in one piece isn't copied. */
static bool piece(struct log_lines *l, const struct spool_record *r, const char *at, size_t len, bool whole, log_line_fn *fn, void *arg)
{
	struct buf *part = &l->channel[r->channel].part;

	if (whole && !part->len)
		return fn(arg, r->channel, r->time, at, len);
	if (!part->len)
		l->channel[r->channel].time = r->time;
	buf_append(part, at, len);
	if (part->failed)
		return false;
	return whole || part->len >= LOG_LINE_MAX ? flush_one(l, r->channel, fn, arg) : true;
}

bool log_lines_feed(struct log_lines *l, const struct spool_record *r, log_line_fn *fn, void *arg)
{
	const char *at = (const char *)r->data, *end = at + r->len;

	if (r->run != l->run) {
		if (!log_lines_flush(l, fn, arg))
			return false;
		l->run = r->run;
	}
	if (!l->want[r->channel])
		return true;
	while (at < end) {
		size_t room = LOG_LINE_MAX - l->channel[r->channel].part.len;
		size_t len = (size_t)(end - at) < room ? (size_t)(end - at) : room;
		const char *newline = memchr(at, '\n', len);

		if (newline)
			len = (size_t)(newline - at) + 1;
		if (!piece(l, r, at, len, newline != NULL, fn, arg))
			return false;
		at += len;
	}
	return true;
}
