#include "agent-gateway/cloud_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/run.h"
#include "agent-gateway/table.h"
#include "lib/aws/logs.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#define PAGES_MAX 64       /* of one look; the next goes on */
#define CLOCK_SKEW_MS 60000

static int cloud_log_open(void *arg, void **ret_context, struct err *e)
{
	const struct settings *settings = arg;

	return aws_client_open((struct aws_client **)ret_context, settings->aws_timeout, e);
}

static void cloud_log_close(void *context)
{
	aws_client_close(context);
}

/* At the gateway's end what is queued is left. */
static void cloud_log_batch(void *context, struct job_list *jobs, struct job_list *done)
{
	struct job *j;

	while ((j = STAILQ_FIRST(jobs))) {
		STAILQ_REMOVE_HEAD(jobs, next);
		j->rc = atomic_load(&j->gw->closing) ? err_set(&j->err, ERR_UNAVAILABLE, "ending") : j->run(j, context, &j->err);
		STAILQ_INSERT_TAIL(done, j, next);
	}
}

const struct worker_ops cloud_log_ops = {
	.name = "log", .open = cloud_log_open, .close = cloud_log_close, .batch = cloud_log_batch,
};

struct report_job {
	struct job job;
	char run[RUN_ID_LEN + 1];
	char request_id[RUN_REQUEST_MAX + 1];
	char group[sizeof "/aws/lambda/" + LAMBDA_NAME_MAX];
	char stream[RUN_LOG_STREAM_MAX + 1];
	int64_t start;
	char *token;
	struct lambda_report report;
	cloud_log_done *found;
};

static int look_at(void *arg, const struct logs_event *ev, struct err *e)
{
	struct report_job *j = arg;
	struct lambda_report r;

	lambda_parse_report(ev->message, ev->len, j->request_id, &r);
	if (r.found)
		j->report = r;
	return 0;
}

static int report_run(struct job *job, void *aws, struct err *e)
{
	struct report_job *j = (struct report_job *)job;
	bool end = false;

	for (int page = 0; page < PAGES_MAX && !end && !j->report.found && !atomic_load(&job->gw->closing); page++) {
		struct logs_query q = { .group = j->group, .stream = j->stream, .start = j->start, .token = j->token };
		char *token = NULL;

		if (logs_get_events(aws, &q, look_at, j, &token, &end, e) < 0)
			return -1;
		free(j->token);
		j->token = token;
	}
	return 0;
}

static void report_done(struct job *job)
{
	struct report_job *j = (struct report_job *)job;
	struct run *r = table_find(&job->gw->runs, j->run);

	/* The stream is made with the first lines, some time after they were written. */
	if (job->rc < 0 && job->err.kind != ERR_NOT_FOUND)
		log_warn("run %s: its log can't be read: %s", j->run, job->err.text);
	if (r) {
		free(r->log_token);
		r->log_token = STEAL(j->token);
		r->log_asked = false;
	}
	j->found(job->gw, j->run, &j->report);
	free(j->token);
	free(j);
}

void cloud_log_find_report(struct run *r, cloud_log_done *done)
{
	struct report_job *j;

	if (r->log_asked || !*r->request_id || !*r->log_stream || !(j = calloc(1, sizeof *j)))
		return;
	j->job = (struct job){ .gw = r->gw, .run = report_run, .done = report_done };
	strcpy(j->run, r->id);
	strcpy(j->request_id, r->request_id);
	strcpy(j->stream, r->log_stream);
	snprintf(j->group, sizeof j->group, "/aws/lambda/%s", r->container->function_name);
	j->start = r->invoked_at / 1000000 > CLOCK_SKEW_MS ? r->invoked_at / 1000000 - CLOCK_SKEW_MS : 0;
	j->token = STEAL(r->log_token);
	j->found = done;
	r->log_asked = true;
	worker_post(r->gw->log, &j->job);
}
