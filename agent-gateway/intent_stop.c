/*
 * stop: the signal, and KILL after the timeout; 204 when the run has ended,
 * 304 if there is none. restart: the same, and then a start. Without an
 * agent nothing can be sent: after a grace time the answer is 204 all the
 * same, and State.Error says how long the function may go on. The timeout
 * runs from the first signal, also when another gateway sent that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/restart.h"
#include "agent-gateway/run.h"
#include "lib/docker/time.h"
#include "lib/log.h"

#define REDIAL_GRACE 10

struct error_job {
	struct job job;
	char container[ID_HEX_LEN + 1];
	char text[256];
};

static int error_run(struct job *job, void *store, struct err *e)
{
	struct error_job *j = (struct error_job *)job;

	return store_run(store, QUERY_GATEWAY_CONTAINER_ERROR, e, "tt", j->text, j->container) < 0 ? -1 : 0;
}

static void error_done(struct job *job)
{
	if (job->rc < 0)
		log_error("State.Error: %s", job->err.text);
	free(job);
}

static void note_unstoppable(struct run *r)
{
	struct error_job *j = calloc(1, sizeof *j);
	char until[TIME_TEXT_MAX];

	if (!j)
		return;
	time_format(until, r->invoked_at + r->container->timeout * 1000000000);
	j->job = (struct job){ .gw = r->gw, .run = error_run, .done = error_done, .writes = true };
	strcpy(j->container, r->container->id);
	snprintf(j->text, sizeof j->text, "the agent is out of reach: the function may go on until %s", until);
	worker_post(r->gw->store, &j->job);
}

static void no_agent(struct intent *in)
{
	struct container *c = in->container;

	if (c->run && c->run->phase != RUN_ENDING)
		note_unstoppable(c->run);
	intent_finish(in, 204, NULL);
}

static void kill_now(struct intent *in)
{
	in->killed = true;
	in->signal = SIGNAL_KILL;
	if (intent_signal(in, SIGNAL_KILL)) {
		in->stage = INTENT_EXIT;
	} else {
		in->stage = INTENT_SIGNAL;
		intent_timer(in, REDIAL_GRACE, no_agent);
	}
}

/*
 * Seconds until KILL. What a predecessor of this process waited counts, by the time of day: a clock that was set back
 * meanwhile adds nothing, one set forward takes from it.
 */
static int64_t time_left(const struct intent *in)
{
	int64_t waited = in->signal_at ? (time_now() - in->signal_at) / 1000000000 : 0;

	if (waited <= 0)
		return in->timeout;
	return waited < in->timeout ? in->timeout - waited : 0;
}

void intent_stop(struct intent *in)
{
	struct container *c = in->container;
	int signal = in->signal ? in->signal : c->stop_signal;

	if (c->state == STATE_REMOVING) {
		intent_finish(in, 404, "No such container");
		return;
	}
	if (c->state == STATE_RESTARTING && !c->run) {
		restart_end(in, intent_stop_exited);
		return;
	}
	if (!c->run) {
		if (in->verb == INTENT_RESTART)
			run_start(c, in);
		else
			intent_finish(in, 304, NULL);
		return;
	}
	if (!intent_signal(in, signal)) {
		in->stage = INTENT_SIGNAL;
		intent_timer(in, REDIAL_GRACE, no_agent);
		return;
	}
	in->stage = INTENT_EXIT;
	if (in->timeout >= 0 && signal != SIGNAL_KILL)
		intent_timer(in, time_left(in), kill_now);
}

void intent_stop_exited(struct intent *in)
{
	if (in->verb == INTENT_RESTART && in->container->state != STATE_REMOVING)
		run_start(in->container, in);
	else
		intent_finish(in, 204, NULL);
}
