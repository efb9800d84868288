#include "fcgi/container.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/reply.h"
#include "lib/hint.h"
#include "lib/json.h"
#include "lib/log.h"

static char *copy(struct store *s, enum query q, int column)
{
	return strdup(store_text(s, q, column));
}

/* Takes the row that q stands at: columns as in queries.sql. */
static int take(struct store *s, enum query q, struct container *ret, struct err *e)
{
	struct container c = {
		.name = copy(s, q, 1),
		.state = (enum container_state)state_from_name(store_text(s, q, 2)),
		.image_reference = copy(s, q, 3),
		.image_id = copy(s, q, 4),
		.config = copy(s, q, 5),
		.host_config = copy(s, q, 6),
		.networking = copy(s, q, 7),
		.mounts = copy(s, q, 22),
		.args = copy(s, q, 20),
		.network_mode = copy(s, q, 19),
		.execs = copy(s, q, 21),
		.tty = store_int(s, q, 8) != 0,
		.open_stdin = store_int(s, q, 9) != 0,
		.created_at = store_int(s, q, 10),
		.run_id = copy(s, q, 11),
		.started_at = store_int(s, q, 12),
		.finished_at = store_int(s, q, 13),
		.exit_code = store_int(s, q, 14),
		.pid = store_int(s, q, 15),
		.oom_killed = store_int(s, q, 16) != 0,
		.error = copy(s, q, 17),
		.restart_count = store_int(s, q, 18),
		.restart_at = store_int(s, q, 23),
		.health = copy(s, q, 24),
	};

	snprintf(c.id, sizeof c.id, "%s", store_text(s, q, 0));
	store_reset(s, q);
	if (!c.name || !c.image_reference || !c.image_id || !c.config || !c.host_config || !c.networking || !c.mounts || !c.args || !c.network_mode ||
	    !c.execs || !c.run_id || !c.error || !c.health) {
		container_free(&c);
		return err_nomem(e);
	}
	*ret = c;
	return 1;
}

void container_free(struct container *c)
{
	free(c->name);
	free(c->image_reference);
	free(c->image_id);
	free(c->config);
	free(c->host_config);
	free(c->networking);
	free(c->mounts);
	free(c->args);
	free(c->network_mode);
	free(c->execs);
	free(c->run_id);
	free(c->error);
	free(c->health);
	memset(c, 0, sizeof *c);
}

/* 1 found, 0 not, -1 error. */
static int find_one(struct request *req, enum query q, const char *key, struct container *ret, struct err *e)
{
	int rc = store_row(req->store, q, e, "tt", req->tenant, key);

	return rc == 1 ? take(req->store, q, ret, e) : rc;
}

int container_by_prefix(struct request *req, const char *prefix, char ret_id[ID_HEX_LEN + 1], struct err *e)
{
	char end[ID_HEX_LEN + 2];
	int rc;

	if (!hex_is(prefix, ID_HEX_LEN))
		return 0;
	snprintf(end, sizeof end, "%sg", prefix);
	rc = store_row(req->store, QUERY_CONTAINER_BY_PREFIX, e, "ttt", req->tenant, prefix, end);
	if (rc != 1)
		return rc;
	snprintf(ret_id, ID_HEX_LEN + 1, "%s", store_text(req->store, QUERY_CONTAINER_BY_PREFIX, 0));
	rc = store_step(req->store, QUERY_CONTAINER_BY_PREFIX, e);
	store_reset(req->store, QUERY_CONTAINER_BY_PREFIX);
	return rc < 0 ? -1 : rc + 1;
}

static int find_by_prefix(struct request *req, const char *prefix, struct container *ret, struct err *e)
{
	char id[ID_HEX_LEN + 1];
	int n = container_by_prefix(req, prefix, id, e);

	if (n > 1)
		return err_set(e, ERR_INVALID, "multiple IDs found with provided prefix: %s", prefix);
	return n == 1 ? find_one(req, QUERY_CONTAINER_BY_ID, id, ret, e) : n;
}

