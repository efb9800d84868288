#include "agent-gateway/store_health.h"

#include <stdio.h>
#include <string.h>

#include "agent-gateway/store_event.h"
#include "lib/buf.h"
#include "lib/docker/health.h"
#include "lib/docker/time.h"
#include "lib/json.h"

static int read_config(struct store *s, const char *container, struct json_object **ret, struct err *e)
{
	const enum query q = QUERY_GATEWAY_CONTAINER_ACTOR;
	int rc = store_row(s, q, e, "t", container);

	if (rc > 0)
		rc = json_parse(store_text(s, q, 3), strlen(store_text(s, q, 3)), ret, e) < 0 ? -1 : 1;
	store_reset(s, q);
	return rc;
}

/* "exec_create: sh -c true", as of any exec. */
static int event_of(struct store *s, const char *container, const char *action, struct json_object *args, const char *exec, struct err *e)
{
	struct event_attribute extra[] = { { "execID", exec }, { NULL, NULL } };
	BUF_CLEANUP struct buf text = BUF_INIT;

	buf_printf(&text, "%s: %s ", action, json_object_get_string(json_object_array_get_idx(args, 0)));
	for (size_t i = 1; i < json_object_array_length(args); i++)
		buf_printf(&text, "%s%s", i > 1 ? " " : "", json_object_get_string(json_object_array_get_idx(args, i)));
	if (text.failed)
		return err_nomem(e);
	return store_container_event(s, container, text.data, extra, e);
}

static int events_begin(struct store *s, const char *container, const struct probe *p, struct err *e)
{
	CLEANUP_JSON struct json_object *config = NULL;
	CLEANUP_JSON struct json_object *args = NULL;

	if (read_config(s, container, &config, e) < 0)
		return -1;
	args = health_args(config);
	if (!args)
		return 0;
	if (event_of(s, container, "exec_create", args, p->exec, e) < 0)
		return -1;
	return event_of(s, container, "exec_start", args, p->exec, e);
}

static bool add_entry(struct json_object *log, const struct probe *p)
{
	struct json_object *o = json_object_new_object();
	char start[TIME_TEXT_MAX], end[TIME_TEXT_MAX];

	time_format(start, p->start);
	time_format(end, p->end);
	if (o && json_add_str(o, "Start", start) && json_add_str(o, "End", end) && json_add_int(o, "ExitCode", p->code) &&
	    json_add_str(o, "Output", p->output) && json_object_array_add(log, o) == 0)
		return true;
	json_object_put(o);
	return false;
}

/* Status and streak are set, the log gets its entry. False: out of memory. */
static bool change(struct json_object *health, const struct probe *p)
{
	struct json_object *log = json_array(health, "Log");
	size_t n = log ? json_object_array_length(log) : 0;

	if (n >= HEALTH_LOG_MAX && json_object_array_del_idx(log, 0, n + 1 - HEALTH_LOG_MAX) < 0)
		return false;
	return log && json_add_str(health, "Status", p->status) && json_add_int(health, "FailingStreak", p->streak) && add_entry(log, p);
}

static int events_end(struct store *s, const char *container, const struct probe *p, bool changed, struct err *e)
{
	char code[16], action[48];
	struct event_attribute extra[] = { { "execID", p->exec }, { "exitCode", code }, { NULL, NULL } };

	snprintf(code, sizeof code, "%d", p->code);
	if (store_container_event(s, container, "exec_die", extra, e) < 0)
		return -1;
	snprintf(action, sizeof action, "health_status: %s", p->status);
	return changed ? store_container_event(s, container, action, NULL, e) : 0;
}

int store_probe(struct store *s, const char *container, const char *run, const struct probe *p, struct err *e)
{
	const enum query q = QUERY_GATEWAY_CONTAINER_HEALTH;
	int64_t begin = 2 * p->number, now = p->end ? begin + 1 : begin, seen;
	CLEANUP_JSON struct json_object *health = NULL;
	bool changed;
	int rc = store_row(s, q, e, "tt", container, run);

	if (rc > 0)
		rc = json_parse(store_text(s, q, 0), strlen(store_text(s, q, 0)), &health, e) < 0 ? -1 : 1;
	seen = store_int(s, q, 1);
	store_reset(s, q);
	/* Of another run, or told before. */
	if (rc <= 0 || now <= seen)
		return rc < 0 ? -1 : 0;
	if (seen < begin && events_begin(s, container, p, e) < 0)
		return -1;
	changed = strcmp(json_str(health, "Status", ""), p->status) != 0;
	if (p->end && !change(health, p))
		return err_nomem(e);
	if (store_run(s, QUERY_GATEWAY_CONTAINER_SET_HEALTH, e, "tit", json_text(health), now, container) < 0)
		return -1;
	return p->end ? events_end(s, container, p, changed, e) : 0;
}

int store_health_begin(struct store *s, const char *container, struct err *e)
{
	CLEANUP_JSON struct json_object *config = NULL;
	CLEANUP_JSON struct json_object *args = NULL;

	if (read_config(s, container, &config, e) < 0)
		return -1;
	args = health_args(config);
	return args && store_run(s, QUERY_GATEWAY_CONTAINER_HEALTH_BEGIN, e, "t", container) < 0 ? -1 : 0;
}

int store_health_end(struct store *s, const char *container, struct err *e)
{
	return store_run(s, QUERY_GATEWAY_CONTAINER_HEALTH_END, e, "t", container) < 0 ? -1 : 0;
}
