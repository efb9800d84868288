/*
 * The SQLite store that all processes share: WAL, foreign keys, IMMEDIATE
 * transactions. Statements come from sql/queries.sql alone and are prepared
 * once. One struct store belongs to one thread of one process; open it after
 * fork, never before. Everything here may block up to the busy timeout (5 s,
 * then ERR_UNAVAILABLE).
 */
#ifndef SOCKERLESS_STORE_H
#define SOCKERLESS_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "sql/queries.h"

struct store;

/* `state_dir`/sockerless.db. The schema must be there (store_migrate); ERR_UNAVAILABLE names the command that makes it. */
int store_open(struct store **ret, const char *state_dir, struct err *e);
void store_close(struct store *s); /* NULL is fine */

/* Creates the database if need be and applies missing migrations; returns how many. By one process, before the others start. */
int store_migrate(const char *state_dir, struct err *e);

/*
 * Prepares a statement for its rows: resets it, binds `types` in order of the
 * parameters: 't' const char * (NULL is NULL), 'i' int64_t. Then step, read
 * columns with store_text / store_int, and finish with store_reset (which
 * store_query also does by itself at the next use).
 */
int store_query(struct store *s, enum query q, struct err *e, const char *types, ...);
/* 1: a row, 0: no more, -1: error. */
int store_step(struct store *s, enum query q, struct err *e);
const char *store_text(struct store *s, enum query q, int column); /* "" for NULL; valid until the next step or reset */
const char *store_text_or_null(struct store *s, enum query q, int column);
int64_t store_int(struct store *s, enum query q, int column);
bool store_is_null(struct store *s, enum query q, int column);
void store_reset(struct store *s, enum query q);

/* store_query + one step for statements without rows; returns the number of changed rows. */
int store_run(struct store *s, enum query q, struct err *e, const char *types, ...);
/* store_query + one step: 1 with the row ready to read (then store_reset), 0 none, -1 error. */
int store_row(struct store *s, enum query q, struct err *e, const char *types, ...);

/* Rows that this connection has written since it was opened. */
int store_changes(const struct store *s);
int64_t store_last_id(struct store *s);

/* BEGIN IMMEDIATE; every begin is followed by exactly one commit or rollback. No network call in between. */
int store_begin(struct store *s, struct err *e);
/* Durable on return (synchronous=FULL). On failure it has rolled back. */
int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s);

/* The handle, for tests and checkpoints. */
sqlite3 *store_handle(struct store *s);

/* Nanoseconds since the epoch: for rows and for people. It jumps when somebody sets the clock. */
int64_t time_now(void);
/* Nanoseconds of a clock that doesn't: for how long something takes. */
int64_t time_monotonic(void);

#endif
