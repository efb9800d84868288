/* Takes up the intents that stand in the store and haven't been seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/container.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/store/store.h"

#define TAKE_MAX 256

struct taken {
	int64_t seq;
	char container[ID_HEX_LEN + 1];
	enum intent_verb verb;
	int signal;
	int64_t timeout, signal_at;
	bool force;
	char name[INTENT_NAME_MAX + 1];
};

struct look_job {
	struct job job;
	int64_t after;
	size_t n;
	struct taken taken[TAKE_MAX];
};

static const char *const verbs[INTENT_VERBS] = { "start", "stop", "restart", "kill", "remove", "pause", "unpause" };

static void read_args(struct taken *t, const char *args)
{
	CLEANUP_JSON struct json_object *o = NULL;
	const char *signal;

	t->timeout = 10;
	if (json_parse(args, strlen(args), &o, NULL) < 0)
		return;
	signal = json_str(o, "signal", NULL);
	t->signal = signal ? signal_from_name(signal) : (int)json_int(o, "signal", 0);
	t->timeout = json_int(o, "timeout", 10);
	t->force = json_flag(o, "force", false);
	snprintf(t->name, sizeof t->name, "%s", json_str(o, "name", ""));
}

static int look_run(struct job *job, void *context, struct err *e)
{
	struct look_job *j = (struct look_job *)job;
	struct store *s = context;
	const enum query q = QUERY_GATEWAY_INTENTS;
	int rc = store_query(s, q, e, "i", j->after);

	j->n = 0;
	while (rc >= 0 && j->n < TAKE_MAX && (rc = store_step(s, q, e)) > 0) {
		struct taken *t = &j->taken[j->n];

		t->seq = store_int(s, q, 0);
		snprintf(t->container, sizeof t->container, "%s", store_text(s, q, 1));
		for (t->verb = 0; t->verb < INTENT_VERBS - 1 && strcmp(verbs[t->verb], store_text(s, q, 2)); t->verb++)
			;
		read_args(t, store_text(s, q, 3));
		t->signal_at = store_int(s, q, 4);
		j->n++;
	}
	store_reset(s, q);
	return rc < 0 ? -1 : 0;
}

struct taking {
	struct gateway *gw;
	struct taken taken;
};

struct lost_job {
	struct job job;
	int64_t seq;
	int status;
	char text[256];
};

static int lost_run(struct job *job, void *store, struct err *e)
{
	struct lost_job *j = (struct lost_job *)job;

	return store_run(store, QUERY_GATEWAY_INTENT_DONE, e, "iiti", time_now(), (int64_t)j->status, j->text, j->seq) < 0 ? -1 : 0;
}

static void lost_done(struct job *job)
{
	free(job);
}

/* The container isn't there: nobody waits for it here, but the row gets its answer. */
static void answer_lost(struct gateway *gw, int64_t seq, const struct err *e)
{
	struct lost_job *j = calloc(1, sizeof *j);

	if (!j)
		return;
	j->job = (struct job){ .gw = gw, .run = lost_run, .done = lost_done, .writes = true };
	j->seq = seq;
	j->status = err_status(e->kind);
	snprintf(j->text, sizeof j->text, "%.250s", e->text);
	worker_post(gw->store, &j->job);
}

static void container_loaded(void *arg, struct container *c, const struct err *e)
{
	struct taking *t = arg;
	struct intent *in = c ? calloc(1, sizeof *in) : NULL;

	if (!in) {
		struct err nomem;

		if (c) {
			container_unref(c);
			err_nomem(&nomem);
			e = &nomem;
		}
		answer_lost(t->gw, t->taken.seq, e);
		free(t);
		return;
	}
	in->container = c;
	in->seq = t->taken.seq;
	in->verb = t->taken.verb;
	in->signal = t->taken.signal;
	in->timeout = t->taken.timeout;
	in->signal_at = t->taken.signal_at;
	in->force = t->taken.force;
	strcpy(in->name, t->taken.name);
	TAILQ_INSERT_TAIL(&c->intents.queue, in, link);
	free(t);
	intents_run(c);
}

static void take(struct gateway *gw, const struct taken *taken)
{
	struct taking *t = calloc(1, sizeof *t);
	struct err e;

	if (!t) {
		err_nomem(&e);
		answer_lost(gw, taken->seq, &e);
		return;
	}
	t->gw = gw;
	t->taken = *taken;
	container_open(gw, taken->container, container_loaded, t);
}

static void look_done(struct job *job)
{
	struct look_job *j = (struct look_job *)job;
	struct gateway *gw = job->gw;
	bool again = gw->intents_again || j->n == TAKE_MAX;

	gw->intents_asked = gw->intents_again = false;
	if (job->rc < 0)
		log_error("intents: %s", job->err.text);
	else
		for (size_t i = 0; i < j->n; i++) {
			take(gw, &j->taken[i]);
			gw->last_intent = j->taken[i].seq;
		}
	free(j);
	if (again)
		intents_look(gw);
}

void intents_look(struct gateway *gw)
{
	struct look_job *j;

	if (!gw->recovered)
		return;
	if (gw->intents_asked) {
		gw->intents_again = true;
		return;
	}
	j = calloc(1, sizeof *j);
	if (!j)
		return; /* the next tick looks again */
	j->job = (struct job){ .gw = gw, .run = look_run, .done = look_done };
	j->after = gw->last_intent;
	gw->intents_asked = true;
	worker_post(gw->store, &j->job);
}
