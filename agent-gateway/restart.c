#include "agent-gateway/restart.h"

#include <stdlib.h>
#include <string.h>

#include "agent-gateway/run.h"
#include "agent-gateway/store_restart.h"
#include "lib/docker/restart_policy.h"
#include "lib/log.h"

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct container *c = arg;

	restart_cancel(c);
	if (c->state == STATE_RESTARTING && !c->run && !c->starting)
		run_start(c, NULL);
	container_unref(c);
}

void restart_schedule(struct container *c)
{
	int64_t wait = c->restart_at - time_now();
	struct timeval tv = { .tv_sec = wait / 1000000000, .tv_usec = wait % 1000000000 / 1000 };

	if (wait < 0 || c->restart_at == 0)
		tv = (struct timeval){ 0 };
	if (!c->restart)
		c->restart = evtimer_new(c->gw->base, on_time, c);
	if (!c->restart || evtimer_pending(c->restart, NULL))
		return;
	/* While the timer runs, the container stays. */
	if (evtimer_add(c->restart, &tv) == 0)
		container_ref(c);
}

void restart_later(struct container *c, const char *why)
{
	log_error("container %s can't be started again yet: %s", c->id, why);
	c->restart_at = time_now() + RESTART_PAUSE_MAX * INT64_C(1000000);
	if (c->state == STATE_RESTARTING)
		restart_schedule(c);
}

void restart_cancel(struct container *c)
{
	if (!c->restart || !evtimer_pending(c->restart, NULL))
		return;
	evtimer_del(c->restart);
	container_unref(c);
}

struct end_job {
	struct job job;
	struct intent *intent;
	void (*done)(struct intent *in);
};

static int end_run(struct job *job, void *store, struct err *e)
{
	const struct intent *in = ((struct end_job *)job)->intent;

	return store_restart_end(store, in->container->id, in->verb == INTENT_STOP, e);
}

static void end_done(struct job *job)
{
	struct end_job *j = (struct end_job *)job;
	struct intent *in = j->intent;
	struct container *c = in->container;

	c->starting = false;
	if (job->rc < 0) {
		log_error("container %s: its restarts can't be ended: %s", c->id, job->err.text);
		restart_schedule(c);
		intent_finish(in, err_status(job->err.kind), job->err.text);
	} else {
		c->state = STATE_EXITED;
		container_tell(c, NEWS_EXITED);
		j->done(in);
		intents_run(c);
	}
	free(j);
}

void restart_end(struct intent *in, void (*done)(struct intent *in))
{
	struct end_job *j = calloc(1, sizeof *j);

	if (!j) {
		intent_finish(in, 500, "out of memory");
		return;
	}
	restart_cancel(in->container);
	in->container->starting = true; /* the intents behind it wait */
	j->job = (struct job){ .gw = in->container->gw, .run = end_run, .done = end_done, .writes = true };
	j->intent = in;
	j->done = done;
	worker_post(j->job.gw->store, &j->job);
}

struct recover_job {
	struct job job;
	struct id_list ids;
};

static int recover_run(struct job *job, void *store, struct err *e)
{
	struct recover_job *j = (struct recover_job *)job;

	id_list_free(&j->ids);
	return store_restarts_boot(store, &j->ids, e);
}

static void loaded(void *arg, struct container *c, const struct err *e)
{
	if (!c) {
		log_error("a container can't be started again: %s", e->text);
		return;
	}
	if (c->state == STATE_RESTARTING)
		restart_schedule(c);
	container_unref(c);
}

static void recover_done(struct job *job)
{
	struct recover_job *j = (struct recover_job *)job;

	if (job->rc < 0)
		log_error("restart policies: %s", job->err.text);
	for (size_t i = 0; job->rc >= 0 && i < j->ids.n; i++)
		container_open(job->gw, j->ids.ids[i], loaded, NULL);
	id_list_free(&j->ids);
	free(j);
}

void restarts_recover(struct gateway *gw)
{
	struct recover_job *j = calloc(1, sizeof *j);

	if (!j) {
		log_error("restart policies: out of memory");
		return;
	}
	j->job = (struct job){ .gw = gw, .run = recover_run, .done = recover_done, .writes = true };
	worker_post(gw->store, &j->job);
}
