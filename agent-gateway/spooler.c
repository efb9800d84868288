#include "agent-gateway/spooler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/gateway.h"
#include "agent-gateway/spool_thread.h"
#include "lib/log.h"

struct spooler {
	struct gateway *gw;
	struct spool_handle *handle;  /* used by the spool thread alone */
	struct buf pending;           /* records that wait for the append under way */
	bool appending;
	unsigned int jobs;            /* under way: they point here */
	bool freed, remove;
	spooler_written *written;
	void *written_arg;
	LIST_HEAD(, reader) readers;
	struct event *retry;
};

struct reader {
	LIST_ENTRY(reader) link;
	struct spooler *spooler;
	struct spool_position position, begin;
	struct spool_tail tail;
	reader_chunk *chunk;
	void *arg;
	bool seek_end, seek_tail, busy, freed, absent;
};

static void append_start(struct spooler *s);

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	append_start(arg);
}

struct spooler *spooler_new(struct gateway *gw, const char *container, const struct spool_limits *limits)
{
	struct spooler *s = calloc(1, sizeof *s);
	char dir[SPOOL_DIR_MAX];

	if (!s)
		return NULL;
	s->gw = gw;
	LIST_INIT(&s->readers);
	snprintf(dir, sizeof dir, "%s/spool/%s", gw->settings->state_dir, container);
	s->handle = spool_handle_new(dir, limits);
	s->retry = event_new(gw->base, -1, 0, on_retry, s);
	if (s->handle && s->retry)
		return s;
	spool_handle_free(s->handle);
	if (s->retry)
		event_free(s->retry);
	free(s);
	return NULL;
}

static void close_done(struct job *j)
{
	if (j->rc < 0)
		log_error("spool: %s", j->err.text);
	free(j);
}

static void spooler_release(struct spooler *s)
{
	if (!s->freed || s->jobs)
		return;
	spool_post_close(s->gw, s->handle, s->remove, close_done);
	event_free(s->retry);
	buf_free(&s->pending);
	free(s);
}

void spooler_free(struct spooler *s, bool remove)
{
	if (!s)
		return;
	s->freed = true;
	s->remove = remove;
	s->written = NULL;
	event_del(s->retry);
	spooler_release(s);
}

struct offsets_job {
	struct spool_offsets_job j;
	struct spooler *spooler;
	spooler_opened *opened;
	void *arg;
};

static void offsets_done(struct job *job)
{
	struct offsets_job *j = (struct offsets_job *)job;
	struct spooler *s = j->spooler;

	s->jobs--;
	j->opened(j->arg, &j->j.offsets, job->rc < 0 ? &job->err : NULL);
	spooler_release(s);
	free(j);
}

void spooler_offsets(struct spooler *s, spooler_opened *opened, void *arg)
{
	struct offsets_job *j = calloc(1, sizeof *j);

	if (!j) {
		struct err e;

		err_nomem(&e);
		opened(arg, NULL, &e);
		return;
	}
	j->spooler = s;
	j->opened = opened;
	j->arg = arg;
	s->jobs++;
	spool_post_offsets(s->gw, s->handle, &j->j, offsets_done);
}

struct append_job {
	struct spool_append_job j;
	struct spooler *spooler;
};

/* Put back before what came since, to be tried again: nothing is dropped, and nothing acknowledged. */
static void append_failed(struct spooler *s, struct append_job *j)
{
	struct timeval pause = { .tv_sec = 1 };
	struct buf all = j->j.records;

	log_error("spool: %s", j->j.job.err.text);
	buf_append(&all, s->pending.data, s->pending.len);
	buf_free(&s->pending);
	s->pending = all;
	j->j.records = (struct buf)BUF_INIT;
	event_add(s->retry, &pause);
}

static void append_done(struct job *job)
{
	struct append_job *j = (struct append_job *)job;
	struct spooler *s = j->spooler;
	bool failed = job->rc < 0;

	s->appending = false;
	if (failed)
		append_failed(s, j);
	if (s->written)
		s->written(s->written_arg, &j->j.offsets);
	buf_free(&j->j.records);
	free(j);
	if (!failed)
		append_start(s);
	s->jobs--;
	spooler_release(s);
}