int container_find(struct request *req, const char *reference, struct container *ret, struct err *e)
{
	int rc = 0;

	if (strlen(reference) == ID_HEX_LEN)
		rc = find_one(req, QUERY_CONTAINER_BY_ID, reference, ret, e);
	if (rc == 0)
		rc = find_one(req, QUERY_CONTAINER_BY_NAME, reference + (reference[0] == '/'), ret, e);
	if (rc == 0)
		rc = find_by_prefix(req, reference, ret, e);
	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "No such container: %s", reference);
	return rc < 0 ? -1 : 0;
}

const char *container_status(const struct container *c)
{
	if (container_restarting(c))
		return state_name(STATE_RESTARTING);
	if (c->state != STATE_STARTING)
		return state_name(c->state);
	return c->finished_at > 0 ? "exited" : "created";
}

bool container_runs(const struct container *c)
{
	return c->state == STATE_RUNNING || c->state == STATE_PAUSED;
}

bool container_restarting(const struct container *c)
{
	return c->state == STATE_RESTARTING || (c->state == STATE_STARTING && c->restart_at);
}

int container_check_running(const struct container *c, struct err *e)
{
	if (container_runs(c))
		return 0;
	if (container_restarting(c))
		return err_set(e, ERR_CONFLICT, "Container %s is restarting, wait until the container is running", c->id);
	return err_set(e, ERR_CONFLICT, "container %s is not running", c->id);
}

static bool add_labels(struct json_object *attributes, const char *config_text, struct err *e)
{
	CLEANUP_JSON struct json_object *config = NULL;
	struct json_object *labels;

	if (json_parse(config_text, strlen(config_text), &config, e) < 0)
		return false;
	labels = json_obj(config, "Labels");
	if (!labels)
		return true;
	json_object_object_foreach(labels, key, value)
		if (!json_add(attributes, key, json_object_get(value)))
			return false;
	return true;
}

int container_event(struct request *req, const struct container *c, const char *action, struct json_object *attributes, struct err *e)
{
	CLEANUP_JSON struct json_object *all = json_object_new_object();
	CLEANUP_JSON struct json_object *more = attributes;

	err_nomem(e);
	if (!all || !add_labels(all, c->config, e) || !json_add_str(all, "image", c->image_reference) ||
	    !json_add_str(all, "name", c->name))
		return -1;
	if (more) {
		json_object_object_foreach(more, key, value)
			if (!json_add(all, key, json_object_get(value)))
				return -1;
	}
	return store_run(req->store, QUERY_EVENT_ADD, e, "titttt", req->tenant, time_now(), "container", action, c->id, json_text(all)) < 0
		       ? -1
		       : 0;
}

int container_intent(struct request *req, const struct container *c, const char *verb, struct json_object *args, struct err *e)
{
	CLEANUP_JSON struct json_object *owned = args;
	char seq[24];

	if (!owned)
		return err_nomem(e);
	if (store_begin(req->store, e) < 0)
		return -1;
	if (store_run(req->store, QUERY_INTENT_ADD, e, "tttti", req->tenant, c->id, verb, json_text(owned), time_now()) < 0) {
		store_rollback(req->store);
		return -1;
	}
	snprintf(seq, sizeof seq, "%lld", (long long)store_last_id(req->store));
	if (store_commit(req->store, e) < 0)
		return -1;
	hint_send(req->settings->run_dir, HINT_GATEWAY);
	return container_handover(req, "/.gateway/http/intent/", c->id, "seq", seq);
}

int query_int(const struct request *req, const char *key, enum err_kind kind, int64_t *ret, struct err *e)
{
	const char *text = request_query(req, key, "");
	const char *digits = text + (*text == '-' || *text == '+');
	long long value;

	if (!*digits || digits[strspn(digits, "0123456789")])
		return err_set(e, kind, "strconv.Atoi: parsing \"%.200s\": invalid syntax", text);
	errno = 0;
	value = strtoll(text, NULL, 10);
	if (errno)
		return err_set(e, kind, "strconv.Atoi: parsing \"%.200s\": value out of range", text);
	*ret = value;
	return 0;
}
