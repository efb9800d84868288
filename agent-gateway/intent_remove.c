/*
 * remove: 204 when the container is in `removing`; 409 while it runs, unless
 * forced: then the run is killed first, and given up if nothing comes of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "agent-gateway/restart.h"
#include "agent-gateway/run.h"
#include "lib/hint.h"
#include "lib/log.h"

#define KILL_GRACE 5
#define KILL_WAIT 10

struct remove_job {
	struct job job;
	struct intent *intent;
};

static int remove_run(struct job *job, void *store, struct err *e)
{
	return store_container_remove(store, ((struct remove_job *)job)->intent->container->id, e);
}

static void remove_done(struct job *job)
{
	struct intent *in = ((struct remove_job *)job)->intent;
	struct container *c = in->container;

	if (job->rc >= 0) {
		c->state = STATE_REMOVING;
		hint_send(c->gw->settings->run_dir, HINT_RECONCILER);
		container_tell(c, NEWS_REMOVED);
		intent_finish(in, 204, NULL);
	} else {
		if (c->state == STATE_RESTARTING)
			restart_schedule(c);
		intent_finish(in, err_status(job->err.kind), job->err.text);
	}
	free(job);
}

void intent_remove_exited(struct intent *in)
{
	struct remove_job *j;

	/* It removed itself. */
	if (in->container->state == STATE_REMOVING) {
		intent_finish(in, 204, NULL);
		return;
	}
	j = calloc(1, sizeof *j);
	if (!j) {
		intent_finish(in, 500, "out of memory");
		return;
	}
	restart_cancel(in->container);
	in->stage = INTENT_ANSWER;
	j->job = (struct job){ .gw = in->container->gw, .run = remove_run, .done = remove_done, .writes = true };
	j->intent = in;
	worker_post(j->job.gw->store, &j->job);
}

static void give_up(struct intent *in)
{
	struct run *r = in->container->run;

	if (!r) {
		intent_remove_exited(in);
		return;
	}
	in->stage = INTENT_EXIT;
	if (r->phase == RUN_STARTED)
		run_finish(r, 137, false, "removed while its agent was out of reach");
	else
		run_start_failed(r, 500, 137, "the container was removed during its start");
}

void intent_remove(struct intent *in)
{
	struct container *c = in->container;
	char text[256];

	if (c->state == STATE_REMOVING) {
		snprintf(text, sizeof text, "removal of container %s is already in progress", c->id);
		intent_finish(in, 409, text);
	} else if (c->state == STATE_RESTARTING && !in->force) {
		snprintf(text, sizeof text,
			 "You cannot remove a restarting container %s. Stop the container before attempting removal or force remove", c->id);
		intent_finish(in, 409, text);
	} else if (!c->run) {
		intent_remove_exited(in);
	} else if (!in->force) {
		snprintf(text, sizeof text,
			 "You cannot remove a %s container %s. %s the container before attempting removal or force remove",
			 c->state == STATE_PAUSED ? "paused" : "running", c->id,
			 c->state == STATE_PAUSED ? "Unpause and then stop" : "Stop");
		intent_finish(in, 409, text);
	} else if (c->run->phase != RUN_STARTED) {
		give_up(in);
	} else if (intent_signal(in, SIGNAL_KILL)) {
		in->stage = INTENT_EXIT;
		intent_timer(in, KILL_WAIT, give_up);
	} else {
		in->stage = INTENT_SIGNAL;
		intent_timer(in, KILL_GRACE, give_up);
	}
}
