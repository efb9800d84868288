#include "local-lambda/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/ids.h"
#include "lib/log.h"
#include "local-lambda/clock.h"

#define LINE_MAX_BYTES (256u << 10)
#define BATCH 256

int output_open(struct output *o, struct logs *logs, const char *function, struct err *e)
{
	time_t now = time(NULL);
	struct tm tm;
	char day[16], random[33];

	o->logs = logs;
	o->fd = -1;
	pthread_mutex_init(&o->lock, NULL);
	snprintf(o->group_name, sizeof o->group_name, "/aws/lambda/%s", function);
	gmtime_r(&now, &tm);
	strftime(day, sizeof day, "%Y/%m/%d", &tm);
	id_random(random, 16);
	snprintf(o->stream_name, sizeof o->stream_name, "%s/[$LATEST]%s", day, random);
	if (logs_group_create(logs, o->group_name, e) < 0 && e->kind != ERR_CONFLICT)
		return -1;
	if (logs_stream_create(logs, o->group_name, o->stream_name, e) < 0)
		return -1;
	return logs_stream_find(logs, o->group_name, o->stream_name, &o->stream, e);
}

void output_free(struct output *o)
{
	buf_free(&o->line);
	pthread_mutex_destroy(&o->lock);
}

static void keep_tail(struct output *o, const char *text, size_t len)
{
	if (len >= sizeof o->tail) {
		memcpy(o->tail, text + len - sizeof o->tail, sizeof o->tail);
		o->tail_len = sizeof o->tail;
		return;
	}
	if (o->tail_len + len > sizeof o->tail) {
		size_t drop = o->tail_len + len - sizeof o->tail;

		memmove(o->tail, o->tail + drop, o->tail_len - drop);
		o->tail_len -= drop;
	}
	memcpy(o->tail + o->tail_len, text, len);
	o->tail_len += len;
}

static void store(struct output *o, const struct log_line *lines, size_t count)
{
	struct err e = { 0 };

	for (size_t i = 0; i < count; i++)
		keep_tail(o, lines[i].text, lines[i].len);
	/* Someone may delete the group while the function runs: its lines are lost then, as at AWS. */
	if (logs_append(o->logs, o->stream, lines, count, &e) < 0)
		log_debug("%s: %s", o->group_name, e.text);
}

/* Stores the whole lines of o->line, and with `all` what remains. */
static void cut_lines(struct output *o, bool all)
{
	struct log_line lines[BATCH];
	size_t count = 0, from = 0;
	int64_t now = wall_ms();

	while (from < o->line.len) {
		char *start = o->line.data + from;
		size_t left = o->line.len - from;
		char *end = memchr(start, '\n', left);

		if (!end && !all && left < LINE_MAX_BYTES)
			break;
		lines[count] = (struct log_line){ .time_ms = now, .text = start, .len = end ? (size_t)(end - start) + 1 : left };
		from += lines[count].len;
		if (++count == BATCH) {
			store(o, lines, count);
			count = 0;
		}
	}
	store(o, lines, count);
	buf_consume(&o->line, from);
}

/* False at the end of input. */
static bool take(struct output *o)
{
	char chunk[65536];

	for (;;) {
		ssize_t n = o->fd >= 0 ? read(o->fd, chunk, sizeof chunk) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		buf_append(&o->line, chunk, (size_t)n);
		if (o->line.failed)
			buf_reset(&o->line);
		cut_lines(o, false);
	}
}

static void *read_main(void *ctx)
{
	struct output *o = ctx;
	bool more = true;

	while (more) {
		struct pollfd p = { .fd = o->fd, .events = POLLIN };

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			break;
		pthread_mutex_lock(&o->lock);
		more = take(o);
		pthread_mutex_unlock(&o->lock);
	}
	return NULL;
}

int output_attach(struct output *o, int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL), rc;

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	pthread_mutex_lock(&o->lock);
	o->fd = fd;
	pthread_mutex_unlock(&o->lock);
	rc = pthread_create(&o->reader, NULL, read_main, o);
	o->reading = rc == 0;
	return rc ? err_errno(e, rc, "thread") : 0;
}

void output_detach(struct output *o)
{
	if (o->reading)
		pthread_join(o->reader, NULL);
	o->reading = false;
	output_drain(o);
	pthread_mutex_lock(&o->lock);
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	pthread_mutex_unlock(&o->lock);
}

void output_drain(struct output *o)
{
	pthread_mutex_lock(&o->lock);
	take(o);
	cut_lines(o, true);
	pthread_mutex_unlock(&o->lock);
}

void output_platform(struct output *o, const char *fmt, ...)
{
	char text[4096];
	struct log_line line = { .time_ms = wall_ms(), .text = text };
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	line.len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	pthread_mutex_lock(&o->lock);
	store(o, &line, 1);
	pthread_mutex_unlock(&o->lock);
}

void output_tail_reset(struct output *o)
{
	pthread_mutex_lock(&o->lock);
	o->tail_len = 0;
	pthread_mutex_unlock(&o->lock);
}

size_t output_tail(struct output *o, char *ret)
{
	size_t len;

	pthread_mutex_lock(&o->lock);
	len = o->tail_len;
	memcpy(ret, o->tail, len);
	pthread_mutex_unlock(&o->lock);
	return len;
}
