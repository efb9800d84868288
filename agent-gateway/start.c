/*
 * The start of a container: row and run prepared, function Active, Invoke
 * committed and sent, the agent's hello, the process started or failed. Each
 * step begins when the one before is durable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/invoke.h"
#include "agent-gateway/restart.h"
#include "agent-gateway/run.h"
#include "agent-gateway/table.h"
#include "lib/docker/exec_error.h"
#include "lib/hint.h"
#include "lib/log.h"
#include "lib/store/container.h"

#define SECOND INT64_C(1000000000)

struct start_job {
	struct job job;
	struct container *container; /* holds a reference */
	struct intent *intent;       /* NULL when only the run matters */
	char run[RUN_ID_LEN + 1];
	uint32_t number;
	struct buf payload;
	int64_t pid;
	int64_t pause;               /* seconds */
	bool stdin_attached;
};

static struct start_job *start_job_new(struct container *c, const char *run, int (*fn)(struct job *, void *, struct err *),
				       void (*done)(struct job *))
{
	struct start_job *j = calloc(1, sizeof *j);

	if (!j)
		return NULL;
	j->job = (struct job){ .gw = c->gw, .run = fn, .done = done, .writes = true };
	j->container = c;
	container_ref(c);
	if (run)
		strcpy(j->run, run);
	return j;
}

static void start_job_free(struct start_job *j)
{
	container_unref(j->container);
	buf_free(&j->payload);
	free(j);
}

static void function_active(struct gateway *gw, const char *run, struct invoke_outcome *o);

static void wait_active(struct run *r)
{
	int64_t left = (r->start_by - gateway_clock()) / SECOND;

	invoke_wait_active(r->gw, r->id, r->container->function_name, left > 0 ? left : 0, function_active);
}

static int prepare_run(struct job *job, void *store, struct err *e)
{
	struct start_job *j = (struct start_job *)job;

	return store_run_prepare(store, j->container->id, j->run, &j->number, e);
}

static void prepare_done(struct job *job)
{
	struct start_job *j = (struct start_job *)job;
	struct container *c = j->container;
	struct run *r = NULL;

	if (job->rc >= 0) {
		c->state = STATE_STARTING;
		c->start_failed = false;
		r = run_new(c, j->run, j->number);
	}
	if (!r) {
		c->starting = false;
		if (j->intent)
			intent_finish(j->intent, job->rc < 0 ? err_status(job->err.kind) : 500, job->rc < 0 ? job->err.text : "out of memory");
		else
			restart_later(c, job->rc < 0 ? job->err.text : "out of memory");
		start_job_free(j);
		return;
	}
	r->intent = j->intent;
	r->start_by = gateway_clock() + (int64_t)r->gw->settings->active_timeout * SECOND;
	start_job_free(j);
	run_find_offsets(r);
	if (r->phase == RUN_PREPARED)
		wait_active(r);
}

void run_start(struct container *c, struct intent *in)
{
	struct start_job *j = start_job_new(c, NULL, prepare_run, prepare_done);

	if (!j) {
		if (in)
			intent_finish(in, 500, "out of memory");
		else
			restart_later(c, "out of memory");
		return;
	}
	if (in)
		in->stage = INTENT_STARTING;
	j->intent = in;
	c->starting = true;
	worker_post(c->gw->store, &j->job);
}

static int invoke_sent_run(struct job *job, void *store, struct err *e)
{
	struct start_job *j = (struct start_job *)job;

	return store_run_invoke_sent(store, j->run, job->gw->settings->agent_callback_url, j->stdin_attached, &j->payload, e);
}

/* The commit is durable: only now may the bytes leave. */
static void invoke_sent_done(struct job *job)
{
	struct start_job *j = (struct start_job *)job;
	struct run *r = table_find(&job->gw->runs, j->run);

	if (r && r->phase == RUN_PREPARED && job->rc < 0) {
		run_start_failed(r, err_status(job->err.kind), 128, job->err.text);
	} else if (r && r->phase == RUN_PREPARED) {
		r->phase = RUN_INVOKED;
		r->invoked_at = time_now();
		run_set_over(r, 0);
		invoke_send(r->gw, r->id, r->container->function_name, &j->payload, r->container->timeout, run_invoked);
		run_wait_hello(r);
	}
	start_job_free(j);
}

