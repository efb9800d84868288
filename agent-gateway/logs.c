/*
 * GET /.gateway/http/logs/<container>: the spool's lines, chunked; with
 * follow until the container's run ends. tail needs the number of lines
 * first: then the spool is read twice, from its last segments on if no times are
 * asked for. A spool that is gone is replaced by what CloudWatch has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/cloud_output.h"
#include "agent-gateway/conn.h"
#include "agent-gateway/container.h"
#include "agent-gateway/log_lines.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/route.h"
#include "lib/docker/reply.h"
#include "lib/docker/stream.h"
#include "lib/docker/time.h"
#include "lib/log.h"

#define BACKLOG_HIGH (256 * 1024)

struct logs {
	struct watcher watcher; /* first */
	struct conn *conn;
	struct reader *reader;
	struct log_lines lines;
	struct buf out;         /* a chunk of the reply */
	int64_t since, until;   /* ns; 0: none */
	uint64_t skip;          /* lines before the tail */
	uint64_t counted;
	int64_t tail;           /* -1: all */
	bool counting;
	bool follow, timestamps, tty;
	const char *details;    /* before each line, borrowed from the request; NULL: none are asked for */
	bool more, over;
	struct cloud_output *cloud; /* is being read in place of a spool that is gone */
	struct buf kept;            /* what came of it, as records */
	bool cloud_read, kept_fed;
};

static bool in_range(struct logs *l, int64_t time)
{
	return !(l->since && time < l->since) && !(l->until && time > l->until);
}

static bool count_line(void *arg, unsigned int channel, int64_t time, const char *text, size_t len)
{
	struct logs *l = arg;

	if (in_range(l, time))
		l->counted++;
	return true;
}

static bool send_line(void *arg, unsigned int channel, int64_t time, const char *text, size_t len)
{
	struct logs *l = arg;
	char stamp[TIME_TEXT_MAX + 1] = "";
	uint8_t head[STREAM_HEAD];
	size_t whole = len + (l->details ? strlen(l->details) + 1 : 0);

	if (!in_range(l, time))
		return true;
	if (l->skip) {
		l->skip--;
		return true;
	}
	if (l->timestamps) {
		time_format_fixed(stamp, time);
		strcat(stamp, " ");
		whole += strlen(stamp);
	}
	if (!l->tty) {
		stream_put_head(head, channel ? STREAM_STDERR : STREAM_STDOUT, (uint32_t)whole);
		buf_append(&l->out, head, sizeof head);
	}
	buf_puts(&l->out, stamp);
	if (l->details) {
		buf_puts(&l->out, l->details);
		buf_putc(&l->out, ' ');
	}
	buf_append(&l->out, text, len);
	return !l->out.failed;
}

static void flush_out(struct logs *l)
{
	reply_chunk(l->conn, l->out.data, l->out.len);
	buf_reset(&l->out);
}

static void next_chunk(struct logs *l)
{
	if (l->conn->finishing || l->conn->dead)
		return;
	if (reader_busy(l->reader))
		l->more = true;
	else if (conn_backlog(l->conn) < BACKLOG_HIGH)
		reader_next(l->reader);
}

static void send_head(struct logs *l)
{
	reply_stream(l->conn, !l->tty && conn_api_least(l->conn, 42) ? DOCKER_MULTIPLEXED_STREAM : DOCKER_RAW_STREAM);
}

/* Everything is counted: from the beginning again, without what lies before the tail. */
static void begin_sending(struct logs *l)
{
	l->counting = false;
	send_head(l);
	l->skip = l->counted > (uint64_t)l->tail ? l->counted - (uint64_t)l->tail : 0;
	log_lines_free(&l->lines);
	log_lines_init(&l->lines, l->lines.want[0], l->lines.want[1]);
	l->kept_fed = false;
	reader_rewind(l->reader);
	reader_next(l->reader);
}

/* Nothing more is there for now. */
static void at_end(struct logs *l)
{
	if (l->counting) {
		if (l->over || !l->follow)
			log_lines_flush(&l->lines, count_line, l);
		begin_sending(l);
		return;
	}
	if (l->follow && !l->over)
		return;
	if (l->over)
		log_lines_flush(&l->lines, send_line, l);
	flush_out(l);
	reply_end(l->conn);
}

