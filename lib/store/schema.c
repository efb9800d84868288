#include "lib/store/schema.h"

#include <stdio.h>
#include <sys/stat.h>

#include "lib/store/store.h"
#include "sql/migrations.h"

#define MIGRATION_COUNT ((int)(sizeof migrations / sizeof *migrations))

int schema_connect(sqlite3 **ret, const char *state_dir, bool create, struct err *e)
{
	char path[4096];
	sqlite3 *db = NULL;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);

	if ((size_t)snprintf(path, sizeof path, "%s/sockerless.db", state_dir) >= sizeof path)
		return err_set(e, ERR_INVALID, "%s: path too long", state_dir);
	if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK ||
	    sqlite3_exec(db, "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
			     "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA wal_autocheckpoint=0;",
			 NULL, NULL, NULL) != SQLITE_OK) {
		err_set(e, ERR_UNAVAILABLE, "%s: %s (sockerlessctl migrate makes the database)", path,
			db ? sqlite3_errmsg(db) : "out of memory");
		sqlite3_close(db);
		return -1;
	}
	*ret = db;
	return 0;
}

static int read_version(sqlite3 *db, struct err *e)
{
	sqlite3_stmt *stmt;
	int version;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW) {
		sqlite3_finalize(stmt);
		return err_set(e, ERR_UNAVAILABLE, "the database can't be read: %s", sqlite3_errmsg(db));
	}
	version = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return version;
}

int schema_check(sqlite3 *db, const char *state_dir, struct err *e)
{
	int version = read_version(db, e);

	if (version < 0)
		return -1;
	if (version != MIGRATION_COUNT)
		return err_set(e, ERR_UNAVAILABLE, "%s/sockerless.db has schema %d, this program needs %d: run sockerlessctl migrate",
			       state_dir, version, MIGRATION_COUNT);
	return 0;
}

static int apply(sqlite3 *db, int index, struct err *e)
{
	char set_version[64];

	snprintf(set_version, sizeof set_version, "PRAGMA user_version=%d", migrations[index].number);
	if (sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK &&
	    sqlite3_exec(db, migrations[index].sql, NULL, NULL, NULL) == SQLITE_OK &&
	    sqlite3_exec(db, set_version, NULL, NULL, NULL) == SQLITE_OK &&
	    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	err_set(e, ERR_INTERNAL, "migration %d: %s", migrations[index].number, sqlite3_errmsg(db));
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

int store_migrate(const char *state_dir, struct err *e)
{
	sqlite3 *db = NULL;
	int version, rc = -1;

	if (schema_connect(&db, state_dir, true, e) < 0)
		return -1;
	version = read_version(db, e);
	if (version > MIGRATION_COUNT) {
		err_set(e, ERR_UNAVAILABLE, "the database is newer (schema %d) than this program (%d)", version, MIGRATION_COUNT);
	} else if (version >= 0) {
		for (rc = 0; version + rc < MIGRATION_COUNT; rc++) {
			if (apply(db, version + rc, e) < 0) {
				rc = -1;
				break;
			}
		}
	}
	sqlite3_close(db);
	return rc;
}
