#include "agent-gateway/spool_thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent-gateway/gateway.h"
#include "lib/log.h"

struct spool_handle {
	char *dir;
	struct spool_limits limits;
	struct spool *spool;
};

static int thread_open(void *arg, void **ret_context, struct err *e)
{
	char dir[SPOOL_DIR_MAX];

	snprintf(dir, sizeof dir, "%s/spool", (const char *)arg);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_errno(e, errno, "%s", dir);
	*ret_context = NULL;
	return 0;
}

static void thread_close(void *context)
{
}

const struct worker_ops spool_thread_ops = { .name = "spool", .open = thread_open, .close = thread_close, .batch = jobs_run_each };

struct spool_handle *spool_handle_new(const char *dir, const struct spool_limits *limits)
{
	struct spool_handle *h = calloc(1, sizeof *h);

	if (h && !(h->dir = strdup(dir))) {
		free(h);
		return NULL;
	}
	if (h)
		h->limits = *limits;
	return h;
}

void spool_handle_free(struct spool_handle *h)
{
	if (!h)
		return;
	spool_close(h->spool);
	free(h->dir);
	free(h);
}

static int handle_open(struct spool_handle *h, struct err *e)
{
	return h->spool ? 0 : spool_open(&h->spool, h->dir, &h->limits, e);
}

static void post(struct gateway *gw, struct job *j, int (*run)(struct job *, void *, struct err *), void (*done)(struct job *))
{
	j->gw = gw;
	j->run = run;
	j->done = done;
	worker_post(gw->spool, j);
}

static int run_offsets(struct job *job, void *context, struct err *e)
{
	struct spool_offsets_job *j = (struct spool_offsets_job *)job;

	if (mkdir(j->handle->dir, 0700) < 0 && errno != EEXIST)
		return err_errno(e, errno, "%s", j->handle->dir);
	if (handle_open(j->handle, e) < 0)
		return -1;
	spool_offsets(j->handle->spool, &j->offsets);
	return 0;
}

void spool_post_offsets(struct gateway *gw, struct spool_handle *h, struct spool_offsets_job *j, void (*done)(struct job *))
{
	j->handle = h;
	post(gw, &j->job, run_offsets, done);
}

static int run_append(struct job *job, void *context, struct err *e)
{
	struct spool_append_job *j = (struct spool_append_job *)job;
	size_t at = 0;
	int rc = 0;

	if (handle_open(j->handle, e) < 0)
		return -1;
	while (at < j->records.len && rc >= 0) {
		struct spool_record r;
		long len = spool_record_peek((uint8_t *)j->records.data + at, j->records.len - at, &r);

		if (len <= 0) {
			rc = err_set(e, ERR_INTERNAL, "a record was spoilt on its way");
			break;
		}
		rc = spool_append(j->handle->spool, &r, e);
		at += (size_t)len;
	}
	spool_trim(j->handle->spool, j->keep);
	spool_offsets(j->handle->spool, &j->offsets);
	return rc;
}

void spool_post_append(struct gateway *gw, struct spool_handle *h, struct spool_append_job *j, void (*done)(struct job *))
{
	j->handle = h;
	post(gw, &j->job, run_append, done);
}

static int run_read(struct job *job, void *context, struct err *e)
{
	struct spool_read_job *j = (struct spool_read_job *)job;

	if (handle_open(j->handle, e) < 0)
		return -1;
	if (j->seek_end) {
		spool_end(j->handle->spool, &j->position);
		return 0;
	}
	if (j->seek_tail) {
		int found = spool_tail(j->handle->spool, &j->tail, &j->position, e);

		j->tail_found = found > 0;
		return found < 0 ? -1 : 0;
	}
	if (spool_read(j->handle->spool, &j->position, &j->data, e) < 0)
		return -1;
	j->absent = !j->data.len && access(j->handle->dir, F_OK) < 0 && errno == ENOENT;
	return 0;
}

void spool_post_read(struct gateway *gw, struct spool_handle *h, struct spool_read_job *j, void (*done)(struct job *))
{
	j->handle = h;
	post(gw, &j->job, run_read, done);
}

struct close_job {
	struct job job;
	struct spool_handle *handle;
	bool remove;
};

static int run_close(struct job *job, void *context, struct err *e)
{
	struct close_job *j = (struct close_job *)job;
	int rc = 0;

	spool_close(j->handle->spool);
	j->handle->spool = NULL;
	if (j->remove)
		rc = spool_remove(j->handle->dir, e);
	spool_handle_free(j->handle);
	return rc;
}

void spool_post_close(struct gateway *gw, struct spool_handle *h, bool remove, void (*done)(struct job *))
{
	struct close_job *j = calloc(1, sizeof *j);

	if (!j) {
		/* The thread may still use it: a leak is the lesser evil. */
		log_error("no memory to close a spool");
		return;
	}
	j->handle = h;
	j->remove = remove;
	post(gw, &j->job, run_close, done);
}
