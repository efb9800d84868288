#include "agent-gateway/store_run.h"

#include <stdio.h>
#include <string.h>

#include "agent-gateway/store_event.h"
#include "agent-gateway/store_exec.h"
#include "agent-gateway/store_health.h"
#include "agent-gateway/store_resources.h"
#include "agent-gateway/store_restart.h"
#include "lib/docker/health.h"
#include "lib/ids.h"
#include "lib/json.h"
#include "lib/store/container.h"

int store_run_prepare(struct store *s, const char *container, char run[RUN_ID_LEN + 1], uint32_t *ret_number, struct err *e)
{
	char nonce[ID_HEX_LEN + 1];
	int64_t number;

	if (container_move(s, container, EVENT_START, e) < 0)
		return -1;
	if (store_row(s, QUERY_GATEWAY_RUN_NUMBER, e, "t", container) < 0)
		return -1;
	number = store_int(s, QUERY_GATEWAY_RUN_NUMBER, 0);
	store_reset(s, QUERY_GATEWAY_RUN_NUMBER);
	id_random(run, RUN_ID_LEN / 2);
	id_random(nonce, ID_HEX_LEN / 2);
	if (store_run(s, QUERY_GATEWAY_RUN_ADD, e, "titit", run, number, nonce, time_now(), container) < 0 ||
	    store_run(s, QUERY_GATEWAY_CONTAINER_STARTING, e, "tt", run, container) < 0)
		return -1;
	*ret_number = (uint32_t)number;
	return 0;
}

static bool put_string(struct buf *b, const char *key, const char *value)
{
	CLEANUP_JSON struct json_object *o = json_object_new_string(value);

	if (!o)
		return false;
	buf_printf(b, "\"%s\":%s,", key, json_text(o));
	return true;
}

/* The health check with what it executes, if there is one. */
static int put_health(struct buf *b, const char *config_text, struct err *e)
{
	CLEANUP_JSON struct json_object *config = NULL;
	struct json_object *args, *check;

	if (json_parse(config_text, strlen(config_text), &config, e) < 0)
		return -1;
	args = health_args(config);
	if (!args)
		return 0;
	check = json_obj(config, "Healthcheck");
	json_object_object_del(check, "Test");
	if (!json_add(check, "args", args))
		return err_nomem(e);
	buf_printf(b, ",\"health\":%s", json_text(check));
	return 0;
}

int store_run_invoke_sent(struct store *s, const char *run, const char *callback, bool stdin_attached, struct buf *ret_payload,
			  struct err *e)
{
	char container[ID_HEX_LEN + 1];
	int found = store_row(s, QUERY_GATEWAY_RUN_NONCE, e, "t", run);

	if (found <= 0)
		return found ? -1 : err_set(e, ERR_CONFLICT, "the run %s is not prepared any more", run);
	snprintf(container, sizeof container, "%s", store_text(s, QUERY_GATEWAY_RUN_NONCE, 1));
	buf_reset(ret_payload);
	buf_puts(ret_payload, "{\"version\":1,");
	if (!put_string(ret_payload, "container", container) || !put_string(ret_payload, "run", run) ||
	    !put_string(ret_payload, "nonce", store_text(s, QUERY_GATEWAY_RUN_NONCE, 0)) || !put_string(ret_payload, "callback", callback))
		return err_nomem(e);
	store_reset(s, QUERY_GATEWAY_RUN_NONCE);
	found = store_row(s, QUERY_GATEWAY_CONTAINER_SPEC, e, "t", container);
	if (found <= 0)
		return found ? -1 : err_set(e, ERR_NOT_FOUND, "No such container: %s", container);
	buf_printf(ret_payload, "\"spec\":%s", store_text(s, QUERY_GATEWAY_CONTAINER_SPEC, 0));
	found = put_health(ret_payload, store_text(s, QUERY_GATEWAY_CONTAINER_SPEC, 3), e);
	buf_putc(ret_payload, '}');
	store_reset(s, QUERY_GATEWAY_CONTAINER_SPEC);
	if (found < 0)
		return -1;
	if (ret_payload->failed)
		return err_nomem(e);
	return store_run(s, QUERY_GATEWAY_RUN_INVOKE_SENT, e, "iit", time_now(), (int64_t)stdin_attached, run) < 0 ? -1 : 0;
}

int store_run_unsent(struct store *s, const char *run, struct err *e)
{
	return store_run(s, QUERY_GATEWAY_RUN_UNSENT, e, "t", run) < 0 ? -1 : 0;
}

int store_run_started(struct store *s, const char *container, const char *run, int64_t pid, struct err *e)
{
	if (container_move(s, container, EVENT_STARTED, e) < 0)
		return -1;
	if (store_run(s, QUERY_GATEWAY_RUN_STARTED, e, "it", time_now(), run) < 0 ||
	    store_run(s, QUERY_GATEWAY_CONTAINER_STARTED, e, "iit", time_now(), pid, container) < 0)
		return -1;
	if (store_health_begin(s, container, e) < 0)
		return -1;
	if (store_resources_taken(s, container, e) < 0)
		return -1;
	return store_container_event(s, container, "start", NULL, e);
}

