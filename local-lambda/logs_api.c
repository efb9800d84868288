#include "local-lambda/logs_api.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

#define NAME_MAX_LEN 512
#define LINES_MAX 10000
#define POSITION_MAX (INT64_MAX / 2)

static void fail(struct reply *reply, const struct err *e)
{
	switch (e->kind) {
	case ERR_NOT_FOUND:
		reply_json11_error(reply, 400, "ResourceNotFoundException", "%s", e->text);
		break;
	case ERR_CONFLICT:
		reply_json11_error(reply, 400, "ResourceAlreadyExistsException", "%s", e->text);
		break;
	case ERR_INVALID:
		reply_json11_error(reply, 400, "InvalidParameterException", "%s", e->text);
		break;
	default:
		reply_json11_error(reply, 500, "ServiceUnavailableException", "%s", e->text);
	}
}

static bool is_name(const char *name, const char *others)
{
	size_t len = name ? strlen(name) : 0;

	for (size_t i = 0; i < len; i++)
		if (others ? !isalnum((unsigned char)name[i]) && !strchr(others, name[i]) : name[i] == ':' || name[i] == '*')
			return false;
	return len >= 1 && len <= NAME_MAX_LEN;
}

static const char *group_name(struct json_object *in, struct err *e)
{
	const char *name = json_str(in, "logGroupName", NULL);

	if (is_name(name, "._-/#"))
		return name;
	err_set(e, ERR_INVALID, "1 validation error detected: Value '%.64s' at 'logGroupName' failed to satisfy constraint", name ? name : "null");
	return NULL;
}

static const char *stream_name(struct json_object *in, struct err *e)
{
	const char *name = json_str(in, "logStreamName", NULL);

	if (is_name(name, NULL))
		return name;
	err_set(e, ERR_INVALID, "1 validation error detected: Value '%.64s' at 'logStreamName' failed to satisfy constraint", name ? name : "null");
	return NULL;
}

static int limit_of(struct json_object *in, int64_t max, int64_t *ret, struct err *e)
{
	int64_t limit = json_int(in, "limit", max);

	if (limit < 1 || limit > max)
		return err_set(e, ERR_INVALID, "1 validation error detected: Value '%" PRId64 "' at 'limit' failed to satisfy constraint: Member must have value between 1 and %" PRId64, limit, max);
	*ret = limit;
	return 0;
}

/* Tokens are a letter, '/' and a decimal position. */
static int token_of(struct json_object *in, const char *letters, char *ret_letter, int64_t *ret, struct err *e)
{
	const char *token = json_str(in, "nextToken", NULL);
	int64_t position;
	char *end;

	if (!token)
		return 0;
	if (!*token || !strchr(letters, *token) || token[1] != '/' || !isdigit((unsigned char)token[2]))
		return err_set(e, ERR_INVALID, "The specified nextToken is invalid.");
	position = strtoll(token + 2, &end, 10);
	if (*end || position > POSITION_MAX)
		return err_set(e, ERR_INVALID, "The specified nextToken is invalid.");
	*ret = position;
	*ret_letter = *token;
	return 0;
}

static bool add_token(struct json_object *o, const char *key, char letter, int64_t position)
{
	char token[64];

	snprintf(token, sizeof token, "%c/%056" PRId64, letter, position);
	return json_add_str(o, key, token);
}

static void ok(struct reply *reply)
{
	reply->status = 200;
}

static int create_group(struct logs_api *a, struct json_object *in, struct reply *reply, struct err *e)
{
	const char *group = group_name(in, e);

	if (!group || logs_group_create(a->logs, group, e) < 0)
		return -1;
	ok(reply);
	return 0;
}

static int delete_group(struct logs_api *a, struct json_object *in, struct reply *reply, struct err *e)
{
	const char *group = group_name(in, e);

	if (!group || logs_group_delete(a->logs, group, e) < 0)
		return -1;
	ok(reply);
	return 0;
}

static int create_stream(struct logs_api *a, struct json_object *in, struct reply *reply, struct err *e)
{
	const char *group = group_name(in, e), *stream = stream_name(in, e);

	if (!group || !stream || logs_stream_create(a->logs, group, stream, e) < 0)
		return -1;
	ok(reply);
	return 0;
}

