/*
 * POST /containers/prune: removes what doesn't run, by one intent for each
 * container, and waits for the gateway to be through with them. Filters:
 * label, until. A container that is started meanwhile stays.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/container.h"
#include "fcgi/container_files.h"
#include "fcgi/prune.h"
#include "fcgi/reply.h"
#include "fcgi/route.h"
#include "lib/hint.h"
#include "lib/json.h"

#define WAIT_SECONDS 60
#define POLL_NS 2000000

enum { ID, LABELS = 5, CREATED = 10 };

/* Ids of what is to go: state as the list has it. */
static int collect(struct request *req, const struct prune *p, struct json_object *ids, struct err *e)
{
	enum query q = QUERY_CONTAINER_LIST;
	int rc;

	if (store_query(req->store, q, e, "iti", (int64_t)0, req->tenant, (int64_t)1) < 0)
		return -1;
	while ((rc = store_step(req->store, q, e)) == 1) {
		const char *state = store_text(req->store, q, 2);
		struct json_object *id;

		if ((strcmp(state, "created") != 0 && strcmp(state, "exited") != 0) ||
		    !prune_wants(p, store_text(req->store, q, LABELS), store_int(req->store, q, CREATED)))
			continue;
		id = json_object_new_string(store_text(req->store, q, ID));
		if (!id || json_object_array_add(ids, id) < 0) {
			rc = err_nomem(e);
			break;
		}
	}
	store_reset(req->store, q);
	return rc;
}

static const char *id_at(struct json_object *ids, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(ids, i));
}

/* seqs: an intent for each of ids. */
static int intend(struct request *req, const struct prune *p, struct json_object *ids, struct json_object *seqs, struct err *e)
{
	if (collect(req, p, ids, e) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(ids); i++) {
		struct json_object *seq;

		if (store_run(req->store, QUERY_INTENT_ADD, e, "tttti", req->tenant, id_at(ids, i), "remove", "{\"force\":false,\"volumes\":false}", time_now()) < 0)
			return -1;
		seq = json_object_new_int64(store_last_id(req->store));
		if (!seq || json_object_array_add(seqs, seq) < 0)
			return err_nomem(e);
	}
	return 0;
}

/* 1: done, *ret_status is its answer; 0: not yet. */
static int look(struct request *req, int64_t seq, int64_t *ret_status, struct err *e)
{
	int rc = store_row(req->store, QUERY_CONTAINER_INTENT, e, "ti", req->tenant, seq);

	if (rc == 1)
		*ret_status = store_int(req->store, QUERY_CONTAINER_INTENT, 0);
	store_reset(req->store, QUERY_CONTAINER_INTENT);
	return rc;
}

static int wait_for_all(struct request *req, struct json_object *ids, struct json_object *seqs, struct json_object *removed, struct err *e)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	int64_t deadline = time_monotonic() + WAIT_SECONDS * INT64_C(1000000000), status = 0;

	for (size_t i = 0; i < json_object_array_length(ids);) {
		int rc = look(req, json_object_get_int64(json_object_array_get_idx(seqs, i)), &status, e);

		if (rc < 0)
			return -1;
		if (rc == 0) {
			if (time_monotonic() > deadline || request_client_left(req))
				return err_set(e, ERR_UNAVAILABLE, "the gateway hasn't removed all containers yet; it goes on with them");
			nanosleep(&pause, NULL);
			continue;
		}
		if (status == 204 && json_object_array_add(removed, json_object_get(json_object_array_get_idx(ids, i))) < 0)
			return err_nomem(e);
		i++;
	}
	return 0;
}

/* What each keeps of its own, while it is there. */
static int measure(const struct request *req, struct json_object *ids, struct json_object *sizes, struct err *e)
{
	for (size_t i = 0; i < json_object_array_length(ids); i++) {
		const char *id = json_object_get_string(json_object_array_get_idx(ids, i));

		if (!json_add_int(sizes, id, container_layer_size(req, id)))
			return err_nomem(e);
	}
	return 0;
}

static int64_t reclaimed(struct json_object *removed, struct json_object *sizes)
{
	int64_t sum = 0;

	for (size_t i = 0; i < json_object_array_length(removed); i++)
		sum += json_int(sizes, json_object_get_string(json_object_array_get_idx(removed, i)), 0);
	return sum;
}

int route_container_prune(struct request *req, struct err *e)
{
	static const char *const accepted[] = { "label", "label!", "until", NULL };
	PRUNE_CLEANUP struct prune p = { .filters = NULL };
	CLEANUP_JSON struct json_object *ids = json_object_new_array();
	CLEANUP_JSON struct json_object *seqs = json_object_new_array();
	CLEANUP_JSON struct json_object *removed = json_object_new_array();
	CLEANUP_JSON struct json_object *sizes = json_object_new_object();
	CLEANUP_JSON struct json_object *answer = json_object_new_object();
	int64_t bytes;

	if (!ids || !seqs || !removed || !sizes || !answer)
		return err_nomem(e);
	if (prune_read(req, accepted, &p, e) < 0 || store_begin(req->store, e) < 0)
		return -1;
	if (intend(req, &p, ids, seqs, e) < 0 || measure(req, ids, sizes, e) < 0) {
		store_rollback(req->store);
		return -1;
	}
	if (store_commit(req->store, e) < 0)
		return -1;
	if (json_object_array_length(ids) > 0)
		hint_send(req->settings->run_dir, HINT_GATEWAY);
	if (wait_for_all(req, ids, seqs, removed, e) < 0)
		return -1;
	bytes = reclaimed(removed, sizes);
	if (prune_event_commit(req, "container", bytes, e) < 0)
		return -1;
	if (!prune_add(answer, "ContainersDeleted", removed) || !json_add_int(answer, "SpaceReclaimed", bytes))
		return err_nomem(e);
	return reply_json(req, 200, answer);
}