static int event_die(struct store *s, const char *container, int code, struct err *e)
{
	char code_text[16], duration[24];
	struct event_attribute extra[] = { { "execDuration", duration }, { "exitCode", code_text }, { NULL, NULL } };
	int64_t started;

	if (store_row(s, QUERY_GATEWAY_CONTAINER_ACTOR, e, "t", container) < 0)
		return -1;
	started = store_int(s, QUERY_GATEWAY_CONTAINER_ACTOR, 4);
	store_reset(s, QUERY_GATEWAY_CONTAINER_ACTOR);
	snprintf(code_text, sizeof code_text, "%d", code);
	snprintf(duration, sizeof duration, "%lld", started ? (long long)((time_now() - started) / 1000000000) : 0);
	return store_container_event(s, container, "die", extra, e);
}

int store_container_remove(struct store *s, const char *container, struct err *e)
{
	if (container_move(s, container, EVENT_REMOVE, e) < 0)
		return -1;
	if (store_container_event(s, container, "destroy", NULL, e) < 0)
		return -1;
	return store_run(s, QUERY_GATEWAY_CONTAINER_NAMELESS, e, "t", container) < 0 ? -1 : 0;
}

/* As dockerd: one whose start fails is "created" as long as it never ran. */
static int end_state(struct store *s, const char *container, bool failed_start, enum container_state *ret, struct err *e)
{
	int next;
	bool ran;

	if (store_row(s, QUERY_GATEWAY_CONTAINER_ACTOR, e, "t", container) < 0)
		return -1;
	ran = store_int(s, QUERY_GATEWAY_CONTAINER_ACTOR, 4) != 0;
	store_reset(s, QUERY_GATEWAY_CONTAINER_ACTOR);
	next = container_move(s, container, failed_start && !ran ? EVENT_START_FAILED : EVENT_EXITED, e);
	if (next < 0)
		return -1;
	*ret = (enum container_state)next;
	return 0;
}

/* Moves the row to what comes after the end. */
static int end_move(struct store *s, const char *container, const struct run_end *end, struct run_after *ret, struct err *e)
{
	int rc = store_restart(s, container, end, &ret->restart_at, e);

	if (rc > 0)
		ret->state = STATE_RESTARTING;
	else if (rc == 0)
		rc = end_state(s, container, end->failed_start, &ret->state, e);
	return rc < 0 ? -1 : 0;
}

static int container_end(struct store *s, const char *container, const struct run_end *end, struct run_after *ret, struct err *e)
{
	if (end_move(s, container, end, ret, e) < 0)
		return -1;
	if (end->failed_start)
		return store_run(s, QUERY_GATEWAY_CONTAINER_START_FAILED, e, "itt", (int64_t)end->code, end->error, container) < 0 ||
		       (end->no_program && store_resources_taken(s, container, e) < 0) || (end->no_program && store_resources_given(s, container, e) < 0)
			       ? -1 : 0;
	if (store_run(s, QUERY_GATEWAY_CONTAINER_ENDED, e, "iiitt", time_now(), (int64_t)end->code, (int64_t)end->oom, end->error,
		      container) < 0)
		return -1;
	if (store_health_end(s, container, e) < 0)
		return -1;
	if (end->oom && store_container_event(s, container, "oom", NULL, e) < 0)
		return -1;
	if (store_resources_given(s, container, e) < 0 || event_die(s, container, end->code, e) < 0)
		return -1;
	return end->stopped ? store_container_event(s, container, "stop", NULL, e) : 0;
}

int store_run_end(struct store *s, const char *container, const char *run, const struct run_end *end, struct run_after *ret, struct err *e)
{
	int ended = store_run(s, QUERY_GATEWAY_RUN_ENDED, e, "iitt", time_now(), (int64_t)end->code, end->error, run);
	bool auto_remove;

	if (ended < 0)
		return -1;
	*ret = (struct run_after){ .state = end->failed_start ? STATE_CREATED : STATE_EXITED };
	if (!ended)
		return 0;
	if (store_execs_end(s, container, run, e) < 0 || container_end(s, container, end, ret, e) < 0)
		return -1;
	if (store_row(s, QUERY_GATEWAY_CONTAINER, e, "t", container) < 0)
		return -1;
	auto_remove = store_int(s, QUERY_GATEWAY_CONTAINER, 4) != 0 && !end->restarting && ret->state != STATE_RESTARTING;
	store_reset(s, QUERY_GATEWAY_CONTAINER);
	if (!auto_remove)
		return 0;
	ret->state = STATE_REMOVING;
	return store_container_remove(s, container, e);
}

/* The policy's start is made again at once; a client's by its intent. */
static int undo_move(struct store *s, const char *container, struct err *e)
{
	enum container_state ignored;
	bool by_policy;

	if (store_row(s, QUERY_GATEWAY_CONTAINER_RESTART, e, "t", container) < 0)
		return -1;
	by_policy = store_int(s, QUERY_GATEWAY_CONTAINER_RESTART, 7) != 0;
	store_reset(s, QUERY_GATEWAY_CONTAINER_RESTART);
	if (by_policy)
		return container_move(s, container, EVENT_RESTART, e) < 0 ? -1 : 0;
	return end_state(s, container, true, &ignored, e);
}

int store_run_undo(struct store *s, const char *container, const char *run, struct err *e)
{
	if (store_run(s, QUERY_GATEWAY_RUN_ENDED, e, "iitt", time_now(), (int64_t)0, "never invoked", run) < 0)
		return -1;
	return undo_move(s, container, e);
}

int store_intent_done(struct store *s, int64_t seq, int status, const char *message, struct err *e)
{
	if (!seq)
		return 0;
	return store_run(s, QUERY_GATEWAY_INTENT_DONE, e, "iiti", time_now(), (int64_t)status, message, seq) < 0 ? -1 : 0;
}
