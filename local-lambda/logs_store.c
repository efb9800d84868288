#include "local-lambda/logs_store.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "local-lambda/clock.h"
#include "local-lambda/logs_store_private.h"

#define EVENT_COST 26 /* what CloudWatch counts for an event beside its text */

static const char schema[] =
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = OFF;" /* a log of a stand-in: what a power cut takes isn't missed */
	"PRAGMA foreign_keys = ON;"
	"CREATE TABLE IF NOT EXISTS log_group (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL) STRICT;"
	"CREATE TABLE IF NOT EXISTS log_stream (id INTEGER PRIMARY KEY, group_id INTEGER NOT NULL REFERENCES log_group ON DELETE CASCADE,"
	"  name TEXT NOT NULL, created INTEGER NOT NULL, first_event INTEGER, last_event INTEGER, last_ingestion INTEGER,"
	"  UNIQUE (group_id, name)) STRICT;"
	"CREATE TABLE IF NOT EXISTS log_event (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  stream_id INTEGER NOT NULL REFERENCES log_stream ON DELETE CASCADE,"
	"  time INTEGER NOT NULL, ingestion INTEGER NOT NULL, message BLOB NOT NULL) STRICT;"
	"CREATE INDEX IF NOT EXISTS log_event_stream ON log_event (stream_id, id);";

int logs_sql_error(struct logs *l, struct err *e)
{
	return err_set(e, ERR_INTERNAL, "logs: %s", sqlite3_errmsg(l->db));
}

int logs_prepare(struct logs *l, sqlite3_stmt **ret, const char *sql, struct err *e)
{
	return sqlite3_prepare_v2(l->db, sql, -1, ret, NULL) == SQLITE_OK ? 0 : logs_sql_error(l, e);
}

