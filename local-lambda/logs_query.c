/* The reading half of the log store. */
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "local-lambda/config.h"
#include "local-lambda/logs_store.h"
#include "local-lambda/logs_store_private.h"

#define PAGE_BYTES (1 << 20)
#define EVENT_COST 26

typedef bool row_writer(struct logs *l, const struct logs_query *q, sqlite3_stmt *s, struct json_object *o);

static const char *column(sqlite3_stmt *s, int i)
{
	const char *text = (const char *)sqlite3_column_text(s, i);

	return text ? text : "";
}

static bool add_time(struct json_object *o, const char *key, sqlite3_stmt *s, int i)
{
	return sqlite3_column_type(s, i) == SQLITE_NULL || json_add_int(o, key, sqlite3_column_int64(s, i));
}

static bool write_group(struct logs *l, const struct logs_query *q, sqlite3_stmt *s, struct json_object *o)
{
	return json_add_str(o, "logGroupName", column(s, 0)) && add_time(o, "creationTime", s, 1) &&
	       json_add_int(o, "metricFilterCount", 0) && json_add_int(o, "storedBytes", 0);
}

static bool write_stream(struct logs *l, const struct logs_query *q, sqlite3_stmt *s, struct json_object *o)
{
	return json_add_str(o, "logStreamName", column(s, 0)) && add_time(o, "creationTime", s, 1) &&
	       add_time(o, "firstEventTimestamp", s, 2) && add_time(o, "lastEventTimestamp", s, 3) &&
	       add_time(o, "lastIngestionTime", s, 4) && json_add_int(o, "storedBytes", 0);
}

static int collect(struct logs *l, const struct logs_query *q, sqlite3_stmt *s, row_writer *write, struct json_object **ret, struct err *e)
{
	CLEANUP_JSON struct json_object *array = json_object_new_array();
	int rc;

	while (array && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct json_object *o = json_object_new_object();

		if (!o || !write(l, q, s, o) || json_object_array_add(array, o) < 0) {
			json_object_put(o);
			return err_nomem(e);
		}
	}
	if (!array)
		return err_nomem(e);
	if (rc != SQLITE_DONE)
		return logs_sql_error(l, e);
	*ret = json_object_get(array);
	return 0;
}

int logs_groups(struct logs *l, const struct logs_query *q, struct json_object **ret, struct err *e)
{
	HOLD(&l->lock);
	CLEANUP_STMT sqlite3_stmt *s = NULL;

	if (logs_prepare(l, &s, "SELECT name, created FROM log_group WHERE ?1 IS NULL OR substr(name, 1, length(?1)) = ?1"
			 " ORDER BY name LIMIT ?2 OFFSET ?3", e) < 0 || logs_bind_texts(l, s, e, 1, q->prefix) < 0)
		return -1;
	sqlite3_bind_int64(s, 2, q->limit);
	sqlite3_bind_int64(s, 3, q->offset);
	return collect(l, q, s, write_group, ret, e);
}

int logs_streams(struct logs *l, const struct logs_query *q, struct json_object **ret, struct err *e)
{
	HOLD(&l->lock);
	CLEANUP_STMT sqlite3_stmt *s = NULL;
	BUF_CLEANUP struct buf sql = BUF_INIT;
	int64_t group;

	buf_printf(&sql, "SELECT name, created, first_event, last_event, last_ingestion FROM log_stream"
		   " WHERE (?1 IS NULL OR substr(name, 1, length(?1)) = ?1) AND group_id = ?2 ORDER BY %s %s, id LIMIT ?3 OFFSET ?4",
		   q->by_event_time ? "last_event" : "name", q->descending ? "DESC" : "ASC");
	if (sql.failed)
		return err_nomem(e);
	if (logs_group_id(l, q->group, &group, e) < 0 || logs_prepare(l, &s, sql.data, e) < 0 || logs_bind_texts(l, s, e, 1, q->prefix) < 0)
		return -1;
	sqlite3_bind_int64(s, 2, group);
	sqlite3_bind_int64(s, 3, q->limit);
	sqlite3_bind_int64(s, 4, q->offset);
	return collect(l, q, s, write_stream, ret, e);
}

/* What isn't UTF-8 becomes U+FFFD: JSON holds nothing else. */
static char *valid_text(const unsigned char *in, size_t len, size_t *ret_len)
{
	BUF_CLEANUP struct buf out = BUF_INIT;

	for (size_t i = 0; i < len;) {
		static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
		size_t n = in[i] < 0x80 ? 1 : (in[i] & 0xe0) == 0xc0 ? 2 : (in[i] & 0xf0) == 0xe0 ? 3 : (in[i] & 0xf8) == 0xf0 ? 4 : 0;
		uint32_t code = n > 1 ? in[i] ^ lead[n] : in[i];
		static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
		bool good = n && i + n <= len;

		for (size_t k = 1; good && k < n; k++) {
			good = (in[i + k] & 0xc0) == 0x80;
			code = code << 6 | (in[i + k] & 0x3f);
		}
		good = good && code >= least[n] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
		buf_append(&out, good ? (const char *)in + i : "\xef\xbf\xbd", good ? n : 3);
		i += good ? n : 1;
	}
	*ret_len = out.len;
	return buf_steal(&out);
}

