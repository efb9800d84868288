/*
 * CloudWatch Logs' groups, streams and events in one SQLite file. Bounded: above
 * its limit the oldest quarter of the events goes. Thread-safe; each call may
 * block for the time of a small transaction.
 */
#ifndef SOCKERLESS_LOCAL_LOGS_STORE_H
#define SOCKERLESS_LOCAL_LOGS_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/json.h"

struct logs;

struct log_line {
	int64_t time_ms;
	const char *text; /* valid UTF-8 or not: what isn't is replaced when it is read */
	size_t len;
};

int logs_open(struct logs **ret, const char *path, uint64_t max_bytes, struct err *e);
void logs_close(struct logs *l);

/* ERR_CONFLICT when it is there, ERR_NOT_FOUND when it (or its group) isn't. */
int logs_group_create(struct logs *l, const char *group, struct err *e);
int logs_group_delete(struct logs *l, const char *group, struct err *e);
int logs_stream_create(struct logs *l, const char *group, const char *stream, struct err *e);
/* The number of a stream, for logs_append. */
int logs_stream_find(struct logs *l, const char *group, const char *stream, int64_t *ret, struct err *e);
int logs_append(struct logs *l, int64_t stream, const struct log_line *lines, size_t count, struct err *e);

/* What the reading calls ask for; absent texts are NULL. */
struct logs_query {
	const char *group;
	const char *prefix;      /* of group or stream names */
	const char *stream;
	struct json_object *streams; /* array of names, or NULL */
	const char *pattern;     /* the event must contain it */
	int64_t start_ms, end_ms; /* start <= time < end */
	int64_t after;           /* events beyond this position */
	int64_t before;          /* and below this one */
	bool newest_first;       /* the last `limit` instead of the first */
	bool by_event_time, descending; /* order of streams */
	int64_t offset;          /* of groups and streams */
	int64_t limit;
};

/* Each adds to *ret, a new JSON array of what the API returns; the caller owns it. */
int logs_groups(struct logs *l, const struct logs_query *q, struct json_object **ret, struct err *e);
int logs_streams(struct logs *l, const struct logs_query *q, struct json_object **ret, struct err *e);
/*
 * Events in order of arrival, at most 1 MB of them. *ret_first and *ret_last are
 * the positions of the first and last one returned (untouched when there is none).
 */
int logs_events(struct logs *l, const struct logs_query *q, struct json_object **ret, int64_t *ret_first, int64_t *ret_last, struct err *e);

#endif