/* The oldest segment that a reader still needs. */
static uint64_t oldest_read(struct spooler *s)
{
	uint64_t oldest = 0;
	struct reader *r;

	LIST_FOREACH(r, &s->readers, link)
		if (!r->freed && (!oldest || r->position.segment < oldest))
			oldest = r->position.segment ? r->position.segment : 1;
	return oldest;
}

static void append_start(struct spooler *s)
{
	struct append_job *j;

	if (s->appending || !s->pending.len)
		return;
	j = calloc(1, sizeof *j);
	if (!j) {
		struct timeval pause = { .tv_sec = 1 };

		event_add(s->retry, &pause);
		return;
	}
	j->spooler = s;
	j->j.records = s->pending;
	j->j.keep = oldest_read(s);
	s->pending = (struct buf)BUF_INIT;
	s->appending = true;
	s->jobs++;
	spool_post_append(s->gw, s->handle, &j->j, append_done);
}

bool spooler_append(struct spooler *s, const struct spool_record *r)
{
	uint8_t head[SPOOL_RECORD];

	if (!buf_reserve(&s->pending, sizeof head + r->len)) {
		s->pending.failed = false;
		return false;
	}
	spool_record_lay(head, r);
	buf_append(&s->pending, head, sizeof head);
	buf_append(&s->pending, r->data, r->len);
	if (!event_pending(s->retry, EV_TIMEOUT, NULL))
		append_start(s);
	return true;
}

void spooler_on_written(struct spooler *s, spooler_written *written, void *arg)
{
	s->written = written;
	s->written_arg = arg;
}

struct reader *reader_new(struct spooler *s, reader_chunk *chunk, void *arg)
{
	struct reader *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->spooler = s;
	r->chunk = chunk;
	r->arg = arg;
	LIST_INSERT_HEAD(&s->readers, r, link);
	return r;
}

void reader_free(struct reader *r)
{
	if (!r || r->freed)
		return;
	r->freed = true;
	LIST_REMOVE(r, link);
	if (!r->busy)
		free(r);
}

struct read_job {
	struct spool_read_job j;
	struct reader *reader;
	struct spooler *spooler;
};

static void read_done(struct job *job)
{
	struct read_job *j = (struct read_job *)job;
	struct reader *r = j->reader;
	struct spooler *s = j->spooler;

	r->busy = false;
	if (r->freed) {
		free(r);
	} else if (r->seek_tail && job->rc >= 0) {
		r->tail = j->j.tail;
		r->seek_tail = !j->j.tail_found;
		if (j->j.tail_found)
			r->position = r->begin = j->j.position;
		reader_next(r);
	} else {
		r->position = j->j.position;
		r->seek_end = false;
		r->absent = j->j.absent;
		r->chunk(r->arg, (uint8_t *)j->j.data.data, j->j.data.len, job->rc < 0 ? &job->err : NULL);
	}
	buf_free(&j->j.data);
	free(j);
	s->jobs--;
	spooler_release(s);
}

void reader_next(struct reader *r)
{
	struct read_job *j;

	if (r->busy)
		return;
	j = calloc(1, sizeof *j);
	if (!j) {
		struct err e;

		err_nomem(&e);
		r->chunk(r->arg, NULL, 0, &e);
		return;
	}
	j->reader = r;
	j->spooler = r->spooler;
	j->j.position = r->position;
	j->j.seek_end = r->seek_end;
	j->j.seek_tail = r->seek_tail;
	j->j.tail = r->tail;
	r->busy = true;
	r->spooler->jobs++;
	spool_post_read(r->spooler->gw, r->spooler->handle, &j->j, read_done);
}

bool reader_busy(const struct reader *r)
{
	return r->busy;
}

void reader_seek_end(struct reader *r)
{
	r->seek_end = true;
}

void reader_seek_tail(struct reader *r, uint64_t lines, bool out, bool err)
{
	r->tail = (struct spool_tail){ .lines = lines, .want = { out, err } };
	r->seek_tail = true;
}

void reader_rewind(struct reader *r)
{
	r->position = r->begin;
	r->seek_end = false;
}

bool reader_absent(const struct reader *r)
{
	return r->absent;
}
