/*
 * The end of a run. The agent's report counts; the Invoke's result only if
 * none came. Container, run, event and removal are one commit; only after it
 * the agent is told that its report is safe, and clients that it is over.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/cloud_log.h"
#include "agent-gateway/exec.h"
#include "agent-gateway/invoke.h"
#include "agent-gateway/restart.h"
#include "agent-gateway/run.h"
#include "agent-gateway/table.h"
#include "agent-gateway/task.h"
#include "lib/cleanup.h"
#include "lib/hint.h"
#include "lib/log.h"
#include "lib/store/container.h"

#define SECOND INT64_C(1000000000)
/* The agent is still there after its invocation was answered: so long its report is waited for. */
#define REPORT_WAIT 1800
#define ERROR_MAX 2048
/* Seconds between looks at the log of a function whose end nobody else will tell. */
#define LOG_LOOK_FIRST 2
#define LOG_LOOK_MAX 60

struct end_job {
	struct job job;
	struct run *run;
	int status;        /* of the start that waits, if it failed */
	struct run_after after;
};

static void end_tell(struct container *c, const struct end_job *j)
{
	const struct run_end *end = &j->run->end;

	c->state = j->after.state;
	c->restart_at = j->after.restart_at;
	container_set_ended(c, end->code, end->error, end->failed_start);
	input_reset(&c->input);
	/* Whoever waits for the policy's start waits on. */
	if (!end->failed_start || c->state != STATE_RESTARTING)
		container_tell(c, end->failed_start ? NEWS_START_FAILED : NEWS_EXITED);
	if (c->state == STATE_RESTARTING)
		restart_schedule(c);
	if (c->state == STATE_REMOVING) {
		container_tell(c, NEWS_REMOVED);
		hint_send(c->gw->settings->run_dir, HINT_RECONCILER);
	}
}

static void run_free(struct run *r)
{
	event_free(r->timer);
	free(r->outcome);
	free(r->error);
	free(r->log_token);
	container_unref(r->container);
	free(r);
}

/* The agent's connection stays until it has answered its invocation and goes. */
static void release_agent(struct run *r)
{
	uint8_t at[8] = { 0 };

	if (!r->agent)
		return;
	wire_put_u64(at, r->received[0] + r->received[1]);
	if (r->exit_reported)
		agent_send(r->agent, WIRE_ACK, WIRE_EXIT_CHANNEL, WIRE_MAIN, at, sizeof at);
	else
		agent_drop(r->agent); /* turned away at its redial, it ends its processes */
	r->agent->run = NULL;
	r->agent = NULL;
}

static void end_done(struct job *job)
{
	struct end_job *j = (struct end_job *)job;
	struct run *r = j->run;
	struct container *c = r->container;
	struct intent *start = r->intent;

	if (job->rc < 0) {
		/* Nobody may hear of an end that isn't durable. The agent keeps its report. */
		log_error("run %s: the end can't be committed: %s", r->id, job->err.text);
		job->err = (struct err){ 0 };
		worker_post(job->gw->store, job);
		return;
	}
	release_agent(r);
	exec_run_ended(r);
	task_run_lost(r);
	layer_cut(r);
	table_remove(&r->gw->runs, r);
	c->run = NULL;
	c->starting = false;
	end_tell(c, j);
	if (start)
		intent_finish(start, r->end.failed_start ? j->status : 204, r->end.failed_start ? r->end.error : NULL);
	intents_exited(c);
	intents_run(c);
	run_free(r);
	free(j);
}

static int end_run(struct job *job, void *store, struct err *e)
{
	struct end_job *j = (struct end_job *)job;

	return store_run_end(store, j->run->container->id, j->run->id, &j->run->end, &j->after, e);
}

/* r->end is set. */
static void commit(struct run *r, int status)
{
	struct end_job *j = calloc(1, sizeof *j);

	if (!j) {
		log_error("run %s: no memory to commit its end", r->id);
		return;
	}
	r->phase = RUN_ENDING;
	run_timer_stop(r);
	j->job = (struct job){ .gw = r->gw, .run = end_run, .done = end_done, .writes = true };
	j->run = r;
	j->status = status;
	worker_post(r->gw->store, &j->job);
}

static void set_error(struct run *r, const char *text)
{
	free(r->error);
	r->error = strdup(text);
	r->end.error = r->error ? r->error : "";
}