static void function_active(struct gateway *gw, const char *run, struct invoke_outcome *o)
{
	struct run *r = table_find(&gw->runs, run);
	struct start_job *j;

	if (!r || r->phase != RUN_PREPARED) {
		free(o);
		return;
	}
	if (!o->answered) {
		run_start_failed(r, 500, 128, o->err.text);
		free(o);
		return;
	}
	free(o);
	j = start_job_new(r->container, r->id, invoke_sent_run, invoke_sent_done);
	if (j) {
		/* Clients that attach from now on tell the row themselves; those before had no row yet. */
		j->stdin_attached = input_attached(&r->container->input);
		worker_post(gw->store, &j->job);
	} else {
		run_start_failed(r, 500, 128, "out of memory");
	}
}

static int unsent_run(struct job *job, void *store, struct err *e)
{
	return store_run_unsent(store, ((struct start_job *)job)->run, e);
}

static void unsent_done(struct job *job)
{
	struct start_job *j = (struct start_job *)job;
	struct run *r = table_find(&job->gw->runs, j->run);

	if (r && r->phase == RUN_PREPARED && job->rc < 0)
		run_start_failed(r, err_status(job->err.kind), 128, job->err.text);
	else if (r && r->phase == RUN_PREPARED)
		run_timer(r, j->pause, wait_active);
	start_job_free(j);
}

bool run_start_again(struct run *r, int64_t seconds)
{
	struct start_job *j;

	if (r->phase != RUN_INVOKED || r->greeted || seconds >= (r->start_by - gateway_clock()) / SECOND)
		return false;
	j = start_job_new(r->container, r->id, unsent_run, unsent_done);
	if (!j)
		return false;
	run_timer_stop(r);
	r->phase = RUN_PREPARED;
	j->pause = seconds;
	worker_post(r->gw->store, &j->job);
	return true;
}

static void no_hello(struct run *r)
{
	char text[1024];

	snprintf(text, sizeof text,
		 "the function was invoked, but no agent called back within %llu s at %s: can the function reach it?%s%s",
		 (unsigned long long)r->gw->settings->agent_timeout, r->gw->settings->agent_callback_url,
		 *r->trouble ? " Invoke failed with: " : "", r->trouble);
	run_start_failed(r, 500, 128, text);
}

void run_wait_hello(struct run *r)
{
	run_timer(r, (int64_t)r->gw->settings->agent_timeout, no_hello);
}

void run_hello(struct run *r, uint64_t stdin_received)
{
	r->greeted = true;
	run_timer_stop(r);
	invoke_release(r->gw, r->id);
	if (!input_resume(&r->container->input, stdin_received)) {
		log_error("run %s: the agent's count of stdin is wrong", r->id);
		agent_drop(r->agent);
		return;
	}
	run_send_spec(r);
}

static int started_run(struct job *job, void *store, struct err *e)
{
	struct start_job *j = (struct start_job *)job;

	return store_run_started(store, j->container->id, j->run, j->pid, e);
}

static void started_done(struct job *job)
{
	struct start_job *j = (struct start_job *)job;
	struct run *r = table_find(&job->gw->runs, j->run);

	if (job->rc < 0) {
		log_error("run %s: started: %s", j->run, job->err.text);
	} else {
		if (j->container->state == STATE_STARTING)
			j->container->state = STATE_RUNNING;
		j->container->restart_at = 0;
		container_tell(j->container, NEWS_STARTED);
	}
	if (r && r->intent) {
		struct intent *in = r->intent;

		r->intent = NULL;
		r->container->starting = false;
		intent_finish(in, 204, NULL);
	} else if (r && job->rc >= 0) {
		r->container->starting = false;
		intents_run(r->container);
	}
	start_job_free(j);
}

void run_process_started(struct run *r, int64_t pid)
{
	struct start_job *j;

	if (r->phase != RUN_INVOKED)
		return; /* told again after a redial */
	r->phase = RUN_STARTED;
	j = start_job_new(r->container, r->id, started_run, started_done);
	if (!j) {
		agent_drop(r->agent);
		return;
	}
	j->pid = pid;
	worker_post(r->gw->store, &j->job);
}

void run_process_failed(struct run *r, const char *step, int error, const char *path, const char *detail)
{
	struct exec_error x;

	if (r->phase != RUN_INVOKED)
		return;
	r->exit_reported = true;
	exec_error(&x, EXEC_ERROR_START, step, error, path, detail);
	run_start_failed(r, x.status, x.code, x.text);
}
