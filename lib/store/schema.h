/* The database file and its migrations; used by store.c alone. */
#ifndef SOCKERLESS_SCHEMA_H
#define SOCKERLESS_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>

#include "lib/err.h"

/* Opens `state_dir`/sockerless.db with the settings that every connection needs. */
int schema_connect(sqlite3 **ret, const char *state_dir, bool create, struct err *e);
/* ERR_UNAVAILABLE unless the schema is the one that this program was built with. */
int schema_check(sqlite3 *db, const char *state_dir, struct err *e);

#endif
