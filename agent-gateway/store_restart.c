#include "agent-gateway/store_restart.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent-gateway/store_event.h"
#include "agent-gateway/store_run.h"
#include "lib/docker/restart_policy.h"
#include "lib/store/container.h"

#define MS 1000000LL

struct row {
	struct restart_policy policy;
	struct restart_history history;
	bool stopped;
	bool by_policy;     /* the policy made the start that is under way */
	int64_t started_at;
};

static int read_row(struct store *s, const char *container, struct row *ret, struct err *e)
{
	const enum query q = QUERY_GATEWAY_CONTAINER_RESTART;
	int rc = store_row(s, q, e, "t", container);

	if (rc <= 0)
		return rc ? -1 : err_set(e, ERR_NOT_FOUND, "No such container: %s", container);
	*ret = (struct row){
		.policy = restart_policy_of(store_text(s, q, 0), store_int(s, q, 1)),
		.history = { .count = store_int(s, q, 2), .pause_ms = store_int(s, q, 3), .failures = store_int(s, q, 4) },
		.stopped = store_int(s, q, 5) != 0,
		.started_at = store_int(s, q, 6),
		.by_policy = store_int(s, q, 7) != 0,
	};
	store_reset(s, q);
	return 0;
}

static int set(struct store *s, const char *container, const struct restart_history *h, int64_t at, struct err *e)
{
	return store_run(s, QUERY_GATEWAY_CONTAINER_SET_RESTART, e, "iiiit", h->count, h->pause_ms, h->failures, at, container) < 0 ? -1 : 0;
}

int store_restart(struct store *s, const char *container, const struct run_end *end, int64_t *ret_at, struct err *e)
{
	struct restart_end how = { .code = end->code, .failed = end->failed_start };
	int64_t now = time_now();
	struct row row;

	if (read_row(s, container, &row, e) < 0)
		return -1;
	how.stopped = row.stopped || end->ended || end->restarting;
	how.ran_ms = row.started_at ? (now - row.started_at) / MS : 0;
	/* A client's start that fails is its answer; a program that isn't there won't be there the next time. */
	if (end->failed_start && (!row.by_policy || end->no_program))
		how.stopped = true;
	if (!restart_next(&row.policy, &how, &row.history))
		return store_run(s, QUERY_GATEWAY_CONTAINER_NO_RESTART, e, "t", container) < 0 ? -1 : 0;
	*ret_at = now + row.history.pause_ms * MS;
	if (container_move(s, container, EVENT_RESTART, e) < 0 || set(s, container, &row.history, *ret_at, e) < 0)
		return -1;
	return 1;
}

int store_restart_end(struct store *s, const char *container, bool stop, struct err *e)
{
	if (container_move(s, container, EVENT_EXITED, e) < 0 || store_run(s, QUERY_GATEWAY_CONTAINER_NO_RESTART, e, "t", container) < 0 ||
	    store_run(s, QUERY_GATEWAY_CONTAINER_STOPPED, e, "t", container) < 0)
		return -1;
	return stop ? store_container_event(s, container, "stop", NULL, e) : 0;
}

void id_list_free(struct id_list *l)
{
	free(l->ids);
	*l = (struct id_list){ 0 };
}

static int id_list_add(struct id_list *l, const char *id, struct err *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		void *more = reallocarray(l->ids, cap, sizeof *l->ids);

		if (!more)
			return err_nomem(e);
		l->ids = more;
		l->cap = cap;
	}
	snprintf(l->ids[l->n++], sizeof *l->ids, "%s", id);
	return 0;
}

static int list(struct store *s, enum query q, struct id_list *ret, struct err *e)
{
	int rc = store_query(s, q, e, "");

	while (rc >= 0 && (rc = store_step(s, q, e)) > 0)
		rc = id_list_add(ret, store_text(s, q, 0), e);
	store_reset(s, q);
	return rc < 0 ? -1 : 0;
}

static int boot(struct store *s, const char *id, struct err *e)
{
	const struct restart_history none = { 0 };
	struct row row;

	if (read_row(s, id, &row, e) < 0)
		return -1;
	if (!restart_at_boot(&row.policy, row.stopped))
		return 0;
	return container_move(s, id, EVENT_RESTART, e) < 0 ? -1 : set(s, id, &none, time_now(), e);
}

int store_restarts_boot(struct store *s, struct id_list *ret, struct err *e)
{
	struct id_list exited = { 0 };
	int rc = list(s, QUERY_GATEWAY_CONTAINERS_EXITED, &exited, e);

	for (size_t i = 0; rc == 0 && i < exited.n; i++)
		rc = boot(s, exited.ids[i], e);
	id_list_free(&exited);
	return rc < 0 ? -1 : list(s, QUERY_GATEWAY_CONTAINERS_RESTARTING, ret, e);
}
