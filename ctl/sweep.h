/* The reconciler's work, in pieces that can be repeated at any time. All block. */
#ifndef SOCKERLESS_SWEEP_H
#define SOCKERLESS_SWEEP_H

#include "lib/aws/http.h"
#include "lib/err.h"
#include "lib/settings.h"
#include "lib/store/store.h"

struct sweep {
	const struct settings *settings;
	struct store *store;
	struct aws_client *aws;
	int64_t steady_since; /* monotonic ns: the clock was set then; 0: never */
};

/*
 * Ends every row in `removing`: the function, then the row. A crash in
 * between leaves the row, so that all of it is done again. Returns how many
 * ended; -1 with the first error of AWS or the store (the rest was tried only
 * if the error was that function's own).
 */
int sweep_removing(struct sweep *s, struct err *e);

/* Rows that stay in `creating` longer than any CreateFunction takes become `removing`. Returns how many. */
int sweep_creating(struct sweep *s, struct err *e);

/* Answers that nobody waits for any more, and old events. */
int sweep_expired(struct sweep *s, struct err *e);

/* Brings the WAL's pages into the database file. */
void sweep_checkpoint(struct sweep *s);

/*
 * Compares the functions of this deployment (name skls-..., Description
 * "sockerless <deployment> <id>") with the rows: a function without a row is
 * deleted after its tags were read; a row without a function is logged.
 */
int sweep_functions(struct sweep *s, struct err *e);

/* Deletes from our registry what neither an image nor a container needs any more (SOCKERLESS_REGISTRY_KEEP, SOCKERLESS_DERIVED_KEEP). Returns how many manifests. */
int sweep_registry(struct sweep *s, struct err *e);

/* Directories of output that belong to no row, and that a gateway which died left behind: untouched for hours. */
int sweep_spool(struct sweep *s, struct err *e);
/* Removes a container's spool; one that isn't there is success. */
int spool_remove(const char *state_dir, const char *id, struct err *e);
/* Indexes of layers that weren't used for a month, and what pulls left that broke off more than a day ago. Returns how many. */
int sweep_index(struct sweep *s, struct err *e);

#endif
