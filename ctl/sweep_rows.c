/* Rows: removing, creating, expired; the checkpoint. */
#include <stdio.h>
#include <string.h>

#include "ctl/sweep.h"
#include "lib/aws/lambda.h"
#include "lib/ids.h"
#include "lib/log.h"
#include "lib/store/container.h"

#define SECOND INT64_C(1000000000)
#define INTENT_KEPT (600 * SECOND)
#define BATCH 100
#define WAL_LARGE 16384 /* frames after which the file is cut off */

struct removing {
	char id[ID_HEX_LEN + 1];
	char function[80];
};

/* The first of those behind `after`, so that no statement is open during a call of AWS. Returns how many. */
static int read_batch(struct sweep *s, const char *after, struct removing batch[BATCH], struct err *e)
{
	int n = 0, rc;

	if (store_query(s->store, QUERY_SWEEP_REMOVING, e, "t", after) < 0)
		return -1;
	while ((rc = store_step(s->store, QUERY_SWEEP_REMOVING, e)) > 0 && n < BATCH) {
		snprintf(batch[n].id, sizeof batch[n].id, "%s", store_text(s->store, QUERY_SWEEP_REMOVING, 0));
		snprintf(batch[n].function, sizeof batch[n].function, "%s", store_text(s->store, QUERY_SWEEP_REMOVING, 1));
		n++;
	}
	store_reset(s->store, QUERY_SWEEP_REMOVING);
	return rc < 0 ? -1 : n;
}

/* The output stays: clients that are still attached read it to its end, and the gateway deletes it with the last of them. */
static int end_one(struct sweep *s, const struct removing *r, struct err *e)
{
	if (lambda_delete_function(s->aws, r->function, e) < 0)
		return err_prefix(e, "DeleteFunction %s", r->function);
	if (store_run(s->store, QUERY_SWEEP_DELETE, e, "t", r->id) < 0)
		return -1;
	log_info("container %.12s is gone, function %s deleted", r->id, r->function);
	return 0;
}

/* What concerns all calls alike: going on would only make it worse. */
static bool is_general(const struct err *e)
{
	return e->kind == ERR_THROTTLED || e->kind == ERR_UNAVAILABLE || e->kind == ERR_TIMEOUT || e->kind == ERR_UNAUTHORIZED || e->kind == ERR_FORBIDDEN;
}

int sweep_removing(struct sweep *s, struct err *e)
{
	struct removing batch[BATCH];
	struct err first = { 0 };
	char after[ID_HEX_LEN + 1] = "";
	int ended = 0, n;

	while ((n = read_batch(s, after, batch, e)) > 0) {
		for (int i = 0; i < n; i++) {
			memcpy(after, batch[i].id, sizeof after);
			if (end_one(s, &batch[i], e) == 0) {
				ended++;
				continue;
			}
			if (is_general(e))
				return -1;
			log_warn("%s", e->text);
			if (first.kind == ERR_NONE)
				first = *e;
		}
	}
	if (n == 0 && first.kind != ERR_NONE) {
		*e = first;
		return -1;
	}
	return n < 0 ? -1 : ended;
}

static int undo_one(struct sweep *s, const char *id, struct err *e)
{
	if (store_begin(s->store, e) < 0)
		return -1;
	if (container_move(s->store, id, EVENT_REMOVE, e) < 0 || store_run(s->store, QUERY_CREATE_UNNAME, e, "t", id) < 0) {
		store_rollback(s->store);
		return -1;
	}
	return store_commit(s->store, e);
}

/* No later than the epoch, whatever is set. */
static int64_t creating_max(const struct sweep *s)
{
	int64_t now = time_now() / SECOND;
	int64_t kept = (int64_t)s->settings->creating_timeout;

	return (kept < 0 || kept > now ? now : kept) * SECOND;
}

/* False: the clock was set so short a time ago that rows only look as old as that. */
static bool ages_hold(const struct sweep *s, int64_t age)
{
	return !s->steady_since || time_monotonic() - s->steady_since >= age;
}

int sweep_creating(struct sweep *s, struct err *e)
{
	char ids[BATCH][ID_HEX_LEN + 1];
	int n = 0, rc;

	if (!ages_hold(s, creating_max(s)))
		return 0;
	if (store_query(s->store, QUERY_SWEEP_STALE, e, "ii", time_now() - creating_max(s), time_now()) < 0)
		return -1;
	while (n < BATCH && (rc = store_step(s->store, QUERY_SWEEP_STALE, e)) > 0)
		snprintf(ids[n++], sizeof ids[0], "%s", store_text(s->store, QUERY_SWEEP_STALE, 0));
	store_reset(s->store, QUERY_SWEEP_STALE);
	if (n < BATCH && rc < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		if (undo_one(s, ids[i], e) < 0 && e->kind != ERR_CONFLICT)
			return -1;
		log_warn("container %.12s was never finished: undone", ids[i]);
	}
	return n;
}

int sweep_expired(struct sweep *s, struct err *e)
{
	int64_t now = time_now();
	int64_t kept = (int64_t)s->settings->event_retention;

	if (kept > now / SECOND)
		kept = now / SECOND;
	if (!ages_hold(s, INTENT_KEPT))
		return 0;
	if (store_run(s->store, QUERY_SWEEP_INTENTS, e, "i", now - INTENT_KEPT) < 0)
		return -1;
	return store_run(s->store, QUERY_SWEEP_EVENTS, e, "i", now - kept * SECOND) < 0 ? -1 : 0;
}

void sweep_checkpoint(struct sweep *s)
{
	sqlite3 *db = store_handle(s->store);
	int frames = 0, done = 0;

	if (sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &done) == SQLITE_OK && frames > WAL_LARGE)
		sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &frames, &done);
}