static int put_events(struct logs_api *a, struct json_object *in, struct reply *reply, struct err *e)
{
	const char *group = group_name(in, e), *stream = stream_name(in, e);
	struct json_object *events = json_array(in, "logEvents");
	CLEANUP_JSON struct json_object *out = json_object_new_object();
	struct log_line *lines;
	size_t count = events ? json_object_array_length(events) : 0;
	int64_t id;
	int rc;

	if (!group || !stream || logs_stream_find(a->logs, group, stream, &id, e) < 0)
		return -1;
	if (!count || count > LINES_MAX)
		return err_set(e, ERR_INVALID, "Log events in a single PutLogEvents request: 1 to %d", LINES_MAX);
	lines = calloc(count, sizeof *lines);
	if (!lines || !out || !json_add_str(out, "nextSequenceToken", "0")) {
		free(lines);
		return err_nomem(e);
	}
	for (size_t i = 0; i < count; i++) {
		struct json_object *v = json_object_array_get_idx(events, i);

		lines[i].time_ms = json_int(v, "timestamp", 0);
		lines[i].text = json_str(v, "message", "");
		lines[i].len = strlen(lines[i].text);
	}
	rc = logs_append(a->logs, id, lines, count, e);
	free(lines);
	if (rc == 0)
		reply_json(reply, 200, out);
	return rc;
}

/* Asks for one more than the page holds: whether it comes says whether there is a next page. */
static void reply_page(struct reply *reply, const char *key, struct json_object *array, const struct logs_query *q)
{
	CLEANUP_JSON struct json_object *out = json_object_new_object();
	size_t page = (size_t)q->limit - 1;
	bool more = json_object_array_length(array) > page;

	if (more)
		json_object_array_del_idx(array, page, 1);
	if (!out || !json_add(out, key, json_object_get(array)) || (more && !add_token(out, "nextToken", 'o', q->offset + q->limit - 1)))
		reply_json(reply, 500, NULL);
	else
		reply_json(reply, 200, out);
}

static void add_arns(struct logs_api *a, struct json_object *array, const char *group, const char *name_key)
{
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *o = json_object_array_get_idx(array, i);
		BUF_CLEANUP struct buf arn = BUF_INIT;

		buf_printf(&arn, "arn:aws:logs:%s:" LOCAL_ACCOUNT_ID ":log-group:%s", a->config->region, group ? group : json_str(o, name_key, ""));
		if (group)
			buf_printf(&arn, ":log-stream:%s", json_str(o, name_key, ""));
		else
			buf_puts(&arn, ":*");
		if (!arn.failed)
			json_add_str(o, "arn", arn.data);
	}
}

static int describe_groups(struct logs_api *a, struct json_object *in, struct reply *reply, struct err *e)
{
	struct logs_query q = { .prefix = json_str(in, "logGroupNamePrefix", NULL) };
	CLEANUP_JSON struct json_object *array = NULL;
	char letter;

	if (limit_of(in, 50, &q.limit, e) < 0 || token_of(in, "o", &letter, &q.offset, e) < 0)
		return -1;
	q.limit++;
	if (logs_groups(a->logs, &q, &array, e) < 0)
		return -1;
	add_arns(a, array, NULL, "logGroupName");
	reply_page(reply, "logGroups", array, &q);
	return 0;
}

static int describe_streams(struct logs_api *a, struct json_object *in, struct reply *reply, struct err *e)
{
	struct logs_query q = { .group = group_name(in, e), .prefix = json_str(in, "logStreamNamePrefix", NULL),
				.by_event_time = !strcmp(json_str(in, "orderBy", ""), "LastEventTime"), .descending = json_flag(in, "descending", false) };
	CLEANUP_JSON struct json_object *array = NULL;
	char letter;

	if (!q.group || limit_of(in, 50, &q.limit, e) < 0 || token_of(in, "o", &letter, &q.offset, e) < 0)
		return -1;
	if (q.by_event_time && q.prefix)
		return err_set(e, ERR_INVALID, "Cannot order by LastEventTime with a logStreamNamePrefix.");
	q.limit++;
	if (logs_streams(a->logs, &q, &array, e) < 0)
		return -1;
	add_arns(a, array, q.group, "logStreamName");
	reply_page(reply, "logStreams", array, &q);
	return 0;
}

static void query_times(struct json_object *in, struct logs_query *q)
{
	q->start_ms = json_int(in, "startTime", 0);
	q->end_ms = json_int(in, "endTime", INT64_MAX);
	q->before = INT64_MAX;
}

