/*
 * pause and unpause: 204 when the agent has stopped all processes, or let
 * them go on, and the row says so. The agent may be told twice: after a
 * redial nobody knows what it has heard.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/run.h"
#include "agent-gateway/store_event.h"
#include "agent-gateway/store_health.h"
#include "lib/log.h"
#include "lib/store/container.h"

#define AGENT_GRACE 10

static bool wants_pause(const struct intent *in)
{
	return in->verb == INTENT_PAUSE;
}

struct pause_job {
	struct job job;
	struct container *container; /* holds a reference */
	struct intent *intent;       /* NULL: a signal woke the container */
	bool paused;
};

static int pause_run(struct job *job, void *store, struct err *e)
{
	struct pause_job *j = (struct pause_job *)job;

	if (container_move(store, j->container->id, j->paused ? EVENT_PAUSE : EVENT_UNPAUSE, e) < 0)
		return -1;
	if (j->paused && store_health_end(store, j->container->id, e) < 0)
		return -1;
	return store_container_event(store, j->container->id, j->paused ? "pause" : "unpause", NULL, e);
}

static void pause_done(struct job *job)
{
	struct pause_job *j = (struct pause_job *)job;
	struct container *c = j->container;

	if (job->rc < 0)
		log_error("pause of %s: %s", c->id, job->err.text);
	/* The run may have ended since. */
	else if (container_running(c))
		c->state = j->paused ? STATE_PAUSED : STATE_RUNNING;
	if (j->intent && job->rc < 0)
		intent_finish(j->intent, err_status(job->err.kind), job->err.text);
	else if (j->intent)
		intent_finish(j->intent, 204, NULL);
	container_unref(c);
	free(j);
}

static bool post(struct container *c, struct intent *in, bool paused)
{
	struct pause_job *j = calloc(1, sizeof *j);

	if (!j)
		return false;
	j->job = (struct job){ .gw = c->gw, .run = pause_run, .done = pause_done, .writes = true };
	j->container = c;
	container_ref(c);
	j->intent = in;
	j->paused = paused;
	worker_post(c->gw->store, &j->job);
	return true;
}

static void tell_agent(struct container *c, bool paused)
{
	agent_send_text(c->run->agent, WIRE_PAUSE, WIRE_MAIN, paused ? "{\"paused\":true}" : "{\"paused\":false}");
}

static void no_agent(struct intent *in)
{
	char text[160];

	snprintf(text, sizeof text, "the agent of container %s is out of reach", in->container->id);
	intent_finish(in, 503, text);
}

void intent_pause(struct intent *in)
{
	struct container *c = in->container;
	bool paused = wants_pause(in);
	char text[160];

	if (paused && c->state == STATE_RESTARTING) {
		snprintf(text, sizeof text, "Container %s is restarting, wait until the container is running", c->id);
		intent_finish(in, 409, text);
	} else if (paused && (!c->run || !container_running(c))) {
		snprintf(text, sizeof text, "container %s is not running", c->id);
		intent_finish(in, 409, text);
	} else if (paused && c->state == STATE_PAUSED) {
		snprintf(text, sizeof text, "Container %s is already paused", c->id);
		intent_finish(in, 409, text);
	} else if (!paused && (!c->run || c->state != STATE_PAUSED)) {
		snprintf(text, sizeof text, "Container %s is not paused", c->id);
		intent_finish(in, 500, text);
	} else {
		in->stage = INTENT_FREEZE;
		intent_timer(in, AGENT_GRACE, no_agent);
		if (c->run->agent && c->run->agent->greeted)
			tell_agent(c, paused);
	}
}

void intents_pause_again(struct container *c)
{
	struct intent *in;

	TAILQ_FOREACH(in, &c->intents.queue, link)
		if (in->stage == INTENT_FREEZE && c->run && c->run->agent)
			tell_agent(c, wants_pause(in));
}

void intents_paused(struct container *c, bool paused)
{
	struct intent *in;

	TAILQ_FOREACH(in, &c->intents.queue, link) {
		if (in->stage != INTENT_FREEZE || wants_pause(in) != paused)
			continue;
		in->stage = INTENT_ANSWER;
		if (in->timer)
			event_del(in->timer);
		if (!post(c, in, paused))
			intent_finish(in, 500, "out of memory");
		return;
	}
}

bool intent_signal_ends(const struct container *c, int signal)
{
	return signal == SIGKILL || c->stop_signal == SIGTERM || signal == c->stop_signal;
}

void intent_wake(struct container *c, int signal)
{
	if (c->state != STATE_PAUSED || !intent_signal_ends(c, signal))
		return;
	tell_agent(c, false);
	c->state = STATE_RUNNING;
	if (!post(c, NULL, false))
		log_error("container %s: no memory to note that it goes on", c->id);
}
