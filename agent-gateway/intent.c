#include "agent-gateway/intent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/agent.h"
#include "agent-gateway/conn.h"
#include "agent-gateway/reply.h"
#include "agent-gateway/run.h"
#include "agent-gateway/store_event.h"
#include "lib/cleanup.h"
#include "lib/log.h"

static void (*const begin[INTENT_VERBS])(struct intent *) = {
	[INTENT_START] = intent_start, [INTENT_STOP] = intent_stop,     [INTENT_RESTART] = intent_stop,
	[INTENT_KILL] = intent_kill,   [INTENT_REMOVE] = intent_remove, [INTENT_PAUSE] = intent_pause,
	[INTENT_UNPAUSE] = intent_pause,
};

/*
 * A start holds up what comes after it, and so does a restart; a forced
 * removal waits for nobody. Stops and kills that wait hold up nothing.
 */
void intents_run(struct container *c)
{
	struct intent *in;
	bool held;

	container_ref(c);
again:
	held = c->starting;
	TAILQ_FOREACH(in, &c->intents.queue, link) {
		if (in->stage != INTENT_QUEUED) {
			held = held || in->verb == INTENT_RESTART || in->verb == INTENT_START || in->verb == INTENT_PAUSE || in->verb == INTENT_UNPAUSE;
			continue;
		}
		if (held && !(in->verb == INTENT_REMOVE && in->force && c->run))
			continue;
		in->stage = INTENT_ANSWER;
		begin[in->verb](in);
		goto again;
	}
	container_unref(c);
}

void intents_exited(struct container *c)
{
	struct intent *in;

	container_ref(c);
again:
	TAILQ_FOREACH(in, &c->intents.queue, link) {
		if (in->stage != INTENT_EXIT && in->stage != INTENT_SIGNAL && in->stage != INTENT_FREEZE)
			continue;
		in->stage = INTENT_ANSWER;
		if (in->timer)
			event_del(in->timer);
		if (in->verb == INTENT_REMOVE)
			intent_remove_exited(in);
		else if (in->verb == INTENT_PAUSE || in->verb == INTENT_UNPAUSE)
			intent_pause(in);
		else
			intent_stop_exited(in);
		goto again;
	}
	container_unref(c);
}

void intents_agent_here(struct container *c)
{
	struct intent *in;

	container_ref(c);
	intents_pause_again(c);
again:
	TAILQ_FOREACH(in, &c->intents.queue, link) {
		if (in->stage != INTENT_SIGNAL || !c->run || !c->run->agent)
			continue;
		in->stage = INTENT_ANSWER;
		if (in->timer)
			event_del(in->timer);
		begin[in->verb](in);
		goto again;
	}
	container_unref(c);
}

bool intents_stopping(struct container *c)
{
	struct intent *in;

	TAILQ_FOREACH(in, &c->intents.queue, link)
		if ((in->verb == INTENT_STOP || in->verb == INTENT_RESTART) && in->stage != INTENT_QUEUED)
			return true;
	return false;
}

bool intents_ending(struct container *c)
{
	struct intent *in;

	TAILQ_FOREACH(in, &c->intents.queue, link)
		if (in->stage != INTENT_QUEUED && (in->verb == INTENT_STOP || in->verb == INTENT_RESTART || in->verb == INTENT_REMOVE ||
						   (in->verb == INTENT_KILL && in->signal == SIGNAL_KILL)))
			return true;
	return false;
}

bool intents_restarting(struct container *c)
{
	bool restarts = false;
	struct intent *in;

	TAILQ_FOREACH(in, &c->intents.queue, link) {
		if (in->verb == INTENT_REMOVE && in->stage != INTENT_QUEUED)
			return false;
		if (in->verb == INTENT_RESTART && (in->stage == INTENT_EXIT || in->stage == INTENT_SIGNAL))
			restarts = true;
	}
	return restarts;
}

bool intents_removing(struct container *c)
{
	struct intent *in;

	TAILQ_FOREACH(in, &c->intents.queue, link)
		if (in->verb == INTENT_REMOVE && in->stage != INTENT_QUEUED)
			return true;
	return false;
}

struct timer {
	struct intent *intent;
	void (*fn)(struct intent *);
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	t->fn(t->intent);
}

void intent_timer(struct intent *in, int64_t seconds, void (*fn)(struct intent *))
{
	struct timeval tv = { .tv_sec = seconds };
	struct timer *t;

	if (!in->timer) {
		t = calloc(1, sizeof *t);
		in->timer = t ? event_new(in->container->gw->base, -1, 0, on_timer, t) : NULL;
		if (!in->timer) {
			free(t);
			log_error("no memory for a timer");
			return;
		}
		t->intent = in;
	}
	t = event_get_callback_arg(in->timer);
	t->fn = fn;
	event_add(in->timer, &tv);
}

