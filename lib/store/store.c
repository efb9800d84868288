#include "lib/store/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define QUERIES_TEXT
#include "sql/queries.h"
#undef SOCKERLESS_QUERIES_H
#include "lib/log.h"
#include "lib/store/schema.h"

#define BUSY_MS 5000

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[QUERY_COUNT];
};

static int64_t clock_read(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t time_now(void)
{
	return clock_read(CLOCK_REALTIME);
}

int64_t time_monotonic(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

static int fail(struct store *s, struct err *e, const char *what)
{
	int code = sqlite3_errcode(s->db) & 0xff;

	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return err_set(e, ERR_UNAVAILABLE, "the database is busy, try again");
	if (code == SQLITE_FULL || code == SQLITE_IOERR)
		return err_set(e, ERR_UNAVAILABLE, "the database can't be written (%s): is the disk full?", sqlite3_errmsg(s->db));
	if (code == SQLITE_CONSTRAINT)
		return err_set(e, ERR_CONFLICT, "%s: %s", what, sqlite3_errmsg(s->db));
	return err_set(e, ERR_INTERNAL, "%s: %s", what, sqlite3_errmsg(s->db));
}

int store_open(struct store **ret, const char *state_dir, struct err *e)
{
	struct store *s = calloc(1, sizeof *s);

	if (!s)
		return err_nomem(e);
	if (schema_connect(&s->db, state_dir, false, e) < 0) {
		free(s);
		return -1;
	}
	sqlite3_busy_timeout(s->db, BUSY_MS);
	if (schema_check(s->db, state_dir, e) < 0) {
		store_close(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (int q = 0; q < QUERY_COUNT; q++)
		sqlite3_finalize(s->statements[q]);
	sqlite3_close(s->db);
	free(s);
}

static int prepare(struct store *s, enum query q, struct err *e)
{
	if (s->statements[q]) {
		sqlite3_reset(s->statements[q]);
		return 0;
	}
	if (sqlite3_prepare_v3(s->db, queries[q].sql, -1, SQLITE_PREPARE_PERSISTENT, &s->statements[q], NULL) != SQLITE_OK)
		return fail(s, e, queries[q].name);
	return 0;
}

static int query_va(struct store *s, enum query q, struct err *e, const char *types, va_list ap)
{
	sqlite3_stmt *stmt;
	int rc = SQLITE_OK;

	if (prepare(s, q, e) < 0)
		return -1;
	stmt = s->statements[q];
	if ((size_t)sqlite3_bind_parameter_count(stmt) != strlen(types))
		return err_set(e, ERR_INTERNAL, "%s: %d parameters, %zu given", queries[q].name,
			       sqlite3_bind_parameter_count(stmt), strlen(types));
	for (int i = 0; types[i] && rc == SQLITE_OK; i++) {
		if (types[i] == 't')
			rc = sqlite3_bind_text(stmt, i + 1, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		else
			rc = sqlite3_bind_int64(stmt, i + 1, va_arg(ap, int64_t));
	}
	return rc == SQLITE_OK ? 0 : fail(s, e, queries[q].name);
}

int store_query(struct store *s, enum query q, struct err *e, const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = query_va(s, q, e, types, ap);
	va_end(ap);
	return rc;
}

int store_step(struct store *s, enum query q, struct err *e)
{
	switch (sqlite3_step(s->statements[q])) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		sqlite3_reset(s->statements[q]);
		return 0;
	default:
		fail(s, e, queries[q].name);
		sqlite3_reset(s->statements[q]);
		return -1;
	}
}

const char *store_text_or_null(struct store *s, enum query q, int column)
{
	return (const char *)sqlite3_column_text(s->statements[q], column);
}

const char *store_text(struct store *s, enum query q, int column)
{
	const char *text = store_text_or_null(s, q, column);

	return text ? text : "";
}

int64_t store_int(struct store *s, enum query q, int column)
{
	return sqlite3_column_int64(s->statements[q], column);
}

bool store_is_null(struct store *s, enum query q, int column)
{
	return sqlite3_column_type(s->statements[q], column) == SQLITE_NULL;
}

void store_reset(struct store *s, enum query q)
{
	if (s->statements[q])
		sqlite3_reset(s->statements[q]);
}

int store_run(struct store *s, enum query q, struct err *e, const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = query_va(s, q, e, types, ap);
	va_end(ap);
	if (rc < 0 || store_step(s, q, e) < 0)
		return -1;
	store_reset(s, q);
	return sqlite3_changes(s->db);
}

int store_row(struct store *s, enum query q, struct err *e, const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = query_va(s, q, e, types, ap);
	va_end(ap);
	return rc < 0 ? -1 : store_step(s, q, e);
}

int store_changes(const struct store *s)
{
	return sqlite3_total_changes(s->db);
}

int64_t store_last_id(struct store *s)
{
	return sqlite3_last_insert_rowid(s->db);
}

int store_begin(struct store *s, struct err *e)
{
	return store_run(s, QUERY_BEGIN, e, "") < 0 ? -1 : 0;
}

int store_commit(struct store *s, struct err *e)
{
	if (store_run(s, QUERY_COMMIT, e, "") >= 0)
		return 0;
	store_rollback(s);
	return -1;
}

void store_rollback(struct store *s)
{
	struct err ignored;

	/* SQLite may have rolled back by itself (disk full). */
	if (!sqlite3_get_autocommit(s->db))
		store_run(s, QUERY_ROLLBACK, &ignored, "");
}

sqlite3 *store_handle(struct store *s)
{
	return s->db;
}