static int get_events(struct logs_api *a, struct json_object *in, struct reply *reply, struct err *e)
{
	struct logs_query q = { .group = group_name(in, e), .stream = stream_name(in, e), .newest_first = !json_flag(in, "startFromHead", false) };
	CLEANUP_JSON struct json_object *events = NULL, *out = json_object_new_object();
	int64_t position = 0, first, last, stream;
	char letter = 0;

	query_times(in, &q);
	if (!q.group || !q.stream || limit_of(in, 10000, &q.limit, e) < 0 || token_of(in, "fb", &letter, &position, e) < 0 ||
	    logs_stream_find(a->logs, q.group, q.stream, &stream, e) < 0)
		return -1;
	if (letter) {
		q.newest_first = letter == 'b';
		*(letter == 'b' ? &q.before : &q.after) = position;
	}
	/* With nothing to return a token stands for the same place again: that is how the end is seen. */
	first = letter == 'b' ? position : position + 1;
	last = letter == 'b' ? position - 1 : position;
	if (logs_events(a->logs, &q, &events, &first, &last, e) < 0)
		return -1;
	if (!out || !json_add(out, "events", STEAL(events)) || !add_token(out, "nextForwardToken", 'f', last) ||
	    !add_token(out, "nextBackwardToken", 'b', first))
		return err_nomem(e);
	reply_json(reply, 200, out);
	return 0;
}

/* Of the pattern language only plain and quoted text is known: what it contains must occur. */
static int plain_pattern(const char *pattern, char **ret, struct err *e)
{
	size_t len = pattern ? strlen(pattern) : 0;
	bool quoted = len >= 2 && pattern[0] == '"' && pattern[len - 1] == '"';

	if (!len)
		return 0;
	if (!quoted && strpbrk(pattern, "{}[]?%\" "))
		return err_set(e, ERR_INVALID, "Invalid filter pattern: here only one term or one \"quoted text\" is supported");
	*ret = quoted ? strndup(pattern + 1, len - 2) : strdup(pattern);
	return *ret ? 0 : err_nomem(e);
}

static int filter_events(struct logs_api *a, struct json_object *in, struct reply *reply, struct err *e)
{
	CLEANUP_FREE char *pattern = NULL;
	struct logs_query q = { .group = group_name(in, e), .streams = json_array(in, "logStreamNames"), .prefix = json_str(in, "logStreamNamePrefix", NULL) };
	CLEANUP_JSON struct json_object *events = NULL, *out = json_object_new_object();
	int64_t first = 0, last = 0;
	size_t count;
	char letter;

	query_times(in, &q);
	if (!q.group || limit_of(in, 10000, &q.limit, e) < 0 || token_of(in, "f", &letter, &q.after, e) < 0 ||
	    plain_pattern(json_str(in, "filterPattern", NULL), &pattern, e) < 0)
		return -1;
	if (q.streams && q.prefix)
		return err_set(e, ERR_INVALID, "logStreamNames and logStreamNamePrefix can't be used together");
	q.pattern = pattern;
	/* FilterLogEvents' endTime is inclusive. */
	q.end_ms += q.end_ms < INT64_MAX;
	if (logs_events(a->logs, &q, &events, &first, &last, e) < 0)
		return -1;
	/* An empty page more at the end is allowed, and saves looking ahead. */
	count = json_object_array_length(events);
	if (!out || !json_add(out, "events", STEAL(events)) || !json_add(out, "searchedLogStreams", json_object_new_array()) ||
	    (count && !add_token(out, "nextToken", 'f', last)))
		return err_nomem(e);
	reply_json(reply, 200, out);
	return 0;
}

static const struct {
	const char *name;
	int (*call)(struct logs_api *a, struct json_object *in, struct reply *reply, struct err *e);
} actions[] = {
	{ "CreateLogGroup", create_group },
	{ "CreateLogStream", create_stream },
	{ "DeleteLogGroup", delete_group },
	{ "DescribeLogGroups", describe_groups },
	{ "DescribeLogStreams", describe_streams },
	{ "FilterLogEvents", filter_events },
	{ "GetLogEvents", get_events },
	{ "PutLogEvents", put_events },
};

void logs_api_call(struct logs_api *a, const char *action, struct json_object *input, struct reply *reply)
{
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (strcmp(actions[i].name, action))
			continue;
		if (actions[i].call(a, input, reply, &e) < 0)
			fail(reply, &e);
		return;
	}
	reply_json11_error(reply, 400, "UnknownOperationException", "%.64s isn't among the calls that are played here", action);
}
