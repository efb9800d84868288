#include "lib/aws/logs.h"

#include <string.h>

#include "lib/aws/json11.h"
#include "lib/cleanup.h"
#include "lib/json.h"

#define PAGE_BYTES (16u << 20) /* a page is 1 MB of text, which JSON's escapes can make six times as long */

static struct json_object *query_body(const struct logs_query *q)
{
	CLEANUP_JSON struct json_object *o = json_object_new_object();
	bool ok = o && json_add_str(o, "logGroupName", q->group) && json_add_str(o, "logStreamName", q->stream) &&
		  json_add_int(o, "limit", LOGS_PAGE) && json_add_bool(o, "startFromHead", true);

	if (q->start)
		ok = ok && json_add_int(o, "startTime", q->start);
	if (q->end)
		ok = ok && json_add_int(o, "endTime", q->end);
	if (q->token)
		ok = ok && json_add_str(o, "nextToken", q->token);
	return ok ? STEAL(o) : NULL;
}

static int walk(struct json_object *list, int (*each)(void *arg, const struct logs_event *ev, struct err *e), void *arg, struct err *e)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		struct json_object *message = json_get(item, "message");
		struct logs_event ev = { .timestamp = json_int(item, "timestamp", 0) };

		if (!message || !json_object_is_type(message, json_type_string))
			continue;
		ev.message = json_object_get_string(message);
		ev.len = (size_t)json_object_get_string_len(message);
		if (each(arg, &ev, e) < 0)
			return -1;
	}
	return 0;
}

int logs_get_events(struct aws_client *c, const struct logs_query *q, int (*each)(void *arg, const struct logs_event *ev, struct err *e),
		    void *arg, char **ret_token, bool *ret_end, struct err *e)
{
	CLEANUP_JSON struct json_object *body = query_body(q);
	CLEANUP_JSON struct json_object *o = NULL;
	CLEANUP_FREE char *token = NULL;

	if (!body)
		return err_nomem(e);
	if (aws_json11_call(c, AWS_LOGS, "Logs_20140328.GetLogEvents", body, PAGE_BYTES, &o, e) < 0)
		return -1;
	if (!json_str(o, "nextForwardToken", NULL))
		return err_set(e, ERR_UPSTREAM, "CloudWatch Logs: a page without a token");
	token = strdup(json_str(o, "nextForwardToken", ""));
	if (!token)
		return err_nomem(e);
	if (walk(json_array(o, "events"), each, arg, e) < 0)
		return -1;
	/* Pages in the middle can be empty; the end is where the token doesn't change. */
	*ret_end = q->token && !strcmp(q->token, token);
	*ret_token = STEAL(token);
	return 0;
}

int logs_delete_group(struct aws_client *c, const char *group, struct err *e)
{
	CLEANUP_JSON struct json_object *body = json_object_new_object();
	struct err why = { 0 };

	if (!body || !json_add_str(body, "logGroupName", group))
		return err_nomem(e);
	if (aws_json11_call(c, AWS_LOGS, "Logs_20140328.DeleteLogGroup", body, 0, NULL, &why) == 0 || why.kind == ERR_NOT_FOUND)
		return 0;
	if (e)
		*e = why;
	return -1;
}