static struct json_object *event_object(const struct logs_query *q, sqlite3_stmt *s)
{
	size_t len;
	char *text = valid_text(sqlite3_column_blob(s, 3), (size_t)sqlite3_column_bytes(s, 3), &len);
	struct json_object *o = json_object_new_object();
	char id[60];
	bool ok = text && o && json_add_int(o, "timestamp", sqlite3_column_int64(s, 1)) &&
		  json_add(o, "message", json_object_new_string_len(text, (int)len)) &&
		  json_add_int(o, "ingestionTime", sqlite3_column_int64(s, 2));

	if (ok && !q->stream) {
		snprintf(id, sizeof id, "%056lld", (long long)sqlite3_column_int64(s, 0));
		ok = json_add_str(o, "eventId", id) && json_add_str(o, "logStreamName", column(s, 4));
	}
	free(text);
	if (ok)
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *reversed(struct json_object *array)
{
	size_t n = json_object_array_length(array);
	struct json_object *out = json_object_new_array();

	for (size_t i = n; out && i-- > 0;)
		json_object_array_add(out, json_object_get(json_object_array_get_idx(array, i)));
	json_object_put(array);
	return out;
}

static int collect_events(struct logs *l, const struct logs_query *q, sqlite3_stmt *s, struct json_object **ret,
			  int64_t *ret_first, int64_t *ret_last, struct err *e)
{
	CLEANUP_JSON struct json_object *array = json_object_new_array();
	int64_t first = 0, last = 0;
	size_t bytes = 0;
	int rc;

	if (!array)
		return err_nomem(e);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct json_object *o;

		bytes += (size_t)sqlite3_column_bytes(s, 3) + EVENT_COST;
		if (bytes > PAGE_BYTES && json_object_array_length(array) > 0)
			break;
		o = event_object(q, s);
		if (!o || json_object_array_add(array, o) < 0) {
			json_object_put(o);
			return err_nomem(e);
		}
		last = sqlite3_column_int64(s, 0);
		first = first ? first : last;
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		return logs_sql_error(l, e);
	if (first) {
		*ret_first = q->newest_first ? last : first;
		*ret_last = q->newest_first ? first : last;
	}
	if (q->newest_first)
		array = reversed(array);
	if (!array)
		return err_nomem(e);
	*ret = json_object_get(array);
	return 0;
}

int logs_events(struct logs *l, const struct logs_query *q, struct json_object **ret, int64_t *ret_first, int64_t *ret_last, struct err *e)
{
	HOLD(&l->lock);
	CLEANUP_STMT sqlite3_stmt *s = NULL;
	BUF_CLEANUP struct buf sql = BUF_INIT;
	int64_t group;

	buf_printf(&sql, "SELECT v.id, v.time, v.ingestion, v.message, t.name FROM log_event v JOIN log_stream t ON t.id = v.stream_id"
		   " WHERE t.group_id = ?5 AND (?1 IS NULL OR t.name = ?1) AND (?2 IS NULL OR substr(t.name, 1, length(?2)) = ?2)"
		   " AND (?3 IS NULL OR instr(CAST(v.message AS TEXT), ?3) > 0) AND (?4 IS NULL OR t.name IN (SELECT value FROM json_each(?4)))"
		   " AND v.id > ?6 AND v.id < ?7 AND v.time >= ?8 AND v.time < ?9 ORDER BY v.id %s LIMIT ?10", q->newest_first ? "DESC" : "ASC");
	if (sql.failed)
		return err_nomem(e);
	if (logs_group_id(l, q->group, &group, e) < 0 || logs_prepare(l, &s, sql.data, e) < 0 ||
	    logs_bind_texts(l, s, e, 4, q->stream, q->prefix, q->pattern, q->streams ? json_text(q->streams) : NULL) < 0)
		return -1;
	sqlite3_bind_int64(s, 5, group);
	sqlite3_bind_int64(s, 6, q->after);
	sqlite3_bind_int64(s, 7, q->before);
	sqlite3_bind_int64(s, 8, q->start_ms);
	sqlite3_bind_int64(s, 9, q->end_ms);
	sqlite3_bind_int64(s, 10, q->limit);
	return collect_events(l, q, s, ret, ret_first, ret_last, e);
}