static void intent_free(struct intent *in)
{
	if (in->timer) {
		free(event_get_callback_arg(in->timer));
		event_free(in->timer);
	}
	TAILQ_REMOVE(&in->container->intents.queue, in, link);
	container_unref(in->container);
	free(in);
}

struct finish_job {
	struct job job;
	struct intent *intent;
	int status;
	char *message;
	bool restarted;
};

static int finish_run(struct job *job, void *store, struct err *e)
{
	struct finish_job *j = (struct finish_job *)job;

	if (j->restarted && store_container_event(store, j->intent->container->id, "restart", NULL, e) < 0)
		return -1;
	return store_intent_done(store, j->intent->seq, j->status, j->message, e);
}

void intent_answer(struct conn *conn, int status, const char *message)
{
	if (status >= 400)
		reply_error(conn, status, "%s", message ? message : "");
	else
		reply_empty(conn, status);
}

static void answer_waits(struct container *c, int64_t seq, int status, const char *message)
{
	struct intent_wait *w, *next;

	for (w = LIST_FIRST(&c->intents.waits); w; w = next) {
		next = LIST_NEXT(w, link);
		if (w->seq == seq)
			intent_answer(w->conn, status, message);
	}
}

static void finish_done(struct job *job)
{
	struct finish_job *j = (struct finish_job *)job;
	struct container *c = j->intent->container;

	if (job->rc < 0)
		log_error("intent %lld: %s", (long long)j->intent->seq, job->err.text);
	container_ref(c);
	intent_past_note(c->gw->intents_past, j->intent->seq, j->status, j->message);
	answer_waits(c, j->intent->seq, j->status, j->message);
	intent_free(j->intent);
	intents_run(c);
	container_unref(c);
	free(j->message);
	free(j);
}

/* dockerd's answer to a restart that fails, whatever was the reason. */
static char *cannot_restart(const struct intent *in, const char *message)
{
	char *text;

	return asprintf(&text, "Cannot restart container %s: %s", *in->name ? in->name : in->container->id, message) < 0 ? NULL : text;
}

void intent_finish(struct intent *in, int status, const char *message)
{
	struct finish_job *j = calloc(1, sizeof *j);
	bool failed = in->verb == INTENT_RESTART && message && status != 404;

	in->stage = INTENT_ANSWER;
	if (in->timer)
		event_del(in->timer);
	if (!j) {
		log_error("intent %lld: no memory to answer", (long long)in->seq);
		return;
	}
	j->job = (struct job){ .gw = in->container->gw, .run = finish_run, .done = finish_done, .writes = true };
	j->intent = in;
	j->status = failed ? 500 : status;
	j->message = failed ? cannot_restart(in, message) : message ? strdup(message) : NULL;
	j->restarted = in->verb == INTENT_RESTART && status == 204;
	worker_post(in->container->gw->store, &j->job);
}

struct signal_job {
	struct job job;
	char container[ID_HEX_LEN + 1];
	char number[16];
	int signal;
	int64_t seq;
	bool ends; /* the restart policy, too */
};

static int signal_run(struct job *job, void *store, struct err *e)
{
	struct signal_job *j = (struct signal_job *)job;
	struct event_attribute extra[] = { { "signal", j->number }, { NULL, NULL } };
	int first = store_run(store, QUERY_GATEWAY_INTENT_SIGNAL, e, "iii", (int64_t)j->signal, time_now(), j->seq);

	if (first < 0 || (j->ends && store_run(store, QUERY_GATEWAY_CONTAINER_STOPPED, e, "t", j->container) < 0))
		return -1;
	/* A predecessor of this process told it already. */
	return first ? store_container_event(store, j->container, "kill", extra, e) : 0;
}

static void signal_done(struct job *job)
{
	if (job->rc < 0)
		log_error("event kill: %s", job->err.text);
	free(job);
}

bool intent_signal(struct intent *in, int signal)
{
	struct container *c = in->container;
	struct signal_job *j;
	char text[64];

	if (!c->run || !c->run->agent || !c->run->agent->greeted)
		return false;
	snprintf(text, sizeof text, "{\"signal\":%d,\"seq\":%lld}", signal, (long long)in->seq);
	agent_send_text(c->run->agent, WIRE_SIGNAL, WIRE_MAIN, text);
	intent_wake(c, signal);
	j = calloc(1, sizeof *j);
	if (!j)
		return true;
	j->job = (struct job){ .gw = c->gw, .run = signal_run, .done = signal_done, .writes = true };
	strcpy(j->container, c->id);
	snprintf(j->number, sizeof j->number, "%d", signal);
	j->signal = signal;
	j->seq = in->seq;
	j->ends = intent_signal_ends(c, signal);
	worker_post(c->gw->store, &j->job);
	return true;
}