void run_finish(struct run *r, int code, bool oom, const char *fmt, ...)
{
	char text[ERROR_MAX];
	va_list ap;

	if (r->phase == RUN_ENDING)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	r->end = (struct run_end){ .code = code, .oom = oom, .stopped = intents_stopping(r->container),
				  .restarting = intents_restarting(r->container), .ended = intents_ending(r->container) };
	set_error(r, text);
	commit(r, 204);
}

void run_start_failed(struct run *r, int status, int code, const char *message)
{
	if (r->phase == RUN_ENDING)
		return;
	r->end = (struct run_end){ .code = code, .failed_start = true, .no_program = r->exit_reported, .ended = intents_ending(r->container) };
	set_error(r, message);
	commit(r, status);
}

/* Nobody will see the files of a container that goes with its run. */
static bool outlives(const struct run *r)
{
	return r->gw->settings->layer_limit && (!r->container->auto_remove || intents_restarting(r->container)) && !intents_removing(r->container);
}

void run_exit(struct run *r, const struct run_end *end, const uint64_t offsets[2], bool changed)
{
	if (r->phase == RUN_ENDING || (r->exit_reported && r->save != SAVE_CUT))
		return;
	r->save = changed && outlives(r) ? SAVE_WANTED : SAVE_NOTHING;
	r->exit_reported = true;
	r->end = *end;
	set_error(r, end->error);
	r->exit_offset[0] = offsets[0];
	r->exit_offset[1] = offsets[1];
	run_exit_check(r);
}

static uint64_t missing(const struct run *r, const uint64_t offsets[2])
{
	uint64_t n = 0;

	for (int ch = 0; ch < 2; ch++)
		if (offsets[ch] > r->received[ch])
			n += offsets[ch] - r->received[ch];
	return n;
}

static void finish_by_report(struct run *r)
{
	CLEANUP_FREE char *error = strdup(r->end.error);
	uint64_t lost = missing(r, r->exit_offset);

	if (lost)
		run_finish(r, r->end.code, r->end.oom, "%s%s%llu bytes of output were lost", error ? error : "", error && *error ? "; " : "",
			   (unsigned long long)lost);
	else
		run_finish(r, r->end.code, r->end.oom, "%s", error ? error : "");
}

static void finish_by_outcome(struct run *r)
{
	const struct invoke_outcome *o = r->outcome;
	uint64_t lost = missing(r, o->offsets);
	char bytes[64] = "";
	bool oom = (o->from_log || strstr(o->error_message, "signal: killed")) && o->memory_peak_mb && o->memory_peak_mb >= o->memory_size_mb;

	if (lost)
		snprintf(bytes, sizeof bytes, "; %llu bytes of output were lost", (unsigned long long)lost);
	if (r->phase != RUN_STARTED && !o->has_code) {
		char text[ERROR_MAX];

		snprintf(text, sizeof text, "the function ended before the container's process began: %s%s%s", o->error_type,
			 *o->error_type ? ": " : "", *o->error_message ? o->error_message : "it answered without a word");
		run_start_failed(r, 500, 128, text);
	} else if (o->has_code) {
		run_finish(r, o->code, false, "%s%s", *o->error ? o->error : "the agent couldn't report the end itself", bytes);
	} else {
		run_finish(r, 137, oom, "the function ended without a report of its agent: %s%s%s%s", o->error_type,
			   *o->error_type ? ": " : "", o->error_message, bytes);
	}
}

/* What the run wrote is safe, or it is known that it never will be. */
static bool is_kept(struct run *r)
{
	if (r->save == SAVE_CUT && !r->agent && r->outcome)
		layer_not_kept(r, *r->outcome->error ? r->outcome->error : "the function ended before it was sent");
	else if (r->save == SAVE_WANTED && r->agent)
		layer_save(r);
	return r->save == SAVE_NOTHING;
}

void run_exit_check(struct run *r)
{
	if (r->phase == RUN_ENDING)
		return;
	/* All that was taken in must be safe first. */
	if (r->received[0] > r->safe[0] || r->received[1] > r->safe[1])
		return;
	if (r->exit_reported && is_kept(r))
		finish_by_report(r);
	else if (r->exit_reported)
		return;
	else if (r->outcome && !r->agent)
		finish_by_outcome(r);
}

static void no_report(struct run *r)
{
	if (r->agent)
		agent_drop(r->agent);
}

struct note_job {
	struct job job;
	char run[RUN_ID_LEN + 1];
	char request_id[64];
	int64_t billed_ms, memory_peak_mb;
};

