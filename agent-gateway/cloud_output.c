#include "agent-gateway/cloud_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/container.h"
#include "agent-gateway/run.h"
#include "agent-gateway/spool_record.h"
#include "lib/aws/lambda.h"
#include "lib/aws/logs.h"
#include "lib/log.h"
#include "lib/store/store.h"

#define RUNS_MAX 32          /* the newest */
#define RECORDS_MAX (8u << 20)
#define PAGES_MAX 256        /* of a run */
#define CLOCK_SKEW_MS 60000

struct logged_run {
	uint32_t number;
	char request_id[RUN_REQUEST_MAX + 1];
	char stream[RUN_LOG_STREAM_MAX + 1];
	int64_t start; /* ms */
};

/* Goes through two threads: the store's for the runs, the log's for their lines. */
struct cloud_output {
	struct job job;
	char container[ID_HEX_LEN + 1];
	char group[sizeof "/aws/lambda/" + LAMBDA_NAME_MAX];
	size_t n;
	struct logged_run runs[RUNS_MAX]; /* the newest first */
	const struct logged_run *run;     /* whose lines are read */
	bool inside, over;                /* its START, its END was seen */
	struct buf records;
	cloud_output_done *done;          /* NULL: forgotten */
	void *arg;
};

static int find_runs(struct job *job, void *store, struct err *e)
{
	const enum query q = QUERY_GATEWAY_RUNS_LOGGED;
	struct cloud_output *o = (struct cloud_output *)job;
	int rc = store_query(store, q, e, "t", o->container);

	o->n = 0;
	while (rc >= 0 && o->n < RUNS_MAX && (rc = store_step(store, q, e)) > 0) {
		struct logged_run *r = &o->runs[o->n++];

		r->number = (uint32_t)store_int(store, q, 0);
		snprintf(r->request_id, sizeof r->request_id, "%s", store_text(store, q, 1));
		snprintf(r->stream, sizeof r->stream, "%s", store_text(store, q, 2));
		r->start = store_int(store, q, 3) / 1000000 - CLOCK_SKEW_MS;
	}
	store_reset(store, q);
	return rc < 0 ? -1 : 0;
}

/* "START RequestId: <ours>", and so on. */
static bool platform_line(const struct cloud_output *o, const struct logs_event *ev, const char *word)
{
	char text[32 + RUN_REQUEST_MAX];
	size_t len = (size_t)snprintf(text, sizeof text, "%s RequestId: %s", word, o->run->request_id);

	return ev->len >= len && !memcmp(ev->message, text, len);
}

static bool agent_line(const struct logs_event *ev)
{
	static const char name[] = "sockerless-agent[";

	return ev->len >= sizeof name - 1 && !memcmp(ev->message, name, sizeof name - 1);
}

static void add_line(struct cloud_output *o, const struct logs_event *ev)
{
	bool ended = ev->len && ev->message[ev->len - 1] == '\n';
	uint8_t head[SPOOL_RECORD];
	BUF_CLEANUP struct buf line = BUF_INIT;
	struct spool_record r = { .run = o->run->number, .time = ev->timestamp * 1000000 };

	buf_append(&line, ev->message, ev->len);
	if (!ended)
		buf_putc(&line, '\n');
	if (line.failed || o->records.len + sizeof head + line.len > RECORDS_MAX)
		return;
	r.data = (const uint8_t *)line.data;
	r.len = line.len;
	spool_record_put(head, &r);
	buf_append(&o->records, head, sizeof head);
	buf_append(&o->records, line.data, line.len);
}

static int take_event(void *arg, const struct logs_event *ev, struct err *e)
{
	struct cloud_output *o = arg;

	if (o->over)
		return 0;
	if (platform_line(o, ev, "START"))
		o->inside = true;
	else if (platform_line(o, ev, "END") || platform_line(o, ev, "REPORT"))
		o->over = true;
	else if (o->inside && !agent_line(ev))
		add_line(o, ev);
	return 0;
}

static int read_run(struct cloud_output *o, struct aws_client *aws, struct err *e)
{
	struct logs_query q = { .group = o->group, .stream = o->run->stream, .start = o->run->start > 0 ? o->run->start : 0 };
	char *token = NULL;
	bool end = false;
	int rc = 0;

	o->inside = o->over = false;
	for (int page = 0; page < PAGES_MAX && !end && !o->over && rc >= 0 && !atomic_load(&o->job.gw->closing); page++) {
		char *next = NULL;

		q.token = token;
		rc = logs_get_events(aws, &q, take_event, o, &next, &end, e);
		if (rc >= 0) {
			free(token);
			token = next;
		}
	}
	free(token);
	return rc;
}

static int read_runs(struct job *job, void *aws, struct err *e)
{
	struct cloud_output *o = (struct cloud_output *)job;

	for (size_t i = o->n; i-- > 0;) {
		o->run = &o->runs[i];
		if (read_run(o, aws, e) < 0 && e->kind != ERR_NOT_FOUND)
			return -1;
	}
	return 0;
}

static void output_read(struct job *job)
{
	struct cloud_output *o = (struct cloud_output *)job;

	if (job->rc < 0)
		log_warn("container %s: its log can't be read: %s", o->container, job->err.text);
	if (o->done)
		o->done(o->arg, &o->records);
	buf_free(&o->records);
	free(o);
}

static void runs_found(struct job *job)
{
	if (job->rc < 0) {
		output_read(job);
		return;
	}
	job->run = read_runs;
	job->done = output_read;
	worker_post(job->gw->log, job);
}

struct cloud_output *cloud_output_read(struct container *c, cloud_output_done *done, void *arg)
{
	struct cloud_output *o = calloc(1, sizeof *o);

	if (!o)
		return NULL;
	o->job = (struct job){ .gw = c->gw, .run = find_runs, .done = runs_found };
	strcpy(o->container, c->id);
	snprintf(o->group, sizeof o->group, "/aws/lambda/%s", c->function_name);
	o->done = done;
	o->arg = arg;
	worker_post(c->gw->store, &o->job);
	return o;
}

void cloud_output_forget(struct cloud_output *o)
{
	if (o)
		o->done = NULL;
}