int logs_bind_texts(struct logs *l, sqlite3_stmt *s, struct err *e, int count, ...)
{
	int rc = SQLITE_OK;
	va_list ap;

	va_start(ap, count);
	for (int i = 1; i <= count && rc == SQLITE_OK; i++)
		rc = sqlite3_bind_text(s, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
	va_end(ap);
	return rc == SQLITE_OK ? 0 : logs_sql_error(l, e);
}

static int run(struct logs *l, const char *sql, struct err *e)
{
	return sqlite3_exec(l->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : logs_sql_error(l, e);
}

static int measure(struct logs *l, struct err *e)
{
	CLEANUP_STMT sqlite3_stmt *s = NULL;

	if (logs_prepare(l, &s, "SELECT coalesce(sum(length(message) + 26), 0) FROM log_event", e) < 0)
		return -1;
	if (sqlite3_step(s) != SQLITE_ROW)
		return logs_sql_error(l, e);
	l->bytes = (uint64_t)sqlite3_column_int64(s, 0);
	return 0;
}

int logs_open(struct logs **ret, const char *path, uint64_t max_bytes, struct err *e)
{
	struct logs *l = calloc(1, sizeof *l);

	if (!l)
		return err_nomem(e);
	pthread_mutex_init(&l->lock, NULL);
	l->max_bytes = max_bytes;
	if (sqlite3_open_v2(path, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		logs_sql_error(l, e);
	else if (run(l, schema, e) == 0 && measure(l, e) == 0) {
		*ret = l;
		return 0;
	}
	err_prefix(e, "%s", path);
	logs_close(l);
	return -1;
}

void logs_close(struct logs *l)
{
	if (!l)
		return;
	sqlite3_close(l->db);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

int logs_group_id(struct logs *l, const char *group, int64_t *ret, struct err *e)
{
	CLEANUP_STMT sqlite3_stmt *s = NULL;
	int rc;

	if (logs_prepare(l, &s, "SELECT id FROM log_group WHERE name = ?", e) < 0 || logs_bind_texts(l, s, e, 1, group) < 0)
		return -1;
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		return err_set(e, ERR_NOT_FOUND, "The specified log group does not exist.");
	if (rc != SQLITE_ROW)
		return logs_sql_error(l, e);
	*ret = sqlite3_column_int64(s, 0);
	return 0;
}

int logs_group_create(struct logs *l, const char *group, struct err *e)
{
	HOLD(&l->lock);
	CLEANUP_STMT sqlite3_stmt *s = NULL;

	if (logs_prepare(l, &s, "INSERT OR IGNORE INTO log_group (name, created) VALUES (?, ?)", e) < 0 ||
	    logs_bind_texts(l, s, e, 1, group) < 0)
		return -1;
	sqlite3_bind_int64(s, 2, wall_ms());
	if (sqlite3_step(s) != SQLITE_DONE)
		return logs_sql_error(l, e);
	return sqlite3_changes(l->db) ? 0 : err_set(e, ERR_CONFLICT, "The specified log group already exists");
}

int logs_group_delete(struct logs *l, const char *group, struct err *e)
{
	HOLD(&l->lock);
	CLEANUP_STMT sqlite3_stmt *s = NULL;

	if (logs_prepare(l, &s, "DELETE FROM log_group WHERE name = ?", e) < 0 || logs_bind_texts(l, s, e, 1, group) < 0)
		return -1;
	if (sqlite3_step(s) != SQLITE_DONE)
		return logs_sql_error(l, e);
	if (!sqlite3_changes(l->db))
		return err_set(e, ERR_NOT_FOUND, "The specified log group does not exist.");
	return measure(l, e);
}

int logs_stream_create(struct logs *l, const char *group, const char *stream, struct err *e)
{
	HOLD(&l->lock);
	CLEANUP_STMT sqlite3_stmt *s = NULL;
	int64_t id;

	if (logs_group_id(l, group, &id, e) < 0 ||
	    logs_prepare(l, &s, "INSERT OR IGNORE INTO log_stream (name, group_id, created) VALUES (?, ?, ?)", e) < 0 ||
	    logs_bind_texts(l, s, e, 1, stream) < 0)
		return -1;
	sqlite3_bind_int64(s, 2, id);
	sqlite3_bind_int64(s, 3, wall_ms());
	if (sqlite3_step(s) != SQLITE_DONE)
		return logs_sql_error(l, e);
	return sqlite3_changes(l->db) ? 0 : err_set(e, ERR_CONFLICT, "The specified log stream already exists");
}

int logs_stream_find(struct logs *l, const char *group, const char *stream, int64_t *ret, struct err *e)
{
	HOLD(&l->lock);
	CLEANUP_STMT sqlite3_stmt *s = NULL;
	int64_t id;
	int rc;

	if (logs_group_id(l, group, &id, e) < 0 ||
	    logs_prepare(l, &s, "SELECT id FROM log_stream WHERE name = ? AND group_id = ?", e) < 0 ||
	    logs_bind_texts(l, s, e, 1, stream) < 0)
		return -1;
	sqlite3_bind_int64(s, 2, id);
	rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		return err_set(e, ERR_NOT_FOUND, "The specified log stream does not exist.");
	if (rc != SQLITE_ROW)
		return logs_sql_error(l, e);
	*ret = sqlite3_column_int64(s, 0);
	return 0;
}

static int insert_lines(struct logs *l, int64_t stream, const struct log_line *lines, size_t count, struct err *e)
{
	CLEANUP_STMT sqlite3_stmt *s = NULL;
	int64_t now = wall_ms();

	if (logs_prepare(l, &s, "INSERT INTO log_event (stream_id, time, ingestion, message) VALUES (?, ?, ?, ?)", e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		sqlite3_bind_int64(s, 1, stream);
		sqlite3_bind_int64(s, 2, lines[i].time_ms);
		sqlite3_bind_int64(s, 3, now);
		sqlite3_bind_blob64(s, 4, lines[i].len ? lines[i].text : "", lines[i].len, SQLITE_STATIC);
		if (sqlite3_step(s) != SQLITE_DONE)
			return logs_sql_error(l, e);
		sqlite3_reset(s);
		l->bytes += lines[i].len + EVENT_COST;
	}
	return 0;
}

static int touch_stream(struct logs *l, int64_t stream, int64_t first, int64_t last, struct err *e)
{
	CLEANUP_STMT sqlite3_stmt *s = NULL;

	if (logs_prepare(l, &s, "UPDATE log_stream SET first_event = min(coalesce(first_event, ?2), ?2),"
			 " last_event = max(coalesce(last_event, ?3), ?3), last_ingestion = ?4 WHERE id = ?1", e) < 0)
		return -1;
	sqlite3_bind_int64(s, 1, stream);
	sqlite3_bind_int64(s, 2, first);
	sqlite3_bind_int64(s, 3, last);
	sqlite3_bind_int64(s, 4, wall_ms());
	return sqlite3_step(s) == SQLITE_DONE ? 0 : logs_sql_error(l, e);
}

static int trim(struct logs *l, struct err *e)
{
	if (run(l, "DELETE FROM log_event WHERE id <= (SELECT min(id) + (max(id) - min(id)) / 4 FROM log_event)", e) < 0)
		return -1;
	log_info("logs: the oldest events are deleted, %llu bytes is the limit", (unsigned long long)l->max_bytes);
	return measure(l, e);
}

int logs_append(struct logs *l, int64_t stream, const struct log_line *lines, size_t count, struct err *e)
{
	HOLD(&l->lock);

	if (!count)
		return 0;
	if (run(l, "BEGIN IMMEDIATE", e) < 0)
		return -1;
	if (insert_lines(l, stream, lines, count, e) < 0 || touch_stream(l, stream, lines[0].time_ms, lines[count - 1].time_ms, e) < 0 ||
	    (l->bytes > l->max_bytes && trim(l, e) < 0) || run(l, "COMMIT", e) < 0) {
		run(l, "ROLLBACK", NULL);
		return -1;
	}
	return 0;
}