static int note_run(struct job *job, void *store, struct err *e)
{
	struct note_job *j = (struct note_job *)job;

	return store_run(store, QUERY_GATEWAY_RUN_INVOKED, e, "tiit", *j->request_id ? j->request_id : NULL, j->billed_ms,
			 j->memory_peak_mb, j->run) < 0 ? -1 : 0;
}

static void note_done(struct job *job)
{
	if (job->rc < 0)
		log_error("run %s: %s", ((struct note_job *)job)->run, job->err.text);
	free(job);
}

static void note(struct gateway *gw, const char *run, const struct invoke_outcome *o)
{
	struct note_job *j = calloc(1, sizeof *j);

	if (!j)
		return;
	j->job = (struct job){ .gw = gw, .run = note_run, .done = note_done, .writes = true };
	snprintf(j->run, sizeof j->run, "%s", run);
	snprintf(j->request_id, sizeof j->request_id, "%s", o->request_id);
	j->billed_ms = o->billed_ms;
	j->memory_peak_mb = o->memory_peak_mb;
	worker_post(gw->store, &j->job);
}

void run_invoked(struct gateway *gw, const char *run_id, struct invoke_outcome *o)
{
	struct run *r = table_find(&gw->runs, run_id);

	if (o->answered)
		note(gw, run_id, o);
	if (!r || r->phase == RUN_ENDING) {
		free(o);
	} else if (o->answered) {
		free(r->outcome);
		r->outcome = o;
		if (r->agent)
			run_timer(r, REPORT_WAIT, no_report);
		run_exit_check(r);
	} else if (o->refused && o->again && run_start_again(r, o->again)) {
		log_info("run %s: %s", r->id, o->err.text);
		free(o);
	} else if (o->refused) {
		run_start_failed(r, 500, 128, o->err.text);
		free(o);
	} else {
		/* The bytes had left: only the agent can say what became of it. */
		if (!o->let_go) {
			log_warn("run %s: %s", r->id, o->err.text);
			snprintf(r->trouble, sizeof r->trouble, "%.255s", o->err.text);
		}
		r->recovered = true;
		if (!r->agent && (r->phase == RUN_STARTED || r->greeted))
			run_wait_deadline(r);
		free(o);
	}
}

static void deadline_over(struct run *r)
{
	char text[128];

	if (r->agent)
		return;
	snprintf(text, sizeof text, "the agent never came back before the function's timeout of %lld s", (long long)r->container->timeout);
	if (r->exit_reported) {
		layer_not_kept(r, text);
		run_exit_check(r);
	} else if (r->phase == RUN_STARTED)
		run_finish(r, 137, false, "%s", text);
	else
		run_start_failed(r, 500, 128, text);
}

static void report_found(struct gateway *gw, const char *run, const struct lambda_report *report)
{
	struct run *r = table_find(&gw->runs, run);
	struct invoke_outcome *o;

	if (!report->found || !r || r->agent || r->outcome || r->phase == RUN_ENDING || !(o = calloc(1, sizeof *o)))
		return;
	o->answered = o->from_log = true;
	o->failed = *report->status != '\0';
	snprintf(o->error_message, sizeof o->error_message, "its log says that it ended%s%s", o->failed ? " with " : "", report->status);
	snprintf(o->request_id, sizeof o->request_id, "%s", report->request_id);
	o->billed_ms = report->billed_ms;
	o->memory_peak_mb = report->max_memory_mb;
	o->memory_size_mb = report->memory_size_mb;
	run_invoked(gw, run, o);
}

static void await_end(struct run *r);

static void look_for_end(struct run *r)
{
	if (r->agent)
		return;
	cloud_log_find_report(r, report_found);
	r->log_pause = r->log_pause * 2 > LOG_LOOK_MAX ? LOG_LOOK_MAX : r->log_pause * 2;
	await_end(r);
}

static void await_end(struct run *r)
{
	int64_t left = (r->over_by - gateway_clock()) / SECOND;

	if (left > r->log_pause)
		run_timer(r, r->log_pause, look_for_end);
	else
		run_timer(r, left, deadline_over);
}

void run_set_over(struct run *r, int64_t age)
{
	int64_t spare = (int64_t)r->gw->settings->lost_timeout * SECOND;
	int64_t left = r->container->timeout * SECOND - (age > 0 ? age : 0);

	/* An agent that lives has the spare time at least to dial again. */
	r->over_by = gateway_clock() + (left > 0 ? left : 0) + spare;
}

void run_wait_deadline(struct run *r)
{
	if (r->phase == RUN_INVOKED) {
		run_wait_hello(r);
		return;
	}
	r->log_pause = LOG_LOOK_FIRST;
	await_end(r);
}
