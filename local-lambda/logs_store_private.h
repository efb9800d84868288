/* What the files of the log store share. */
#ifndef SOCKERLESS_LOCAL_LOGS_STORE_PRIVATE_H
#define SOCKERLESS_LOCAL_LOGS_STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "local-lambda/logs_store.h"

struct logs {
	sqlite3 *db;
	pthread_mutex_t lock;
	uint64_t bytes;
	uint64_t max_bytes;
};

static inline void cleanup_stmt(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
}
#define CLEANUP_STMT __attribute__((cleanup(cleanup_stmt)))

static inline void cleanup_unlock(pthread_mutex_t **m)
{
	pthread_mutex_unlock(*m);
}
/* Holds the mutex to the end of the scope. */
#define HOLD(m) __attribute__((cleanup(cleanup_unlock), unused)) pthread_mutex_t *held_ = (pthread_mutex_lock(m), (m))

int logs_sql_error(struct logs *l, struct err *e);
int logs_prepare(struct logs *l, sqlite3_stmt **ret, const char *sql, struct err *e);
/* Binds the texts, NULLs included, from the first parameter on. */
int logs_bind_texts(struct logs *l, sqlite3_stmt *s, struct err *e, int count, ...);
/* The number of the group, under the lock. ERR_NOT_FOUND. */
int logs_group_id(struct logs *l, const char *group, int64_t *ret, struct err *e);

#endif
