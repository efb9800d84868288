#include "agent-gateway/container.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-gateway/run.h"
#include "agent-gateway/table.h"
#include "lib/cleanup.h"
#include "lib/docker/log_options.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/store/store.h"

struct load_job {
	struct job job;
	char id[ID_HEX_LEN + 1];
	container_ready *ready;
	void *arg;
	char *tenant, *function_name, *error;
	int state;
	int64_t timeout;
	bool auto_remove, tty, open_stdin, stdin_once;
	int exit_code, stop_signal;
	int64_t restart_at;
	struct spool_limits limits;
};

static int spec_stop_signal(const char *spec)
{
	CLEANUP_JSON struct json_object *o = NULL;

	if (json_parse(spec, strlen(spec), &o, NULL) < 0)
		return SIGTERM;
	return (int)json_int(o, "stop_signal", SIGTERM);
}

/* Files that are larger than a segment are kept by their bytes alone. */
static void read_limits(const struct gateway *gw, const char *log_config, struct spool_limits *ret)
{
	CLEANUP_JSON struct json_object *log = NULL;
	struct log_options o;

	*ret = (struct spool_limits){ .total = gw->settings->log_limit };
	if (json_parse(log_config, strlen(log_config), &log, NULL) < 0 ||
	    log_options_read(json_str(log, "Type", ""), json_obj(log, "Config"), &o, NULL) < 0 || !o.max_size)
		return;
	if ((uint64_t)o.max_size <= SPOOL_SEGMENT)
		*ret = (struct spool_limits){ .total = ret->total, .segment = (uint64_t)o.max_size, .files = (uint64_t)o.max_files };
	else if ((uint64_t)o.max_size < ret->total / (uint64_t)o.max_files)
		ret->total = (uint64_t)(o.max_size * o.max_files);
}

static int load_run(struct job *job, void *context, struct err *e)
{
	struct load_job *j = (struct load_job *)job;
	struct store *s = context;
	const enum query q = QUERY_GATEWAY_CONTAINER;
	int found = store_row(s, q, e, "t", j->id);

	if (found <= 0)
		return found ? -1 : err_set(e, ERR_NOT_FOUND, "No such container: %s", j->id);
	j->tenant = strdup(store_text(s, q, 0));
	j->function_name = strdup(store_text(s, q, 1));
	j->state = state_from_name(store_text(s, q, 2));
	j->timeout = store_int(s, q, 3);
	j->auto_remove = store_int(s, q, 4);
	j->tty = store_int(s, q, 5);
	j->open_stdin = store_int(s, q, 6);
	j->stdin_once = store_int(s, q, 7);
	j->exit_code = (int)store_int(s, q, 8);
	j->error = strdup(store_text(s, q, 9));
	j->stop_signal = spec_stop_signal(store_text(s, q, 10));
	j->restart_at = store_int(s, q, 11);
	read_limits(job->gw, store_text(s, q, 12), &j->limits);
	store_reset(s, q);
	if (j->state < 0)
		return err_set(e, ERR_INTERNAL, "container %s is in no known state", j->id);
	return j->tenant && j->function_name && j->error ? 0 : err_nomem(e);
}

static struct container *container_new(struct gateway *gw, const char *id, const struct spool_limits *limits)
{
	struct container *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	strcpy(c->id, id);
	c->gw = gw;
	TAILQ_INIT(&c->watchers);
	TAILQ_INIT(&c->intents.queue);
	LIST_INIT(&c->intents.waits);
	c->spooler = spooler_new(gw, id, limits);
	if (!c->spooler || !input_init(&c->input, true) || !table_add(&gw->containers, c)) {
		spooler_free(c->spooler, false);
		input_free(&c->input);
		free(c);
		return NULL;
	}
	return c;
}

static void container_free(void *arg)
{
	struct container *c = arg;

	/* Somebody came in the meantime? */
	c->going = false;
	if (c->refs)
		return;
	table_remove(&c->gw->containers, c);
	spooler_free(c->spooler, c->state == STATE_REMOVING);
	if (c->state == STATE_REMOVING)
		layer_remove(c);
	input_free(&c->input);
	if (c->restart)
		event_free(c->restart);
	free(c->tenant);
	free(c->function_name);
	free(c->error);
	free(c);
}

/* What the row says, unless this process is about to change it. */
static void refresh(struct container *c, struct load_job *j)
{
	if (c->tenant && (c->run || c->starting))
		return;
	free(c->tenant);
	free(c->function_name);
	free(c->error);
	c->tenant = STEAL(j->tenant);
	c->function_name = STEAL(j->function_name);
	c->error = STEAL(j->error);
	c->state = (enum container_state)j->state;
	c->start_failed = c->state == STATE_CREATED && *c->error;
	c->timeout = j->timeout;
	c->auto_remove = j->auto_remove;
	c->tty = j->tty;
	c->open_stdin = j->open_stdin;
	c->stdin_once = j->stdin_once;
	c->exit_code = j->exit_code;
	c->stop_signal = j->stop_signal;
	c->restart_at = j->restart_at;
}

static void load_done(struct job *job)
{
	struct load_job *j = (struct load_job *)job;
	struct container *c = NULL;

	if (job->rc >= 0) {
		c = table_find(&job->gw->containers, j->id);
		if (!c)
			c = container_new(job->gw, j->id, &j->limits);
		if (c) {
			c->refs++;
			refresh(c, j);
		} else {
			err_nomem(&job->err);
		}
	}
	j->ready(j->arg, c, c ? NULL : &job->err);
	free(j->tenant);
	free(j->function_name);
	free(j->error);
	free(j);
}

void container_open(struct gateway *gw, const char *id, container_ready *ready, void *arg)
{
	struct load_job *j = calloc(1, sizeof *j);

	if (!j) {
		struct err e;

		err_nomem(&e);
		ready(arg, NULL, &e);
		return;
	}
	j->job = (struct job){ .gw = gw, .run = load_run, .done = load_done };
	snprintf(j->id, sizeof j->id, "%s", id);
	j->ready = ready;
	j->arg = arg;
	worker_post(gw->store, &j->job);
}

void container_ref(struct container *c)
{
	c->refs++;
}

void container_unref(struct container *c)
{
	if (--c->refs || c->going)
		return;
	c->going = true;
	gateway_later(c->gw, container_free, c);
}

void container_watch(struct container *c, struct watcher *w)
{
	w->round = c->round;
	TAILQ_INSERT_TAIL(&c->watchers, w, link);
}

void container_unwatch(struct container *c, struct watcher *w)
{
	TAILQ_REMOVE(&c->watchers, w, link);
}

void container_tell(struct container *c, enum news news)
{
	uint64_t round = ++c->round;
	struct watcher *w;

	/* Whoever is told may remove any watcher: the search begins anew after each. */
	container_ref(c);
	w = TAILQ_FIRST(&c->watchers);
	while (w) {
		if (w->round >= round) {
			w = TAILQ_NEXT(w, link);
			continue;
		}
		w->round = round;
		w->told(w, news);
		w = TAILQ_FIRST(&c->watchers);
	}
	container_unref(c);
}

bool container_running(const struct container *c)
{
	return c->state == STATE_RUNNING || c->state == STATE_PAUSED;
}

void container_set_ended(struct container *c, int code, const char *error, bool start_failed)
{
	char *text = strdup(error ? error : "");

	c->exit_code = code;
	c->start_failed = start_failed;
	if (text) {
		free(c->error);
		c->error = text;
	}
}