static void feed(struct logs *l, const uint8_t *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		struct spool_record r;
		long n = spool_record_peek(data + at, len - at, &r);

		if (n <= 0 || !log_lines_feed(&l->lines, &r, l->counting ? count_line : send_line, l))
			break;
		at += (size_t)n;
	}
	flush_out(l);
}

static void cloud_came(void *arg, const struct buf *records)
{
	struct logs *l = arg;

	l->cloud = NULL;
	l->cloud_read = true;
	buf_append(&l->kept, records->data, records->len);
	reader_next(l->reader);
}

/* A run that ended and left no spool here: its function's log is what remains. Of a terminal there is none. */
static bool cloud_asked(struct logs *l)
{
	if (l->cloud)
		return true;
	if (l->cloud_read || l->tty || l->conn->container->state != STATE_EXITED || !reader_absent(l->reader))
		return false;
	l->cloud = cloud_output_read(l->conn->container, cloud_came, l);
	return l->cloud != NULL;
}

static void on_chunk(void *arg, const uint8_t *data, size_t len, const struct err *e)
{
	struct logs *l = arg;
	bool again = l->more;

	if (e) {
		log_error("logs: %s", e->text);
		conn_close(l->conn);
		return;
	}
	l->more = false;
	feed(l, data, len);
	if (!len && l->kept.len && !l->kept_fed) {
		l->kept_fed = true;
		feed(l, (const uint8_t *)l->kept.data, l->kept.len);
	}
	if (l->conn->dead)
		return;
	if (len || again)
		next_chunk(l);
	else if (cloud_asked(l))
		return;
	else
		at_end(l);
}

static void told(struct watcher *w, enum news news)
{
	struct logs *l = (struct logs *)w;

	if (news == NEWS_EXITED || news == NEWS_START_FAILED || news == NEWS_REMOVED)
		l->over = true;
	if (l->follow && !l->counting)
		next_chunk(l);
	else
		l->more = true;
}

static void on_drained(struct conn *c)
{
	struct logs *l = c->state;

	if (!reader_busy(l->reader))
		next_chunk(l);
}

static void on_closed(struct conn *c)
{
	struct logs *l = c->state;

	container_unwatch(c->container, &l->watcher);
	reader_free(l->reader);
	log_lines_free(&l->lines);
	cloud_output_forget(l->cloud);
	buf_free(&l->out);
	buf_free(&l->kept);
	free(l);
}

static const struct conn_ops logs_ops = { .drained = on_drained, .closed = on_closed };

static struct logs *logs_new(struct conn *c)
{
	struct logs *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->reader = reader_new(c->container->spooler, on_chunk, l);
	if (!l->reader) {
		free(l);
		return NULL;
	}
	l->watcher.told = told;
	l->conn = c;
	l->follow = conn_arg_flag(c, "follow");
	l->timestamps = conn_arg_flag(c, "timestamps");
	l->details = conn_arg_flag(c, "details") ? conn_arg(c, "attributes", "") : NULL;
	l->tty = c->container->tty;
	l->since = conn_arg_int(c, "since", 0);
	l->until = conn_arg_int(c, "until", 0);
	l->tail = conn_arg_int(c, "tail", -1);
	l->counting = l->tail >= 0;
	l->over = !c->container->run && !c->container->starting && c->container->state != STATE_CREATED;
	log_lines_init(&l->lines, conn_arg_flag(c, "stdout"), conn_arg_flag(c, "stderr"));
	if (l->counting && !l->since && !l->until)
		reader_seek_tail(l->reader, (uint64_t)l->tail, l->lines.want[0], l->lines.want[1]);
	return l;
}

void logs_handle(struct conn *c)
{
	struct logs *l = logs_new(c);

	if (!l) {
		reply_error(c, 503, "out of memory");
		return;
	}
	container_watch(c->container, &l->watcher);
	conn_take(c, &logs_ops, l);
	/* With a tail the head comes after the count: what is written after the head is new. */
	if (!l->counting)
		send_head(l);
	reader_next(l->reader);
}
